"""MuProp: REINFORCE on what the tangent of f at p leaves over."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau
from reinmax_ref.score import score_draw

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array
    from reinmax_ref.score import Calls, ScoreDraw

__all__ = ["NEEDS", "muprop"]

NEEDS = Needs(value=True, evaluations=2, tempered=False)


def muprop(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> ScoreDraw:
    """Sample D, with the gradient [f(D) − f(p) − ⟨∇f(p), D − p⟩](D − p) + J(p)∇f(p).

    The inner product runs over all variables of the vector. Needs f at D, and f
    and ∇f at p, where the variables hold probabilities instead of corners.

    Bias: none for every f with a value and slope at p, for independent
    variables. On linear f the variance is zero.

    Parameters
    ----------
    logits : array_like, shape (K,), (L, K) or (n, L, K), or with the class axis elsewhere
        θ of L variables that share one f, in n independent copies.
    tau : float
        Taken for the common signature; the gradient does not depend on it.
    axis, rng
        As in :func:`reinmax_ref.reinmax`.
    index : integer array_like, shape of the logits without the class axis, optional
        Forces the sample.

    Returns
    -------
    ScoreDraw
        ``hard``, ``soft``, ``index``, and ``gradient(value, slope=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`.

    References
    ----------
    Gu, Levine, Sutskever and Mnih, "MuProp: Unbiased Backpropagation for
    Stochastic Neural Networks", ICLR 2016, arXiv:1511.05176.

    Examples
    --------
    >>> import numpy as np
    >>> slope = lambda x: np.broadcast_to([3.0, 1.0], x.shape)
    >>> muprop([0.0, 0.0], index=0).gradient(lambda x: x[:, 0] @ [3.0, 1.0], slope)
    array([ 0.5, -0.5])
    """
    check_tau(tau)
    return score_draw(_rule, logits, axis=axis, rng=rng, index=index)


def _rule(p: Array, points: Array, calls: Calls) -> Array:
    score, slope = points[0] - p, calls.slope(p)
    rest = calls.value(points[0]) - calls.value(p) - (slope * score).sum(axis=(1, 2))
    return np.asarray(rest[:, None, None] * score + algebra.softmax_vjp(p, slope))
