"""A simulated ward: patients who stay stable, patients who deteriorate, and monitors that tell them apart badly."""
