"""The command line of `python -m digitcore`, which is the same as `digitlab`."""

from digitcore.cli import run

if __name__ == "__main__":
    run()
