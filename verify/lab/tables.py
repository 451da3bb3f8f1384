"""Tables of records, who is best by bias, by variance or by MSE, and which estimator to use.

A mean of n draws has the error bias² + variance/n. For small n the variance
decides and for large n the bias, so there are two answers, and a number of
draws at which one overtakes the other.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, hypot, sqrt
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
    "leaders",
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


def leaders(records: Sequence[Record], by: str) -> list[Record]:
    """Give the best record by a criterion, and each other estimator's best that errors do not part from it.

    Two values are told apart where they differ by more than two standard errors of the difference.
    """
    first = winner(records, by)
    found = [first]
    for (name,), own in grouped(records, "estimator").items():
        rival = winner(own, by)
        (low, error), (high, other) = _measured(first, by), _measured(rival, by)
        if name != first.estimator and hypot(error, other) > 0 and high - low <= 2 * hypot(error, other):
            found.append(rival)
    return found


def _measured(record: Record, by: str) -> tuple[float, float]:
    """Give what a criterion compares, and its standard error."""
    if by == "bias":
        return (0.0 if record.relative_bias <= ROUNDING else record.bias_norm), record.standard_error
    return float(getattr(record, by)), float(getattr(record, f"{by}_error"))


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
    told = "".join(f"{name:>11}{'±':>8}" for name in ("rel. bias", "variance", "MSE"))
    lines = [f"{head}{told}{'cosine':>9}"]
    for r in records:
        where = f"{r.estimator:<27}{r.objective:<13}{r.categories:>4}{r.variables:>3}{r.scale:>6g}{r.tau:>6g}"
        bias = 0.0 if r.relative_bias <= ROUNDING else r.relative_bias
        pairs = (
            (bias, r.relative_bias_error),
            (r.variance, r.variance_error),
            (r.mse, r.mse_error),
        )
        lines.append(where + "".join(f"{v:>11.3g}{e:>8.1g}" for v, e in pairs) + f"{r.cosine:>9.4f}")
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
        told = "".join(f"{' or '.join(map(_named, leaders(found, by))):<31}" for by in CRITERIA)
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
    variance_error, mse_error : float
        Standard errors of the variance and of the MSE of one draw.
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
    variance_error: float = 0.0
    mse_error: float = 0.0

    @property
    def name(self) -> str:
        """The estimator with its temperature."""
        return self.estimator if self.tau is None else f"{self.estimator} at τ = {self.tau:g}"

    def error(self, draws: int) -> float:
        """E‖mean of n draws − ∇‖², where a bias of the size of rounding counts as none."""
        return self.squared_bias + self.deviation**2 / draws

    def uncertainty(self, draws: int) -> float:
        """Standard error of :meth:`error`."""
        bias = 2 * sqrt(self.squared_bias) * self.standard_error
        return hypot(bias, self.standard_error**2, self.variance_error / draws)

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
    mse = f"MSE {_with_error(small.mse, small.mse_error)} for one draw"
    opening = f"For a small batch use {small.name}{_rivals(rows, 1)} ({mse})"
    bias = f"bias {_with_error(sqrt(large.squared_bias), large.standard_error)}"
    rivals = _rivals(rows, LARGE)
    if rivals:
        return f"{opening}; for a large one use {large.name}{rivals} ({bias})."
    if small is large:
        return f"{opening}, and for a large one too ({bias}): nothing here is closer at {LARGE:,} draws."
    gain, cost = small.squared_bias - large.squared_bias, large.deviation**2 - small.deviation**2
    draws = ceil(cost / gain)
    return f"{opening}; for a large one use {large.name} ({bias}), which is closer from {draws:,} draws on."


def _rivals(rows: Sequence[Row], draws: int) -> str:
    """Name the other estimators that the errors do not part from the best for a mean of so many draws."""
    first = best(rows, draws)
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.error(draws)):
        spread = hypot(first.uncertainty(draws), row.uncertainty(draws))
        near = spread > 0 and row.error(draws) - first.error(draws) <= 2 * spread
        if near and row.estimator != first.estimator:
            found.setdefault(row.estimator, row.name)
    return f" or {', '.join(found.values())}, which their errors do not tell apart" if found else ""


def _with_error(value: float, error: float) -> str:
    return f"{value:.3g} ± {error:.1g}" if error else f"{value:.3g}"
