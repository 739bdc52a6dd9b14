"""Bytes in, lines; lines out, bytes."""
