"""The tests of vitals."""
