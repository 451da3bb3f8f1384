"""``reinmax-verify identify``: which estimator an implementation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verify.cli.arguments import add_calling, candidate_of, refuse_target
from verify.cli.output import show

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "identify",
        help="which estimator an implementation is",
        epilog="exit status: 0 it is one of the family, 1 it is none that is known, 2 the target is unusable",
    )
    parser.add_argument(
        "target", metavar="TARGET", help="package.module:attribute or path/to/file.py:attribute"
    )
    add_calling(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    try:
        candidate = candidate_of(arguments, arguments.target)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a target may raise anything)
        return refuse_target(error, arguments.target, arguments)
    from verify.conformance.against.identify import identify_candidate  # noqa: PLC0415

    found = identify_candidate(candidate)
    table = [f"  {name:<28} {distance:.2g}" for name, distance in found.ranking]
    show("\n".join([found.explanation, "Relative distance of the gradients:", *table]))
    return 0 if found.estimator else 1
