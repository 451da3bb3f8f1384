"""The categorical distribution on rows: stable softmax, sampling with one uniform a row, one-hot."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from reinmax_ref.rows import NARROW, Array, blockwise, round_tau

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["choose", "one_hot", "softmax"]


def softmax(logits: Array, tau: float = 1.0) -> Array:
    """Probabilities softmax(θ/τ) of rows of checked logits.

    The largest logit is subtracted before the division by τ, so that rounding
    is relative to differences of logits, never to their size.

    Parameters
    ----------
    logits : array, shape (n, K)
    tau : float
        From just above 0, where the ties of the largest logit share the mass,
        to inf, where every class that is not masked has the same probability.

    Returns
    -------
    array, shape (n, K)

    Raises
    ------
    ValueError
        Where a logit is NaN or +inf, or every class of a row is masked.
    """
    p = blockwise(lambda x: _softmax_block(x, tau), np.empty(logits.shape, logits.dtype), logits)
    # Any such row comes out as NaN throughout, so one column tells.
    bad = np.flatnonzero(np.isnan(p[:, 0]))
    if bad.size:
        row = int(bad[0])
        masked = np.isneginf(logits[row]).all()
        what = "are all -inf, every class masked" if masked else f"hold {logits[row].max()}"
        raise ValueError(
            f"logits of row {row} {what}; expected numbers below +inf with at least one finite logit a row "
            "(-inf masks a class)"
        )
    return p


def _softmax_block(x: Array, tau: float) -> Array:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        e: Array = np.exp(_scaled(x, tau))
        e /= e.sum(axis=-1, keepdims=True)
    return e


def _scaled(x: Array, tau: float) -> Array:
    """(θ − max θ)/τ, correct at both ends of the range of θ and of τ."""
    top = x.max(axis=-1, keepdims=True)
    if tau == 1.0:
        return np.asarray(x - top)
    info = np.finfo(x.dtype)
    if float(info.tiny) < tau < float(info.max) / 1e5:
        return np.asarray((x - top) / round_tau(tau, x.dtype))
    if tau < 1:  # τ may round to 0, and 0/0 must stay 0 for the ties of the largest logit
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(x == top, 0, (x - top) / round_tau(tau, x.dtype)))
    # θ − max θ may overflow where its quotient by τ does not, so both are halved
    quotient = (x / 2 - top / 2) / round_tau(tau / 2, x.dtype)
    return np.asarray(np.where(np.isneginf(x), x, quotient))


def choose(mass: Array, uniforms: NDArray[np.float64]) -> NDArray[np.intp]:
    """Invert the cumulative distribution of each row, at one uniform number a row.

    Where there are many classes, one of about √K groups is chosen first, then a
    class within it.

    The class is the first whose cumulative mass exceeds u·S, where S is the
    whole mass. The product is kept below S, so there is such a class; and a
    class of mass 0 never exceeds what its predecessor did not, so it is never
    returned.

    Parameters
    ----------
    mass : array, shape (n, K)
        Not necessarily normalised; at least one entry of each row is positive.
    uniforms : array, shape (n,)
        In [0, 1).

    Returns
    -------
    integer array, shape (n,)

    References
    ----------
    Devroye, "Non-Uniform Random Variate Generation", 1986, section III.2.

    Examples
    --------
    >>> import numpy as np
    >>> choose(np.array([[0.5, 0.0, 0.5]] * 3), np.array([0.0, 0.5, 0.99]))
    array([0, 2, 2])
    """
    n, classes = mass.shape
    if classes <= NARROW:
        return _invert(_cumulate(mass), uniforms)
    width = math.isqrt(classes - 1) + 1
    groups = -(-classes // width)
    if groups * width > classes:
        mass = np.pad(mass, ((0, 0), (0, groups * width - classes)))
    mass = mass.reshape(n, groups, width)
    cdf = _cumulate(np.einsum("ngw->ng", mass, dtype=np.promote_types(mass.dtype, np.float64)))
    group = _invert(cdf, uniforms)
    within = _cumulate(mass[np.arange(n), group])
    return group * width + _invert(within, _remainder(cdf, uniforms, group))


def _cumulate(mass: Array) -> list[NDArray[np.float64]]:
    """Sum the mass up class by class; one vector a class, so that every step runs along the rows."""
    return list(accumulate(mass.T.astype(np.float64)))


def _invert(cdf: list[NDArray[np.float64]], uniforms: NDArray[np.float64]) -> NDArray[np.intp]:
    target = _target(cdf[-1], uniforms)
    index = np.zeros(len(target), np.intp)
    for reached in cdf:
        index += reached <= target
    return index


def _target(total: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """u·S, kept below S where rounding would carry it there."""
    return np.asarray(np.minimum(uniforms * total, np.nextafter(total, 0)))


def _remainder(
    cdf: list[NDArray[np.float64]], uniforms: NDArray[np.float64], chosen: NDArray[np.intp]
) -> NDArray[np.float64]:
    """How far into the chosen class each uniform number fell, again uniform in [0, 1]."""
    bounds, rows = np.stack([np.zeros_like(cdf[0]), *cdf]), np.arange(len(chosen))
    start, end = bounds[chosen, rows], bounds[chosen + 1, rows]
    return np.asarray((_target(cdf[-1], uniforms) - start) / (end - start))


def one_hot(index: NDArray[np.intp], like: Array) -> Array:
    """One-hot rows at the given classes, with the shape and dtype of another matrix."""
    out = np.zeros(like.shape, like.dtype)
    out[np.arange(len(out)), index] = 1
    return out
