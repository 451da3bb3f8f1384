"""DARN: the score times a first-order expansion of f about a centre."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "darn"]

NEEDS = Needs(tempered=False)


def darn(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    center: ArrayLike | None = None,
) -> Draw:
    """Sample D, with the gradient (D − p)⟨g, D − c⟩ + J(p)h.

    Needs ∇f at D, once.

    Bias: exact for linear f with every centre. For K = 2 and c = (½, ½) it is
    exact for quadratic f too, because (D − c)ᵀH(D − c) is then the same at both
    corners; for K ≥ 3 no centre makes it so.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Taken for the common signature; the gradient does not depend on it.
    center : array_like, shape (K,), optional
        c, with entries that sum to 1; absent means 1/K.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, and for a centre of another shape or sum.

    See Also
    --------
    reinmax_ref.algebra.darn_vjp : the formula.

    References
    ----------
    Gregor, Danihelka, Mnih, Blundell and Wierstra, "Deep AutoRegressive
    Networks", ICML 2014, arXiv:1310.8499; in this form Gu, Levine, Sutskever and
    Mnih, "MuProp", ICLR 2016, arXiv:1511.05176.

    Examples
    --------
    >>> darn([0.0, 0.0], index=0).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    check_tau(tau)
    base = draw(_rule, logits, 1.0, axis=axis, rng=rng, index=index)
    if center is None:
        return base
    return replace(base, _rule=partial(_rule, c=_check(center, base.hard.shape[axis])))


def _check(center: ArrayLike, classes: int) -> Array:
    c = np.asarray(center, dtype=np.float64)
    if c.shape != (classes,):
        raise ValueError(f"center has shape {c.shape}; expected {(classes,)}, one number a class")
    if not abs(c.sum() - 1) <= 1e-6:  # what float32 numbers may miss by
        raise ValueError(f"center sums to {c.sum()}; expected 1")
    return c


def _rule(
    p: Array, p_tau: Array, onehot: Array, g: Array, h: Array | None, *, c: Array | None = None
) -> Array:
    del p_tau
    centre = 1 / p.shape[-1] if c is None else c.astype(p.dtype)
    return algebra.darn_vjp(p, onehot, g, h, c=centre)  # type: ignore[no-any-return]
