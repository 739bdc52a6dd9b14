"""What a row should have said: labels, and what calling at that row is worth."""
