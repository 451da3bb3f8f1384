"""``reinmax-verify order``: the order of accuracy of an implementation, or of a named estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verify.cli.arguments import add_calling, candidate_of, refuse_target
from verify.cli.output import show

if TYPE_CHECKING:
    import argparse

    from verify.oracle.convergence import OrderStudy

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "order",
        help="order of accuracy of an implementation, by a convergence study",
        epilog="exit status: 0 measured, 2 the command or the target is unusable",
    )
    parser.add_argument(
        "target",
        metavar="TARGET",
        help="package.module:attribute, path/to/file.py:attribute, or the name of an estimator",
    )
    add_calling(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    try:
        found = _study(arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a target may raise anything)
        return refuse_target(error, arguments.target, arguments)
    show(found.to_text())
    return 0


def _study(arguments: argparse.Namespace) -> OrderStudy:
    named = arguments.target.isidentifier()
    candidate = arguments.target if named else candidate_of(arguments, arguments.target)
    from verify.lab import order  # noqa: PLC0415  (a wrong target is refused without SciPy)

    return order.order(candidate)
