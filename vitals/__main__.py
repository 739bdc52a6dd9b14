"""``python -m vitals`` is the command ``vitals``."""

from vitals.cli.main import run

if __name__ == "__main__":
    run()
