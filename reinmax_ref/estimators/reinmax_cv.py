"""ReinMax-CV: ReinMax with Gumbel-Rao minus ST Gumbel-softmax as its control variate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.categorical import softmax
from reinmax_ref.gumbel import Blend, NoisySample, bind, check_samples, conditional, relaxed_rule, sample
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "reinmax_cv"]

NEEDS = Needs(noise=True, copies=True, shared_noise=1)


def reinmax_cv(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    samples: int = 10,
    eta: float = 0.5,
) -> Blend:
    """Sample D, with the gradient ReinMax + η(GR − STGS), the last two at θ_D = ln((p + D)/2).

    ReinMax is taken at τ = 1. STGS is (1/τ) J(softmax((θ_D + G)/τ))g with the
    Gumbel noise G that made D = argmax(θ + G); GR averages the same over noise
    for which D = argmax(θ_D + G'). Needs ∇f at D, once.

    Bias: GR and STGS have different means, because G belongs to θ and not to
    θ_D; so the mean is not ReinMax's unless η = 0.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature of GR and STGS, above 0.
    noise : array_like, shape (1 + samples, *logits.shape), optional
        Forces the uniform numbers in [0, 1): first those of STGS.
    samples : int
        Relaxed samples that GR averages over.
    eta : float
        η.

    Returns
    -------
    Blend
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.estimators.gumbel_rao.gumbel_rao`.

    References
    ----------
    Wang and Bui, "Beyond ReinMax: Low-Variance Gradient Estimators for Discrete
    Latent Variables", 2026, arXiv:2603.08257.

    Examples
    --------
    >>> reinmax_cv([0.0, 0.0], samples=1, eta=0.0, index=0).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    tau, samples = check_tau(tau), check_samples(samples)
    found = sample(logits, axis=axis, rng=rng, index=index, noise=noise, count=1 + samples)
    middle, rule = found.middle, partial(relaxed_rule, tau=tau)
    relaxed = [_own_noise(found), *(conditional(middle, found.index, u) for u in found.noise[1:])]
    parts = (bind(found.base, softmax(x, tau), rule) for x in relaxed)
    return Blend((found.base, *parts), (1.0, -eta, *(eta / samples,) * samples))


def _own_noise(found: NoisySample) -> Array:
    """θ_D + G where D = argmax(θ + G): class d gains ln(1 + 1/p_d) on the others."""
    x = conditional(found.p, found.index, found.noise[0])
    rows = np.arange(len(x))
    p_d = np.maximum(found.p[rows, found.index], np.finfo(found.p.dtype).tiny)
    x[rows, found.index] = np.log1p(p_d) - np.log(p_d)
    return x
