"""Which estimator for a small batch and which for a large one, from bias and variance.

A mean of n draws has the error bias² + variance/n. For small n the variance
decides and for large n the bias, so there are two answers, and a number of
draws at which one overtakes the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from verify.lab.winners import ROUNDING

__all__ = ["LARGE", "Row", "advise", "best"]

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
