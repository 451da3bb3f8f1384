"""ReinMax-Rao: ReinMax with its midpoint relaxed as in Gumbel-Rao."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref import algebra
from reinmax_ref.categorical import softmax
from reinmax_ref.gumbel import Blend, bind, check_samples, conditional, sample
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau, scale

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "reinmax_rao"]

NEEDS = Needs(noise=True, copies=True)


def reinmax_rao(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    samples: int = 10,
) -> Blend:
    """Sample D, with the gradient 2·GR − ½ J(p)g + J(p)h, where GR is Gumbel-Rao at θ_D = ln((p + D)/2).

    GR averages (1/τ) J(y_s)g over relaxed samples of softmax(θ_D) given that
    its largest class is D. Needs ∇f at D, once.

    Bias: it does not keep ReinMax's mean at any τ, because D is drawn from p
    and not from (p + D)/2; on linear f its expected gradient is too short.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature of the relaxed samples, above 0.
    noise : array_like, shape (samples, *logits.shape), optional
        Forces the uniform numbers in [0, 1).
    samples : int
        Relaxed samples averaged over.

    Returns
    -------
    Blend
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.estimators.gumbel_rao.gumbel_rao`.

    See Also
    --------
    reinmax_ref.algebra.rao_vjp : the formula.

    References
    ----------
    Wang and Bui, "Beyond ReinMax: Low-Variance Gradient Estimators for Discrete
    Latent Variables", 2026, arXiv:2603.08257.

    Examples
    --------
    >>> reinmax_rao([0.0, 0.0], samples=1, index=0, noise=[[0.5, 0.5]]).vjp([9.0, 0.0])
    array([ 1.375, -1.375])
    """
    tau, samples = check_tau(tau), check_samples(samples)
    found = sample(logits, axis=axis, rng=rng, index=index, noise=noise, count=samples)
    middle, rule = found.middle, partial(_rule, tau=tau)
    relaxed = (softmax(conditional(middle, found.index, u), tau) for u in found.noise)
    return Blend(tuple(bind(found.base, y, rule) for y in relaxed), (1 / samples,) * samples)


def _rule(p: Array, y: Array, onehot: Array, g: Array, h: Array | None, *, tau: float) -> Array:
    del onehot
    return algebra.rao_vjp(p, y, g, h, tau=scale(tau, p.dtype))  # type: ignore[no-any-return]
