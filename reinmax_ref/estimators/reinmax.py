"""ReinMax: second-order accurate at τ = 1, by Heun's method."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.protocol import Needs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource

__all__ = ["NEEDS", "reinmax"]

NEEDS = Needs()


def reinmax(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> Draw:
    """Sample categories, with the ReinMax gradient: 2 J(q)g − ½ J(p)g + J(p)h, q = (p_τ + D)/2.

    Parameters
    ----------
    logits : array_like, shape (..., K, ...)
        Unnormalised log-probabilities θ; −inf masks a class.
    tau : float
        Temperature of p_τ in the backward pass, above 0. The sample always
        comes from softmax(θ). The expected gradient is second-order accurate,
        exact for every quadratic function of the sample, at τ = 1 only.
    axis : int
        The class axis.
    rng : optional
        Anything ``numpy.random.default_rng`` takes; absent means fresh entropy.
    index : integer array_like, shape of the logits without the class axis, optional
        Forces the sample.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError
        Where logits, tau, axis or index have an unusable type.
    ValueError
        Where a logit is NaN or +inf, a row is fully masked, τ is not above 0,
        the axis is out of range, or the index does not fit.

    See Also
    --------
    reinmax_ref.algebra.reinmax_vjp : the formula.

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
    Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612, Algorithm 2.

    Examples
    --------
    >>> from reinmax_ref import reinmax
    >>> draw = reinmax([0.0, 0.0], index=0)
    >>> draw.hard
    array([1., 0.])
    >>> draw.vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    return draw(algebra.reinmax_vjp, logits, tau, axis=axis, rng=rng, index=index)
