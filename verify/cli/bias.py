"""``reinmax-verify bias``: sweep estimators over objectives, shapes, temperatures and scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verify.cli.output import output_file, picture_file, refuse, show, told, write_json

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from verify.lab import Grid, Record

__all__ = ["add"]

OBJECTIVES = (
    "linear, quadratic, cubic, tanh, with a curvature or without (tanh:2), or path/to/file.py:function of "
    "(variables, classes)"
)

LONG = 60
"""Records past which the best of each place are shown in their stead."""


def add(commands: Any) -> None:
    """Describe the command to a parser."""
    parser = commands.add_parser(
        "bias",
        help="exact bias, variance and error of every estimator, as a table and a picture",
        epilog="exit status: 0 done, 2 the sweep or a file cannot be used",
    )
    _axis(parser, "--estimators", str, "NAME", "files under reinmax_ref/estimators; absent: all of them")
    _axis(parser, "--objective", str, "NAME", OBJECTIVES)
    _axis(parser, "--categories", int, "K", "classes of a variable (default: 2 4 8 16)")
    _axis(parser, "--variables", int, "L", "independent variables (default: 1)")
    _axis(parser, "--tau", float, "τ", "temperatures (default: ten from 0.1 to 5)")
    _axis(parser, "--scale", float, "S", "standard deviations of the logits (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of objectives and logits (default: 0)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; −1: one a processor")
    parser.add_argument(
        "--csv",
        type=output_file,
        metavar="FILE",
        help="keep the records; those already there are not computed again",
    )
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the records as JSON")
    parser.add_argument("--plot", type=picture_file, metavar="FILE", help="draw a picture (png, svg, pdf)")
    parser.add_argument(
        "--picture",
        choices=["temperature", "plane", "winners"],
        help="what --plot draws: bias against temperature (default), bias and variance, or who wins over "
        "temperature and curvature",
    )
    parser.set_defaults(run=_run)


def _axis(parser: argparse.ArgumentParser, flag: str, kind: Any, metavar: str, told: str) -> None:
    parser.add_argument(flag, nargs="+", type=kind, metavar=metavar, help=told)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.picture and not arguments.plot:
        return refuse("--picture says what to draw; say where with --plot FILE")
    from verify.lab import resume, sweep  # noqa: PLC0415  (SciPy's statistics take a second to load)

    try:
        grid = _grid(arguments)
        if arguments.csv:
            records = resume(arguments.csv, grid, workers=arguments.workers)
        else:
            records = sweep(grid, workers=arguments.workers)
        if arguments.json:
            write_json(arguments.json, _document(grid, records))
        show(_text(grid, records))
        if arguments.plot:
            _draw(arguments.plot, records, arguments.picture or "temperature")
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a function given as an objective may raise anything)
        return refuse(told(error))
    return 0


def _grid(arguments: argparse.Namespace) -> Grid:
    from verify.lab import Grid  # noqa: PLC0415

    asked = {
        "estimators": arguments.estimators,
        "objectives": arguments.objective,
        "categories": arguments.categories,
        "variables": arguments.variables,
        "taus": arguments.tau,
        "scales": arguments.scale,
    }
    return Grid(**{name: values for name, values in asked.items() if values}, seed=arguments.seed)


def _text(grid: Grid, records: list[Record]) -> str:
    from verify.lab.tables import to_table, winners_table  # noqa: PLC0415

    if len(records) <= LONG:
        lines = [to_table(records)]
    else:
        lines = [
            winners_table(records),
            "",
            f"{len(records)} records; the best of each place, with its τ",
        ]
    reasons: dict[str, list[str]] = {}
    for (name, _), reason in grid.skipped.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"left out: {', '.join(able)}: {reason}" for reason, able in reasons.items()]
    return "\n".join(lines)


def _document(grid: Grid, records: list[Record]) -> dict[str, Any]:
    from verify.lab.results import to_plain  # noqa: PLC0415

    left_out = [
        {"estimator": name, "categories": classes, "reason": reason}
        for (name, classes), reason in grid.skipped.items()
    ]
    plain = [to_plain(record) for record in records]
    return {"schema": "reinmax-verify/bias/1", "records": plain, "left_out": left_out}


def _draw(path: Path, records: list[Record], picture: str) -> None:
    from verify.plots import page  # noqa: PLC0415  (matplotlib is for those who ask for a picture)

    page(records, picture).savefig(path)
    show(f"\n{picture} drawn in {path}")
