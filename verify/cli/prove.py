"""``reinmax-verify prove``: prove theorems from scratch and print their certificates."""

import argparse
from typing import Any

from verify.cli.output import refuse, show

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "prove",
        help="prove the theorems about ReinMax by computer algebra",
        epilog="exit status: 0 all proved, 1 one is refused, 2 no theorem has that name",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="theorems to prove; absent: all of them")
    parser.add_argument("--list", action="store_true", help="list the names of the theorems")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from verify.symbolic.theorems import prove, theorems  # noqa: PLC0415  (SymPy takes a while to load)

    if arguments.list:
        show("\n".join(theorems()))
        return 0
    names = arguments.names or theorems()
    unknown = [name for name in names if name not in theorems()]
    if unknown:
        return refuse(f"no theorem is named {unknown[0]!r}; there are {', '.join(theorems())}")
    proved = []
    for name in names:
        certificate = prove(name)
        show(f"{certificate}\n")
        proved.append(certificate.proved)
    show(f"{sum(proved)} of {len(proved)} theorems proved")
    return 0 if all(proved) else 1
