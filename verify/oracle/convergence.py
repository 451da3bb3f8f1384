"""Order of accuracy, measured as for the solver of a differential equation.

Contract a smooth objective, f_ε(x) = F(εx), and halve ε: the corners come
together as the steps of a solver shrink. The relative bias
‖E[ĝ] − ∇‖ / ‖∇‖ then falls like ε^q, where q is the order: 1 for
straight-through, 2 for ReinMax at τ = 1, 0 for most mistakes.

Off the limit the bias is c ε^q (1 + a₁ε + a₂ε² + …), so the logarithm is fitted
by log c + q log ε + a₁ε + a₂ε²; without the last two terms the coarse levels
would pull the slope away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from verify.objectives import Objective, contracted
from verify.objectives.smooth import ExpSine
from verify.oracle.enumeration import exact_gradient
from verify.typing import Array

__all__ = ["LOGITS", "ExpectedGradient", "Level", "OrderStudy", "epsilons", "study"]

ExpectedGradient = Callable[[Objective, Array], Array]
"""From an objective and logits to the mean of an estimator's gradient, in the shape of the logits."""

LOGITS = (0.25, -0.5, 0.75, 0.125)
"""Exact in every float dtype, so that a candidate in float32 is given the same distribution."""

ROUNDING = 32
"""Bias below this many eps is not told from rounding."""


class Level(NamedTuple):
    """One row of the study: the contraction, the bias there, and the slope from the level before."""

    epsilon: float
    relative_bias: float
    local_order: float


@dataclass(frozen=True)
class OrderStudy:
    """An order of accuracy with the study it comes from.

    Attributes
    ----------
    estimator : str
    order : float
        The fitted slope; infinite where there is no bias above rounding.
    uncertainty : float
        Two standard errors of the fit, plus the change of the slope when the
        last correction term is left out.
    table : tuple of Level
        (ε, relative bias, local order), from the coarsest level to the finest.
    explanation : str
        Which levels the fit used, and why not the rest.
    """

    estimator: str
    order: float
    uncertainty: float
    table: tuple[Level, ...]
    explanation: str

    def to_text(self) -> str:
        """The table and the fitted order, as lines to read."""
        rows = (f"{e:12.3e}  {bias:13.3e}  {local:11.3f}" for e, bias, local in self.table)
        head = f"{'epsilon':>12}  {'relative bias':>13}  {'local order':>11}"
        fitted = f"order of accuracy {self.order:z.3f} ± {self.uncertainty:.1g} ({self.explanation})"
        return "\n".join([self.estimator, "", head, *rows, "", fitted])

    __str__ = to_text


def study(
    expected_gradient: ExpectedGradient,
    *,
    name: str = "candidate",
    dtype: Any = np.float64,
    objective: Objective | None = None,
    logits: Any = LOGITS,
    levels: int = 10,
) -> OrderStudy:
    """Measure the order of accuracy of anything whose expected gradient can be had.

    Parameters
    ----------
    expected_gradient : callable, (objective, logits) → array
        The mean of the estimator's gradient, without sampling error.
    name : str
        For the record.
    dtype : dtype
        In which the estimator computes; it sets the finest level.
    objective : Objective, optional
        F, smooth and contracted towards 0; :class:`ExpSine` where absent.
    logits : array, shape (K,) or (L, K)
    levels : int
        How many times ε is used, at least 8. Where the dtype leaves fewer
        above rounding, those are used, if they are at least 8.

    Returns
    -------
    OrderStudy

    Raises
    ------
    ValueError
        When the dtype is too coarse for eight levels, or the estimator's mean
        has the wrong shape or is not finite.

    Examples
    --------
    >>> from verify.oracle.enumeration import exact_gradient
    >>> study(exact_gradient).order
    inf
    """
    theta = np.asarray(logits, dtype=np.float64)
    steps = epsilons(dtype, levels)
    smooth = ExpSine() if objective is None else objective
    bias = np.array([_relative_bias(expected_gradient, contracted(smooth, 0, e), theta) for e in steps])
    local = np.full_like(bias, np.nan)
    floor = ROUNDING * (np.finfo(dtype).eps + (0 if objective is None else np.finfo(float).eps / steps))
    kept = bias > floor
    both = kept[1:] & kept[:-1]
    local[1:][both] = np.log2(bias[:-1][both] / bias[1:][both])
    table = tuple(Level(*map(float, row)) for row in zip(steps, bias, local, strict=True))
    if kept.sum() < 5:
        return OrderStudy(name, float("inf"), 0.0, table, _no_bias(kept))
    slope, uncertainty = _fit(steps[kept], bias[kept])
    return OrderStudy(name, slope, uncertainty, table, _used(kept))


def epsilons(dtype: Any, levels: int = 10) -> Array:
    """Choose the contractions 2^−m of a study from the rounding of a dtype.

    A bias of second order is about ε²/4; the finest ε keeps it a hundred eps
    above zero, so that rounding moves the slope by a hundredth at most. Below
    2^−12 nothing is left to learn.

    Examples
    --------
    >>> epsilons(np.float32)
    array([1.       , 0.5      , 0.25     , 0.125    , 0.0625   , 0.03125  ,
           0.015625 , 0.0078125])
    """
    if levels < 8:
        raise ValueError(f"levels is {levels}; a study needs at least 8")
    finest = min(max(12, levels - 1), int(-np.log2(np.sqrt(400 * np.finfo(dtype).eps))))
    if finest < 7:
        raise ValueError(
            f"{np.dtype(dtype).name} leaves {max(0, finest + 1)} halvings above its rounding, fewer than 8; "
            "measure the order in float32 or float64"
        )
    return np.asarray(2.0 ** -np.arange(max(0, finest - levels + 1), finest + 1))


def _relative_bias(expected_gradient: ExpectedGradient, f: Objective, theta: Array) -> float:
    exact = exact_gradient(f, theta)
    mean = np.asarray(expected_gradient(f, theta), dtype=np.float64)
    if mean.shape != theta.shape:
        raise ValueError(f"the expected gradient has shape {mean.shape}; expected {theta.shape}")
    if not np.isfinite(mean).all():
        raise ValueError("the expected gradient is not finite, so it has no order of accuracy")
    return float(np.linalg.norm(mean - exact) / np.linalg.norm(exact))


def _fit(steps: Array, bias: Array) -> tuple[float, float]:
    """Fit q with two corrections, and weigh it against the fit with one."""
    slope, error = _slope(steps, bias, 2)
    return slope, abs(slope - _slope(steps, bias, 1)[0]) + 2 * error


def _slope(steps: Array, bias: Array, corrections: int) -> tuple[float, float]:
    powers = [steps**j for j in range(1, corrections + 1)]
    design = np.stack([np.log2(steps), np.ones_like(steps), *powers], axis=1)
    found, *_ = np.linalg.lstsq(design, np.log2(bias))
    residual = np.log2(bias) - design @ found
    spread = residual @ residual / max(1, len(steps) - design.shape[1])
    return float(found[0]), float(np.sqrt(spread * np.linalg.pinv(design.T @ design)[0, 0]))


def _used(kept: Array) -> str:
    if kept.all():
        return f"all {kept.size} levels fitted"
    return f"{kept.sum()} of {kept.size} levels fitted; the bias of the others is at the level of rounding"


def _no_bias(kept: Array) -> str:
    return (
        f"the bias is at the level of rounding at {kept.size - kept.sum()} of {kept.size} levels: "
        "unbiased as far as this arithmetic can tell, so there is no slope to fit"
    )
