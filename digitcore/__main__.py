"""The command line of `python -m digitcore`, which is the same as `digitlab`."""

import sys


def run() -> None:
    """Run the command of `sys.argv` and end this process. An interrupt during the imports prints a message, not a traceback.

    Example:
        >>> run()  # doctest: +SKIP
    """
    try:
        from digitcore import cli
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run the same command again.\n")
        sys.exit(130)
    cli.run()


if __name__ == "__main__":
    run()
