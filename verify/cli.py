"""The command line: ``reinmax-verify``."""

import argparse
import ast
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verify.candidate import Candidate
from verify.checks import CHECKS
from verify.commands import bench, bias, prove
from verify.conformance import check_candidate
from verify.page import to_html
from verify.report import Report
from verify.target import load_target

__all__ = ["main"]

EXIT = {"conforms": 0, "deviates": 1, "inconclusive": 3}
UNUSABLE = 2

#: This package's own implementations, by framework.
OWN = {"numpy": "reinmax_ref:reinmax", "torch": "reinmax_ref.torch:reinmax", "jax": "reinmax_ref.jax:reinmax"}


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
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reinmax-verify", description="Is an implementation ReinMax, and how biased is it?"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_check(commands)
    for command in (prove, bias, bench):
        command.add(commands)
    return parser


def _add_check(commands: Any) -> None:
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
    parser.add_argument("--framework", choices=["numpy", "torch", "jax"], help="found out where absent")
    tau = parser.add_mutually_exclusive_group()
    tau.add_argument("--tau-name", default="tau", metavar="NAME", help="the temperature argument")
    tau.add_argument("--no-tau", dest="tau_name", action="store_const", const=None, help="there is none")
    parser.add_argument(
        "--returns",
        default="hard,soft",
        metavar="NAMES",
        help="parts of the result: hard, soft, index, _ (ignored)",
    )
    axis = parser.add_mutually_exclusive_group()
    axis.add_argument("--axis", type=int, metavar="N", help="the class axis")
    axis.add_argument("--axis-name", metavar="NAME", help="the argument that sets the class axis")
    parser.add_argument(
        "--logits-name", metavar="NAME", help="the logits argument, where it is not the first"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_constant,
        help="pass an argument as it is",
    )
    parser.add_argument(
        "--sample-name", metavar="NAME", help="the argument that takes the sample, where it is not drawn"
    )
    parser.add_argument(
        "--binary", action="store_true", help="each logit is a Bernoulli variable, and there is no class axis"
    )
    parser.add_argument("--strict", action="store_true", help="let warnings count as failures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as an HTML page")
    parser.add_argument("--list", action="store_true", help="list the checks and what each proves")
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="run the checks on implementations with planted faults, and show which check finds which",
    )
    parser.set_defaults(run=_check)


def _constant(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _check(arguments: argparse.Namespace) -> int:
    if arguments.list:
        _show("\n".join(f"{c.name:<18} {c.kind:<13} {c.claim}" for c in CHECKS))
        return 0
    if arguments.self_test:
        return _self_test()
    targets = [arguments.target] if arguments.target else _own()
    reports = []
    for target in targets:
        try:
            candidate = _candidate(arguments, target)
        except Exception as error:  # noqa: BLE001  (importing and calling a target may raise anything)
            print(f"reinmax-verify: {target}: {error}", file=sys.stderr)  # noqa: T201
            return UNUSABLE
        report = check_candidate(candidate, strict=arguments.strict)
        _show(report.to_text() + "\n")
        reports.append(report)
    if arguments.json:
        _write_json(arguments.json, reports)
    if arguments.html:
        arguments.html.write_text(to_html(reports), encoding="utf-8")
    return _status(reports)


def _self_test() -> int:
    from verify.mutants import self_test  # noqa: PLC0415  (it imports every framework)

    found = self_test()
    _show(found.to_text())
    return EXIT["deviates"] if found.problems else EXIT["conforms"]


def _own() -> list[str]:
    return [target for name, target in OWN.items() if importlib.util.find_spec(name)]


def _candidate(arguments: argparse.Namespace, target: str) -> Candidate:
    return Candidate.wrap(
        load_target(target),
        framework=arguments.framework,
        tau=arguments.tau_name,
        returns=tuple(arguments.returns.split(",")),
        axis=arguments.axis if arguments.axis is not None else arguments.axis_name,
        logits=arguments.logits_name,
        injected=arguments.sample_name,
        binary=arguments.binary,
        constants=dict(arguments.set),
        name=target,
    )


def _write_json(path: Path, reports: list[Report]) -> None:
    """One report as an object, several as an array."""
    text = (
        reports[0].to_json()
        if len(reports) == 1
        else json.dumps([r.to_dict() for r in reports], indent=2) + "\n"
    )
    path.write_text(text, encoding="utf-8")


def _status(reports: list[Report]) -> int:
    verdicts = [r.verdict for r in reports]
    return next((EXIT[v] for v in ("deviates", "inconclusive") if v in verdicts), EXIT["conforms"])


def _show(text: str) -> None:
    print(text)  # noqa: T201
