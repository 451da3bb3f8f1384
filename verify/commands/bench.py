"""``reinmax-verify bench``: the speed of the op beside others."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from verify import bench
from verify.commands.output import show, write_json

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "bench",
        help="time the op beside others that are installed",
        epilog="for one thread throughout, set OMP_NUM_THREADS=1",
    )
    parser.add_argument(
        "--repeats", type=_positive, default=20, metavar="N", help="rounds to time (default: 20)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the timings as JSON")
    parser.set_defaults(run=_run)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of rounds")
    return number


def _run(arguments: argparse.Namespace) -> int:
    result = bench.run(repeats=arguments.repeats)
    show(result.to_text())
    if arguments.json:
        write_json(arguments.json, asdict(result))
    return 0
