"""What a row should have said: labels, what calling at that row is worth, and how well risks rank rows."""
