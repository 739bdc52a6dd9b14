"""Open a model folder and step a ward through it."""
