"""Reports as one HTML page that needs nothing else."""

from collections.abc import Iterator, Sequence
from html import escape

from verify.conformance.report import CheckResult, Report

__all__ = ["to_html"]

COLOURS = {
    "pass": "#1a7f37",
    "warn": "#9a6700",
    "fail": "#cf222e",
    "error": "#cf222e",
    "inconclusive": "#9a6700",
    "skip": "#656d76",
}

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid #d0d7de; padding: .3rem .6rem; vertical-align: top }
td:nth-child(2) { white-space: nowrap; font-family: monospace }
"""


def to_html(reports: Sequence[Report]) -> str:
    """One page with the verdict, the diagnosis and the checks of each report.

    Parameters
    ----------
    reports : sequence of Report

    Returns
    -------
    str

    Examples
    --------
    >>> "conforms" in to_html([Report("mine", "numpy", "conforms", ())])
    True
    """
    body = "\n".join(line for report in reports for line in _section(report))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>reinmax-verify</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _section(report: Report) -> Iterator[str]:
    counts = report.counts
    yield f"<h1>{escape(report.target)} ({escape(report.framework)}): {report.conclusion}</h1>"
    yield (
        f"<p>{counts['run']} of {counts['due']} due checks ran: {counts['passed']} passed, "
        f"{counts['warned']} warned, {counts['failed']} failed; {counts['skipped']} did not apply.</p>"
    )
    for diagnosis in report.diagnosis:
        yield f"<p><strong>{escape(diagnosis.code)}</strong>: {escape(diagnosis.explanation)}</p>"
    yield "<table>"
    yield from map(_row, report.checks)
    yield "</table>"


def _row(check: CheckResult) -> str:
    status = f'<strong style="color:{COLOURS[check.status]}">{check.status}</strong>'
    return f"<tr><td>{status}</td><td>{escape(check.name)}</td><td>{escape(check.detail)}</td></tr>"
