"""The command line: ``reinmax-verify``."""

import argparse
from collections.abc import Sequence

from verify.cli import bench, bias, check, order, prove, vectors

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; absent means those of the process.

    Returns
    -------
    int
    """
    parser = argparse.ArgumentParser(
        prog="reinmax-verify", description="Is an implementation ReinMax, and how biased is it?"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (check, prove, order, bias, vectors, bench):
        command.add(commands)
    arguments = parser.parse_args(argv)
    status: int = arguments.run(arguments)
    return status
