"""Which record is best by bias, by variance or by MSE, and tables that say so."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from reinmax_ref.protocol import needs_of
from verify.lab.records import Record

__all__ = ["CRITERIA", "ROUNDING", "grouped", "to_table", "winner", "winners_table"]

CRITERIA = ("bias", "variance", "mse")

ROUNDING = 1e-12
"""A bias below this fraction of the true gradient is told from none by rounding alone."""


def winner(records: Iterable[Record], by: str) -> Record:
    """Give the best record by a criterion.

    Parameters
    ----------
    records : iterable of Record
    by : {"bias", "variance", "mse"}
        Biases of the size of rounding are none; among those without bias the
        least variance wins.

    Raises
    ------
    ValueError
        For another criterion.

    Examples
    --------
    >>> from verify.lab import Grid, sweep
    >>> records = sweep(Grid(["reinmax", "straight_through"], ["quadratic"], [4]))
    >>> [(best.estimator, best.tau) for best in (winner(records, by) for by in CRITERIA)]
    [('reinmax', 1.0), ('straight_through', 5.0), ('straight_through', 5.0)]
    """
    if by not in CRITERIA:
        raise ValueError(f"criterion is {by!r}; expected one of {', '.join(CRITERIA)}")
    if by == "bias":
        return min(records, key=lambda r: (0.0 if r.relative_bias <= ROUNDING else r.bias_norm, r.variance))
    return min(records, key=lambda r: float(getattr(r, by)))


def grouped(records: Iterable[Record], *names: str) -> dict[tuple[Any, ...], list[Record]]:
    """Sort records by some of their fields, in the order in which they come.

    Examples
    --------
    >>> grouped([], "tau")
    {}
    """
    groups: dict[tuple[Hashable, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(getattr(record, name) for name in names), []).append(record)
    return groups


def to_table(records: Sequence[Record]) -> str:
    """Write records, one line each.

    Examples
    --------
    >>> to_table([]).split()[:2]
    ['estimator', 'objective']
    """
    head = f"{'estimator':<27}{'objective':<13}{'K':>4}{'L':>3}{'scale':>6}{'τ':>6}"
    lines = [f"{head}{'rel. bias':>11}{'±':>8}{'variance':>10}{'MSE':>10}{'cosine':>9}"]
    for r in records:
        where = f"{r.estimator:<27}{r.objective:<13}{r.categories:>4}{r.variables:>3}{r.scale:>6g}{r.tau:>6g}"
        bias = 0.0 if r.relative_bias <= ROUNDING else r.relative_bias
        found = f"{bias:>11.3g}{r.relative_error:>8.1g}{r.variance:>10.3g}{r.mse:>10.3g}{r.cosine:>9.4f}"
        lines.append(where + found)
    return "\n".join(lines)


def winners_table(records: Sequence[Record]) -> str:
    """Write who has the least bias, variance and MSE at each place of a sweep, with its temperature.

    Examples
    --------
    >>> winners_table([]).split()[:4]
    ['objective', 'K', 'L', 'scale']
    """
    head = f"{'objective':<13}{'K':>4}{'L':>3}{'scale':>6}  "
    lines = [head + "".join(f"{f'least {by}':<31}" for by in CRITERIA).rstrip()]
    for place, found in grouped(records, "objective", "categories", "variables", "scale").items():
        told = "".join(f"{_named(winner(found, by)):<31}" for by in CRITERIA)
        objective, classes, variables, scale = place
        lines.append(f"{objective:<13}{classes:>4}{variables:>3}{scale:>6g}  {told}".rstrip())
    return "\n".join(lines)


def _named(record: Record) -> str:
    return f"{record.estimator} {record.tau:g}" if needs_of(record.estimator).tempered else record.estimator
