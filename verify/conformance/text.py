"""A report as text: the short one that a person needs, and every check with its evidence."""

from collections.abc import Iterator, Sequence
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from verify.conformance.report import CheckResult, Report, Status

__all__ = ["render", "to_text"]

MARKS = {"conforms": ("✓", "green"), "deviates": ("✗", "red"), "inconclusive": ("?", "yellow")}
STYLES = {"fail": "red", "error": "red", "warn": "yellow", "inconclusive": "yellow"}

#: How a status is counted in a sentence, worst first.
COUNTED: dict[Status, str] = {
    "fail": "failed",
    "error": "could not run",
    "inconclusive": "could not decide",
    "warn": "warned",
}

#: Checks whose evidence the short report shows, of each status: with more, only the names are shown.
SHOWN = 3

WIDTH = 80


def to_text(report: Report, *, verbose: bool = False, width: int = WIDTH) -> str:
    """Give the report as plain lines.

    Examples
    --------
    >>> to_text(Report("mine", "numpy", "conforms", ())).splitlines()[0]
    '✓ mine (numpy) conforms to ReinMax'
    """
    target = StringIO()
    Console(file=target, width=width, color_system=None).print(render(report, verbose=verbose))
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines())


def render(report: Report, *, verbose: bool = False) -> RenderableType:
    """Give the report for a terminal, with its colours."""
    parts = [_verdict(report), *_mistakes(report)]
    parts += [_every_check(report)] if verbose else [*_bad(report)]
    return Group(*parts, *(Padding(line, (0, 0, 0, 2)) for line in _closing(report, verbose=verbose)))


def _verdict(report: Report) -> Text:
    mark, colour = MARKS[report.verdict]
    measure = "ReinMax" if report.estimator == "reinmax" else report.estimator
    ending = {"conforms": f" to {measure}", "deviates": f" from {measure}", "inconclusive": ""}[
        report.verdict
    ]
    said = f"is {report.verdict}" if report.verdict == "inconclusive" else report.verdict
    return Text.assemble(
        (mark, colour), f" {report.target} ({report.framework}) ", (f"{said}{ending}", f"bold {colour}")
    )


def _grid(rows: Sequence[tuple[RenderableType, ...]], indent: int) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in rows[0][:-1]:
        table.add_column(no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return Padding(table, (0, 0, 0, indent))


def _mistakes(report: Report) -> Iterator[RenderableType]:
    for mistake in report.diagnosis:
        yield Padding(Text(mistake.code, style="bold"), (0, 0, 0, 2))
        yield Padding(Text(mistake.explanation), (0, 0, 0, 4))
    if report.right_as:
        yield Padding(Text(f"It is right as {report.right_as} (--against {report.right_as})."), (0, 0, 0, 2))
    if report.failures:
        seen = report.failures[0]
        yield _grid(
            [
                (
                    "seen",
                    f"{seen.detail}; {'as in' if seen.part == 'sampler' else 'the smallest'}: {seen.case}",
                )
            ],
            2,
        )


def _bad(report: Report) -> Iterator[RenderableType]:
    """The checks that did not pass: with their evidence where no mistake is named, or where they are few."""
    for status, counted in COUNTED.items():
        found = [c for c in report.checks if c.status == status]
        if not found:
            continue
        explained = bool(report.diagnosis) and status in {"fail", "warn"}
        shown = [] if explained else found[:SHOWN]
        head = Text.assemble((f"{len(found)} {counted}", STYLES[status]), ": ")
        yield Padding(head.append(", ".join(c.name for c in found[len(shown) :])), (0, 0, 0, 2))
        if shown:
            yield _grid([(c.name, _short(c)) for c in shown], 4)


def _short(check: CheckResult) -> Text:
    """The evidence, cut to what fits beside the name on one line."""
    return Text(check.detail, no_wrap=True, overflow="ellipsis")


def _every_check(report: Report) -> Padding:
    rows: list[tuple[RenderableType, ...]] = [
        (Text(c.status, style=STYLES.get(c.status, "")), c.name, Text(c.detail)) for c in report.checks
    ] or [("", "", "there were no checks")]
    return _grid(rows, 2)


def _closing(report: Report, *, verbose: bool) -> Iterator[Text]:
    counts = report.counts
    yield Text(f"{counts['passed']} passed, {counts['skipped']} did not apply{_order(report)}")
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    more = "" if verbose else "; every check with its evidence: --verbose"
    yield Text(f"{versions}{more}", style="dim")


def _order(report: Report) -> str:
    measured = next((c for c in report.checks if c.order is not None), None)
    return f"; {measured.detail}" if measured and measured.status == "pass" else ""
