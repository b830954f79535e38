"""`python -m digitcore` is the command `digitlab`."""

from digitcore.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
