"""Samples in, rows out: the one definition of a window."""
