"""Tables of records, who is best by bias, by variance or by MSE, and which estimator to use.

A mean of n draws has the error bias² + variance/n. For small n the variance
decides and for large n the bias, so there are two answers, and a number of
draws at which one overtakes the other.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

from reinmax_ref.protocol import needs_of
from verify.lab.results import Record

__all__ = [
    "CRITERIA",
    "LARGE",
    "ROUNDING",
    "Row",
    "advise",
    "best",
    "grouped",
    "to_table",
    "winner",
    "winners_table",
]

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


#: Draws in what the advice calls a large batch.
LARGE = 10_000


@dataclass(frozen=True)
class Row:
    """One estimator at one temperature.

    Attributes
    ----------
    estimator : str
    tau : float or None
        None where the estimator has no temperature.
    bias : float
        ‖E[ĝ] − ∇‖, in the unit of the objective.
    deviation : float
        √E‖ĝ − E[ĝ]‖², the standard deviation of one draw.
    mse : float
        E‖ĝ − ∇‖² of one draw.
    cosine : float
        Of the angle between E[ĝ] and ∇.
    relative_bias : float
        ‖E[ĝ] − ∇‖ / ‖∇‖.
    standard_error : float
        Of E[ĝ]; 0 where nothing was sampled.
    evaluations : int
        Points at which f or ∇f is evaluated for one draw.
    needs : str
        ``"f"``, ``"∇f"`` or ``"f, ∇f"``.
    """

    estimator: str
    tau: float | None
    bias: float
    deviation: float
    mse: float
    cosine: float
    relative_bias: float
    standard_error: float
    evaluations: int
    needs: str

    @property
    def name(self) -> str:
        """The estimator with its temperature."""
        return self.estimator if self.tau is None else f"{self.estimator} at τ = {self.tau:g}"

    def error(self, draws: int) -> float:
        """E‖mean of n draws − ∇‖², where a bias of the size of rounding counts as none."""
        return self.squared_bias + self.deviation**2 / draws

    @property
    def squared_bias(self) -> float:
        """The square of the bias; 0 where it is of the size of rounding."""
        return 0.0 if self.relative_bias <= ROUNDING else self.bias**2


def best(rows: Sequence[Row], draws: int) -> Row:
    """Give the row of least error for a mean of so many draws; among equals the first."""
    return min(rows, key=lambda row: row.error(draws))


def advise(rows: Sequence[Row]) -> str:
    """Say in one sentence which row to use for a small batch and which for a large one.

    Examples
    --------
    >>> noisy = Row("reinmax", 1.0, 0.0, 4.0, 16.0, 1.0, 0.0, 0.0, 1, "∇f")
    >>> rough = Row("straight_through", 1.0, 1.0, 1.0, 2.0, 0.9, 0.5, 0.0, 1, "∇f")
    >>> print(advise([noisy, rough]))  # doctest: +NORMALIZE_WHITESPACE
    For a small batch use straight_through at τ = 1 (MSE 2 for one draw); for a large one
    use reinmax at τ = 1 (bias 0), which is closer from 15 draws on.
    """
    small, large = best(rows, 1), best(rows, LARGE)
    opening = f"For a small batch use {small.name} (MSE {small.mse:.3g} for one draw)"
    bias = f"bias {sqrt(large.squared_bias):.3g}"
    if small is large:
        return f"{opening}, and for a large one too ({bias}): nothing here is closer at {LARGE:,} draws."
    gain, cost = small.squared_bias - large.squared_bias, large.deviation**2 - small.deviation**2
    draws = ceil(cost / gain)
    return f"{opening}; for a large one use {large.name} ({bias}), which is closer from {draws:,} draws on."
