"""Bedside scores: NEWS2, MEWS, qSOFA, SIRS and the shock index, on any number of rows at once."""
