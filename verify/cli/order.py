"""``reinmax-verify order``: the order of accuracy of an implementation, or of a named estimator."""

import argparse
from functools import partial
from typing import Any

from verify.candidate.expected_gradient import expected_gradient
from verify.cli.arguments import add_calling, candidate_of
from verify.cli.output import refuse, show, told
from verify.lab.order import logits_for, order
from verify.oracle.convergence import OrderStudy, study

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
        return refuse(told(error, arguments.target))
    show(found.to_text())
    return 0


def _study(arguments: argparse.Namespace) -> OrderStudy:
    if arguments.target.isidentifier():
        return order(arguments.target)
    candidate = candidate_of(arguments, arguments.target)
    logits = logits_for(candidate)
    return study(
        partial(expected_gradient, candidate), name=candidate.name, dtype=candidate.dtype, logits=logits
    )
