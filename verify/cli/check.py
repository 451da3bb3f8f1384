"""``reinmax-verify check``: a verdict on an implementation."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from verify.cli.arguments import add_calling, candidate_of, refuse_target
from verify.cli.output import output_file, refuse, show, show_rich, write_json

if TYPE_CHECKING:
    import argparse

    from verify.candidate import Candidate
    from verify.conformance.report import Report

__all__ = ["add"]

EXIT = {"conforms": 0, "deviates": 1, "inconclusive": 3}

#: This package's own implementations, by framework.
OWN = {"numpy": "reinmax_ref:reinmax", "torch": "reinmax_ref.torch:reinmax", "jax": "reinmax_ref.jax:reinmax"}


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "check",
        help="verdict on an implementation",
        epilog="exit status: 0 conforms, 1 deviates, 2 the command or the target is unusable, 3 inconclusive",
    )
    parser.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="package.module:attribute or path/to/file.py:attribute; absent: this package's own",
    )
    parser.add_argument(
        "--against", default="reinmax", metavar="NAME", help="the estimator to judge by (default: reinmax)"
    )
    add_calling(parser)
    parser.add_argument("--verbose", action="store_true", help="show every check with its evidence")
    parser.add_argument("--strict", action="store_true", help="let warnings count as failures")
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=output_file, metavar="FILE", help="write the report as an HTML page")
    parser.add_argument("--list", action="store_true", help="list the checks and what each proves")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        from verify.conformance.checks import CHECKS  # noqa: PLC0415  (a wrong target is refused without)

        show("\n".join(f"{c.name:<18} {c.kind:<13} {c.claim}" for c in CHECKS))
        return 0
    if arguments.against != "reinmax":
        from verify.conformance.against import find  # noqa: PLC0415

        try:
            find(arguments.against)
        except ValueError as error:
            return refuse(error)
    arguments.binary |= arguments.against == "bernoulli"
    reports = []
    for target in _own() if arguments.target is None else [arguments.target]:
        try:
            candidate = candidate_of(arguments, target)
            report = _judged(candidate, arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a target may raise anything)
            return refuse_target(error, target, arguments)
        from verify.conformance.text import render  # noqa: PLC0415

        report = replace(report, command=shlex.join(["reinmax-verify", *sys.argv[1:]]))
        show_rich(render(report, verbose=arguments.verbose))
        reports.append(report)
    try:
        _write(arguments, reports)
    except OSError as error:
        return refuse(f"the report cannot be written: {error}")
    return _status(reports)


def _judged(candidate: Candidate, arguments: argparse.Namespace) -> Report:
    from verify.conformance import check_candidate  # noqa: PLC0415

    return check_candidate(candidate, against=arguments.against, strict=arguments.strict)


def _own() -> list[str]:
    return [target for name, target in OWN.items() if importlib.util.find_spec(name)]


def _write(arguments: argparse.Namespace, reports: list[Report]) -> None:
    """Write what was asked for; in JSON one report is an object, several are an array."""
    if arguments.json:
        content = [report.to_dict() for report in reports]
        write_json(arguments.json, content[0] if len(content) == 1 else content)
    if arguments.html:
        from verify.conformance.html import to_html  # noqa: PLC0415

        arguments.html.write_text(to_html(reports), encoding="utf-8")


def _status(reports: list[Report]) -> int:
    verdicts = [r.verdict for r in reports]
    return next((EXIT[v] for v in ("deviates", "inconclusive") if v in verdicts), EXIT["conforms"])
