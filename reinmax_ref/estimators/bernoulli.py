"""Bernoulli ReinMax: one logit per binary variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref.binary import BitDraw, pair
from reinmax_ref.estimators.reinmax import reinmax
from reinmax_ref.protocol import Needs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource

__all__ = ["NEEDS", "bernoulli"]

NEEDS = Needs(binary=True)


def bernoulli(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> BitDraw:
    """Sample bits z ~ Bernoulli(σ(l)), with the ReinMax gradient of the pair of logits (l, 0).

    That is [2q(1 − q) − ½p(1 − p)]·g + p(1 − p)·h with p = σ(l) and
    q = (σ(l/τ) + z)/2; at τ = 1 the first term is ½·g·abs(z − p). The pair
    (l, −l) would be another thing, σ(2l). Needs ∇f at z, once.

    Bias: exact at τ = 1 for every f that is quadratic in each bit.

    Parameters
    ----------
    logits : array_like, any shape
        One logit l a variable; there is no class axis. ±inf fixes the bit.
    tau : float
        Temperature of the backward pass, above 0.
    rng : optional
        Anything ``numpy.random.default_rng`` takes.
    index : integer array_like, the shape of the logits, optional
        Forces the bits.

    Returns
    -------
    BitDraw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``,
        all in the shape of the logits.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`.

    References
    ----------
    Liu et al. 2023, arXiv:2304.08612, Algorithm 2 for two classes.

    Examples
    --------
    >>> bernoulli([0.0, 0.0], index=[0, 1]).vjp([2.0, 4.0])
    array([0.5, 1. ])
    """
    return BitDraw(reinmax(pair(logits), tau, rng=rng, index=index))
