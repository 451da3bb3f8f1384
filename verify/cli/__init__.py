"""The command line: ``reinmax-verify``."""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version

from verify.cli import bench, bias, check, identify, order, prove, vectors
from verify.cli.output import refuse

__all__ = ["main"]

#: Exit status of a command that the keyboard ended, as shells have it.
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; ``argv`` absent means the arguments of the process."""
    parser = argparse.ArgumentParser(
        prog="reinmax-verify", description="Is an implementation ReinMax, and how biased is it?"
    )
    parser.add_argument("--version", action="version", version=f"reinmax-ref {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for command in (check, identify, prove, order, bias, vectors, bench):
        command.add(commands)
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        _refuse_unknown(commands.choices[arguments.command], unknown)
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        refuse("interrupted")
        return INTERRUPTED
    return status


def _version() -> str:
    try:
        return version("reinmax-ref")
    except PackageNotFoundError:  # run from a checkout
        return "(not installed)"


def _refuse_unknown(parser: argparse.ArgumentParser, unknown: list[str]) -> None:
    """Refuse an option that there is not, with the one that may be meant."""
    options = [name for name in unknown if name.startswith("--")]
    if not options:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    name = options[0].partition("=")[0]
    known = [flag for action in parser._actions for flag in action.option_strings]  # noqa: SLF001
    near = get_close_matches(name, known, n=1)
    parser.error(f"there is no option {name}" + (f"; did you mean {near[0]}?" if near else ""))
