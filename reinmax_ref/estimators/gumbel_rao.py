"""Gumbel-Rao: ST Gumbel-softmax averaged over the noise given the sample."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref.categorical import softmax
from reinmax_ref.gumbel import Blend, bind, check_samples, conditional, relaxed_rule, sample
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource

__all__ = ["NEEDS", "gumbel_rao"]

NEEDS = Needs(noise=True, copies=True)


def gumbel_rao(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    samples: int = 10,
) -> Blend:
    """Sample D, with the gradient averaged over relaxed samples y_s given D: mean of (1/τ) J(y_s)g, + J(p)h.

    y = softmax(x/τ) with x_d = −ln(E_d/Z), x_j = −ln(E_j/e^{θ_j} + E_d/Z) and
    E ~ Exp(1). Needs ∇f at D, once, whatever the number of samples.

    Bias: that of ST Gumbel-softmax, whose mean it has for every number of
    samples; its variance is at most that one's. As τ → 0 and samples → ∞ it
    tends to ReinMax at τ = 1, sample by sample.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature of the relaxed samples, above 0.
    noise : array_like, shape (samples, *logits.shape), optional
        Forces the uniform numbers in [0, 1) behind E.
    samples : int
        Relaxed samples averaged over.

    Returns
    -------
    Blend
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, for fewer than one sample, and for
        noise of another shape or range.

    References
    ----------
    Paulus, Maddison and Krause, "Rao-Blackwellizing the Straight-Through
    Gumbel-Softmax Gradient Estimator", ICLR 2021, arXiv:2010.04838.

    Examples
    --------
    >>> gumbel_rao([0.0, 0.0], samples=2, index=0, noise=[[0.5, 0.5], [0.25, 0.25]]).vjp([9.0, 0.0])
    array([ 1.6875, -1.6875])
    """
    tau, samples = check_tau(tau), check_samples(samples)
    found = sample(logits, axis=axis, rng=rng, index=index, noise=noise, count=samples)
    rule = partial(relaxed_rule, tau=tau)
    relaxed = (softmax(conditional(found.p, found.index, u), tau) for u in found.noise)
    return Blend(tuple(bind(found.base, y, rule) for y in relaxed), (1 / samples,) * samples)
