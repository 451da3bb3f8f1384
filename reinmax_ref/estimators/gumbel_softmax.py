"""Straight-Through Gumbel-softmax: the sample's own noise relaxes it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref.categorical import softmax
from reinmax_ref.gumbel import bind, conditional, relaxed_rule, sample
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource

__all__ = ["NEEDS", "gumbel_softmax"]

NEEDS = Needs(noise=True)


def gumbel_softmax(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    noise: ArrayLike | None = None,
) -> Draw:
    """Sample D = argmax(θ + G), with the gradient (1/τ) J(y)g + J(p)h at y = softmax((θ + G)/τ).

    D is drawn first and the Gumbel noise G given D after it, which is the same
    law. Needs ∇f at D, once.

    Bias: at every τ, on linear f too. As τ → 0 the mean tends to ReinMax's at
    τ = 1, exact on quadratic f, while the variance grows like 1/τ; as τ → ∞ the
    gradient vanishes like 1/τ.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature of the relaxed sample, above 0.
    noise : array_like, shape (1, *logits.shape), optional
        Forces the uniform numbers in [0, 1) behind G given D.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, and for noise of another shape or range.

    References
    ----------
    Jang, Gu and Poole 2017, arXiv:1611.01144; Maddison, Mnih and Teh 2017,
    arXiv:1611.00712.

    Examples
    --------
    >>> draw = gumbel_softmax([0.0, 0.0], index=0, noise=[[0.5, 0.5]])
    >>> draw.vjp([9.0, 0.0])
    array([ 1.6875, -1.6875])
    """
    tau = check_tau(tau)
    found = sample(logits, axis=axis, rng=rng, index=index, noise=noise, count=1)
    y = softmax(conditional(found.p, found.index, found.noise[0]), tau)
    return bind(found.base, y, partial(relaxed_rule, tau=tau))
