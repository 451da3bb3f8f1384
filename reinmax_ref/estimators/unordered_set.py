"""Unordered set of two: REINFORCE on two distinct samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.categorical import choose
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau
from reinmax_ref.score import score_draw

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array
    from reinmax_ref.score import Calls, ScoreDraw

__all__ = ["NEEDS", "unordered_set"]

NEEDS = Needs(slope=False, value=True, evaluations=2, samples=2, distinct=True, tempered=False)


def unordered_set(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> ScoreDraw:
    """Sample two distinct vectors S = {D_1, D_2}, with the gradient Σ_i P_i R(S,i)(f_i − b_i)(D_i − p).

    P_i is the probability of the whole vector D_i. With the leave-one-out
    ratios R(S,i) and the built-in baseline b_i = P_i f_i + (1 − P_i) f_j, the
    sum over a pair is

        (1 − P_1)(1 − P_2)/(2 − P_1 − P_2) · (f_1 − f_2)(D_1 − D_2).

    Needs f at two points.

    Bias: none, for every f, if D_2 is drawn from what D_1 leaves over.

    Parameters
    ----------
    logits : array_like, shape (K,), (L, K) or (n, L, K), or with the class axis elsewhere
        θ of L variables that share one f, in n independent copies.
    tau : float
        Taken for the common signature; the gradient does not depend on it.
    axis, rng
        As in :func:`reinmax_ref.reinmax`.
    index : integer array_like, shape (2, *batch), optional
        Forces the samples, where batch is the shape of the logits without the
        class axis.

    Returns
    -------
    ScoreDraw
        ``hard``, ``soft``, ``index``, and ``gradient(value, slope=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, and where the two samples are equal or only one
        vector has positive probability.

    References
    ----------
    Kool, van Hoof and Welling, "Estimating Gradients for Discrete Random
    Variables by Sampling without Replacement", ICLR 2020, arXiv:2002.06043.

    Examples
    --------
    >>> unordered_set([0.0, 0.0], index=[0, 1]).gradient(lambda x: 3.0 * x[:, 0, 0])
    array([ 0.75, -0.75])
    """
    check_tau(tau)
    source = np.random.default_rng(rng)  # type: ignore[arg-type]
    if index is None:
        first, other = (score_draw(_rule, logits, axis=axis, rng=source, index=None) for _ in range(2))
        index = np.stack([first.index, _distinct(first, other, source)])
    found = score_draw(_rule, logits, axis=axis, rng=source, index=index, samples=2)
    if (found._points[0] == found._points[1]).all(axis=(1, 2)).any():  # noqa: SLF001
        raise ValueError("the two samples of a set are equal; expected two distinct vectors of classes")
    return found


def _rule(p: Array, points: Array, calls: Calls) -> Array:
    return pair_gradient(_rest(p, points), calls.value(points), points)


def pair_gradient(rest: Array, f: Array, points: Array) -> Array:
    """r_1 r_2/(r_1 + r_2) · (f_1 − f_2)(D_1 − D_2) with r = 1 − P, of shape (2, n) as f is."""
    total = rest[0] + rest[1]
    weight = rest[0] * rest[1] / (total + (total == 0))
    return np.asarray((weight * (f[0] - f[1]))[:, None, None] * (points[0] - points[1]))


def _rest(p: Array, points: Array) -> Array:
    """1 − P of each sample, from the complements of its variables, so that it does not cancel."""
    others = ((1 - points) * p).sum(axis=-1)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.log1p(-np.minimum(others, 1)).sum(axis=-1)))


def _distinct(first: ScoreDraw, other: ScoreDraw, source: np.random.Generator) -> Array:
    """Draw a second vector that differs from the first.

    The first variable that differs is chosen by its exact probability; those
    before it are copied, and those behind it are another independent draw.
    """
    p, x = first._p, first._points[0]  # noqa: SLF001
    own = (p * x).sum(axis=-1)
    others = p * (1 - x)
    before = np.cumprod(np.concatenate([np.ones_like(own[:, :1]), own[:, :-1]], axis=1), axis=1)
    mass = before * others.sum(axis=-1)
    if not (mass.sum(axis=-1) > 0).all():
        raise ValueError("only one vector has positive probability; a set of two needs another")
    turn = choose(mass, source.random(len(mass)))
    each = np.arange(len(mass))
    fresh = other._points[0].argmax(axis=-1)  # noqa: SLF001
    fresh[each, turn] = choose(others[each, turn], source.random(len(mass)))
    kept = np.arange(p.shape[1]) < turn[:, None]
    return np.asarray(np.where(kept, x.argmax(axis=-1), fresh).reshape(first.index.shape))
