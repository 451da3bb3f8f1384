"""Straight-Through: first-order accurate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau, scale

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "straight_through"]

NEEDS = Needs()


def straight_through(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> Draw:
    """Sample categories, with the Straight-Through gradient (1/τ) J(p_τ)g + J(p)h.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature of the backward pass, above 0; the sample always comes from
        softmax(θ). At τ = 1 the expected gradient is exact for every linear
        function of the sample.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`.

    See Also
    --------
    reinmax_ref.algebra.straight_through_vjp : the formula.

    References
    ----------
    Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through
    Stochastic Neurons for Conditional Computation", 2013, arXiv:1308.3432.

    Examples
    --------
    >>> from reinmax_ref import straight_through
    >>> straight_through([0.0, 0.0], index=0).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    rule = partial(_rule, tau=check_tau(tau))
    return draw(rule, logits, tau, axis=axis, rng=rng, index=index)


def _rule(p: Array, p_tau: Array, onehot: Array, g: Array, h: Array | None, *, tau: float) -> Array:
    del onehot  # the gradient does not depend on the sample
    tempered = None if p_tau is p else p_tau
    return algebra.straight_through_vjp(p, g, h, p_tau=tempered, tau=scale(tau, p.dtype))  # type: ignore[no-any-return]
