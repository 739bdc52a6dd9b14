"""Every setting as frozen dataclasses read from one TOML file."""
