"""``reinmax-verify bench``: the speed of the op beside others, and the cost of exact moments."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from verify.cli.output import output_file, picture_file, refuse, show, write_json

__all__ = ["add"]

PARTS = ("op", "moments")


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "bench",
        help="time the op beside others that are installed, and the exact moments",
        epilog="one thread throughout; about three minutes on two cores that have nothing else to do",
    )
    parser.add_argument("--only", choices=PARTS, help="time one of the two (default: both)")
    parser.add_argument("--repeats", type=_positive, default=20, metavar="N", help="rounds (default: 20)")
    parser.add_argument(
        "--device", help="torch device of the op's contestants (default: cpu, and cuda if present)"
    )
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--plot", type=picture_file, metavar="FILE", help="draw the op's times")
    parser.set_defaults(run=_run)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of rounds")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    problem = _unusable(arguments)
    if problem:
        return refuse(problem)
    parts = (arguments.only,) if arguments.only else PARTS
    figures: dict[str, Any] = {}
    if "op" in parts:
        figures["op"] = _time_op(arguments)
    if "moments" in parts:
        figures["moments"] = _measure_moments(arguments.repeats)
    if arguments.json:
        write_json(arguments.json, figures)
    return 0


def _unusable(arguments: argparse.Namespace) -> str:
    """What is asked for and cannot be had; empty where all can."""
    if arguments.only == "moments" and (arguments.plot or arguments.device):
        return "--plot and --device are for the op: leave them out, or --only moments"
    if arguments.device is None:
        return ""
    from verify.bench.op import why_no_device  # noqa: PLC0415  (after the number of threads is set)

    return why_no_device(arguments.device)


def _time_op(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from verify.bench import op as bench  # noqa: PLC0415  (after the number of threads is set)

    found = []
    for device in [arguments.device] if arguments.device else bench.devices():
        result = bench.run(repeats=arguments.repeats, device=device)
        show(result.to_text() + "\n")
        found.append(result)
    if arguments.plot:
        _draw(arguments.plot, found[0])
    return [asdict(result) for result in found]


def _draw(path: Path, result: Any) -> None:
    from verify.plots import speed  # noqa: PLC0415  (matplotlib is an extra)

    figure = speed(result).get_figure(root=True)
    if figure is not None:
        figure.savefig(path, bbox_inches="tight")


def _measure_moments(repeats: int) -> list[dict[str, Any]]:
    from verify.bench.moments import measure  # noqa: PLC0415  (after the number of threads is set)

    found = measure(repeats=repeats)
    for row in found:
        show(f"{row.name:<45}{row.value:10.2f}   goal: {row.goal}")
    return [asdict(row) for row in found]
