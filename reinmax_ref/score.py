"""Draws whose gradient is made of values of f: the score-function estimators.

Logits of shape (K,), (L, K) or (n, L, K) are n independent copies of a vector of
L variables, and f is called with points of shape (m, L, K) and gives m numbers;
for bits the class axis K is absent throughout. All variables of a vector share
one value of f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.gumbel import check_samples
from reinmax_ref.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.protocol import PointFunction
    from reinmax_ref.rows import Array

    #: The gradient (n, L, K) from p (n, L, K), the points (M, n, L, K) and f.
    ScoreRule = Callable[[Array, Array, "Calls"], Array]

__all__ = ["Calls", "ScoreDraw", "event_shape", "score_draw"]


@dataclass(frozen=True)
class Calls:
    """The objective, called with any leading axes and with what it returns checked.

    Attributes
    ----------
    function : callable
        Points (m, L, K) to values (m,).
    derivative : callable, optional
        Points to slopes in their shape.
    depth : int
        Axes of one point: 2 with a class axis, 1 for bits.
    """

    function: PointFunction
    derivative: PointFunction | None
    depth: int

    def value(self, points: Array) -> Array:
        """Give f at points (..., L, K), in the shape of the leading axes."""
        flat = points.reshape(-1, *points.shape[-self.depth :])
        found = np.asarray(self.function(flat))
        if found.shape != (len(flat),):
            raise ValueError(
                f"value returned shape {found.shape} for points {flat.shape}; expected {(len(flat),)}"
            )
        return found.reshape(points.shape[: -self.depth])

    def slope(self, points: Array) -> Array:
        """Give ∇f at points (..., L, K), in their shape."""
        if self.derivative is None:
            raise TypeError("this estimator needs the slope of f too: call gradient(value, slope)")
        flat = points.reshape(-1, *points.shape[-self.depth :])
        found = np.asarray(self.derivative(flat))
        if found.shape != flat.shape:
            raise ValueError(f"slope returned shape {found.shape} for points of shape {flat.shape}")
        return found.reshape(points.shape)


@dataclass(frozen=True, eq=False, repr=False)
class ScoreDraw:
    """One sample of each variable or several, and the estimator's gradient at them.

    Attributes
    ----------
    hard : array
        The samples, in the shape of the logits; several along a leading axis.
    soft : array, the shape of the logits
        The probabilities.
    index : integer array
        The sampled classes.
    """

    hard: Array
    soft: Array
    index: NDArray[np.intp]
    _points: Array
    _p: Array
    _axis: int | None
    _rule: ScoreRule

    def __repr__(self) -> str:
        return f"ScoreDraw(hard={self.hard!r}, soft={self.soft!r}, index={self.index!r})"

    def gradient(self, value: PointFunction, slope: PointFunction | None = None) -> Array:
        """Call f at the points the estimator needs, and give its gradient at the logits.

        Parameters
        ----------
        value : callable
            f, from points (m, L, K) to m numbers; for bits from points (m, L).
        slope : callable, optional
            ∇f, from points to an array of their shape. Only MuProp needs it.

        Returns
        -------
        array, the shape and dtype of the logits

        Raises
        ------
        TypeError
            Where the slope is needed and absent.
        ValueError
            Where f returns another shape, or the gradient is not finite.
        """
        calls = Calls(value, slope, 1 if self._axis is None else 2)
        found = self._rule(self._p, self._points, calls)
        if not np.isfinite(found).all():
            raise ValueError("the gradient is NaN or infinite; expected f to be finite at the sampled points")
        shape = self.soft.shape if self._axis is None else np.moveaxis(self.soft, self._axis, -1).shape
        out = found.reshape(shape).astype(self.soft.dtype, copy=False)
        return out if self._axis is None else np.moveaxis(out, -1, self._axis)


def score_draw(
    rule: ScoreRule,
    logits: ArrayLike,
    *,
    axis: int,
    rng: RandomSource,
    index: ArrayLike | None,
    samples: int = 1,
) -> ScoreDraw:
    """Sample M times and bind a rule to the samples; with M = 1 there is no leading axis."""
    samples = check_samples(samples)
    rows = Rows.from_logits(logits, axis)
    theta = np.asarray(logits)
    forced = index if index is None or samples > 1 else np.asarray(index)[None]
    many = np.broadcast_to(theta, (samples, *theta.shape))
    base = draw(algebra.reinmax_vjp, many, 1.0, axis=rows.axis + 1, rng=rng, index=forced)
    event = event_shape(np.moveaxis(base.soft[0], rows.axis, -1).shape)
    points = np.moveaxis(base.hard, rows.axis + 1, -1).reshape(samples, *event)
    p = np.moveaxis(base.soft[0], rows.axis, -1).reshape(event)
    hard, chosen = (base.hard, base.index) if samples > 1 else (base.hard[0], base.index[0])
    return ScoreDraw(hard, base.soft[0], chosen, points, p, rows.axis, rule)


def event_shape(shape: tuple[int, ...], depth: int = 2) -> tuple[int, ...]:
    """Give (n, L, K) for logits of up to three axes; for bits (n, L)."""
    if not 1 <= len(shape) <= depth + 1:
        raise ValueError(
            f"logits have {len(shape)} axes; expected 1 to {depth + 1}: a vector of variables shares one f, "
            "and at most one batch axis stands before it"
        )
    return (1,) * (depth + 1 - len(shape)) + shape
