"""Gapped Straight-Through: logits shifted so that the sample leads by a gap."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.categorical import softmax
from reinmax_ref.draw import draw
from reinmax_ref.gumbel import bind, relaxed_rule
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import Rows, check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "gapped_straight_through"]

NEEDS = Needs()


def gapped_straight_through(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    gap: float | None = 1.0,
) -> Draw:
    """Sample D, with the gradient (1/τ) J(softmax(l/τ))g + J(p)h at shifted logits l.

    l_d = max θ and l_j = θ_j − (θ_j − max θ + gap)₊ for j ≠ d, so that the
    sample is the largest by at least the gap; the shift is not differentiated.
    Needs ∇f at D, once, and no noise.

    Bias: at every τ, on linear f too: the gap is a fixed stand-in for the one
    that Gumbel noise makes, whose mean is the natural gap.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature of the backward pass, above 0.
    gap : float or None
        The gap, at least 0. None takes the natural gap −ln(1 − p_d)/p_d, the
        mean by which θ_d + G_d exceeds the largest other.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, and for a negative gap.

    References
    ----------
    Fan, Chi, Rudnicky and Ramadge, "Training Discrete Deep Generative Models
    via Gapped Straight-Through Estimator", ICML 2022, arXiv:2206.07235.

    Examples
    --------
    >>> gapped_straight_through([0.0, 0.0], index=0, gap=0.0).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    tau = check_tau(tau)
    if gap is not None and not gap >= 0:
        raise ValueError(f"gap is {gap}; expected a number of at least 0, or None for the natural gap")
    base = draw(algebra.reinmax_vjp, logits, 1.0, axis=axis, rng=rng, index=index)
    theta = Rows.from_logits(logits, axis).matrix
    p, onehot = base._sampled.p, base._sampled.onehot > 0  # noqa: SLF001
    least = _natural_gap(p, onehot) if gap is None else gap
    return bind(base, softmax(_shifted(theta, onehot, least), tau), partial(relaxed_rule, tau=tau))


def _shifted(theta: Array, onehot: Array, gap: Array | float) -> Array:
    top = theta.max(axis=-1, keepdims=True)
    return np.asarray(np.where(onehot, top, np.minimum(theta, top - gap)))


def _natural_gap(p: Array, onehot: Array) -> Array:
    p_d = np.where(onehot, p, 0).sum(axis=-1, keepdims=True)
    rest = np.where(onehot, 0, p).sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is 1 in the limit; no rest is no rival
        gap = np.where(p_d < 0.5, -np.log1p(-p_d), -np.log(rest)) / p_d
    return np.asarray(np.where(p_d > 0, gap, 1))
