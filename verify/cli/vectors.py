"""``reinmax-verify vectors``: known answers for ports to other languages, and a verdict on theirs."""

import argparse
import json
from pathlib import Path
from typing import Any

from verify.cli.output import output_file, refuse, show, write_json

__all__ = ["add"]

#: Wrong answers that are shown.
SHOWN = 10


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "vectors",
        help="known answers for a port to another language",
        epilog="exit status: 0 written or all right, 1 an answer is wrong, 2 the file cannot be used",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    export = actions.add_parser("export", help="write the vectors as JSON")
    export.add_argument("file", type=output_file, metavar="FILE")
    export.set_defaults(run=_export)
    check = actions.add_parser(
        "check",
        help="judge the answers of a port; without a file, those of reinmax_ref.reinmax",
        description="The file is an exported one whose soft, gradient and dtype are those of the port.",
    )
    check.add_argument("file", nargs="?", type=Path, metavar="FILE")
    check.set_defaults(run=_check)


def _export(arguments: argparse.Namespace) -> int:
    from verify.oracle.vectors import to_dict  # noqa: PLC0415  (SymPy's arithmetic takes a while to load)

    content = to_dict()
    write_json(arguments.file, content)
    show(f"{len(content['cases'])} vectors written to {arguments.file}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from verify.oracle.vectors import judge  # noqa: PLC0415

    try:
        answers = _own() if arguments.file is None else json.loads(arguments.file.read_text(encoding="utf-8"))
        wrong = judge(answers)
    except json.JSONDecodeError as error:
        return refuse(f"{arguments.file} is not JSON ({error}); expected the exported file with your answers")
    except (OSError, ValueError) as error:
        return refuse(f"{arguments.file}: {error}")
    total = len(answers["cases"])
    more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    show("\n".join([*wrong[:SHOWN], *more, f"{len(wrong)} answers to {total} vectors are wrong"]))
    return 1 if wrong else 0


def _own() -> dict[str, Any]:
    """The answers of the reference."""
    from reinmax_ref import reinmax  # noqa: PLC0415
    from verify.oracle.vectors import to_dict  # noqa: PLC0415

    answers = to_dict()
    for case in answers["cases"]:
        draw = reinmax(case["logits"], case["tau"], index=case["index"])
        case["soft"] = draw.soft.tolist()
        case["gradient"] = draw.vjp(case["grad_hard"], case["grad_soft"]).tolist()
    return answers
