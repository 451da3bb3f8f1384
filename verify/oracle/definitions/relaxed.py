"""The estimators with a relaxed sample y = softmax(x/τ), given independent E_j ~ Exp(1).

Given that class d is the largest of θ + G, with Z = Σ e^θ (Paulus, Maddison and
Krause, ICLR 2021, arXiv:2010.04838),

    x_d = −ln(E_d/Z),        x_j = −ln(E_j/e^{θ_j} + E_d/Z)   (j ≠ d).
"""

import numpy as np

from verify.oracle.definitions.reinmax import reinmax_gradient, softmax, softmax_vjp
from verify.oracle.definitions.straight_through import straight_through
from verify.typing import Array

__all__ = ["conditioned", "gumbel_rao", "gumbel_softmax", "reinmax_cv", "reinmax_rao"]


def conditioned(theta: Array, d: int, E: Array) -> Array:
    """The perturbed logits θ + G given that class d is the largest."""
    Z = np.exp(theta).sum()
    x = -np.log(E / np.exp(theta) + E[d] / Z)
    x[d] = -np.log(E[d] / Z)
    return np.asarray(x)


def gumbel_softmax(theta: Array, d: int, E: Array, tau: float, g: Array) -> Array:
    """(1/τ) J(y)g at y = softmax((θ + G)/τ). Jang et al. 2017, arXiv:1611.01144."""
    return straight_through(softmax(conditioned(theta, d, E), tau), tau, g)


def gumbel_rao(theta: Array, d: int, E: Array, tau: float, g: Array) -> Array:
    """The mean of the above over the rows of E, all with the same D. Paulus et al., arXiv:2010.04838."""
    return np.asarray(np.mean([gumbel_softmax(theta, d, each, tau, g) for each in E], axis=0))


def _middle(theta: Array, d: int) -> Array:
    """θ_D = ln((p + D)/2)."""
    return np.asarray(np.log((softmax(theta) + np.eye(len(theta))[d]) / 2))


def reinmax_rao(theta: Array, d: int, E: Array, tau: float, g: Array) -> Array:
    """2·GR_{θ_D,τ}(g | D) − ½ J(p)g. Wang and Bui 2026, arXiv:2603.08257."""
    return 2 * gumbel_rao(_middle(theta, d), d, E, tau, g) - softmax_vjp(softmax(theta), g) / 2


def reinmax_cv(theta: Array, d: int, E: Array, tau: float, g: Array, *, eta: float = 0.5) -> Array:
    """ReinMax_{τ=1} + η[GR_{θ_D,τ} − STGS_{θ_D,τ}]. Wang and Bui 2026, arXiv:2603.08257.

    E[0] makes the noise G of STGS, with D = argmax(θ + G), which is added to θ_D; the other rows are GR's.
    """
    middle = _middle(theta, d)
    own = middle + (conditioned(theta, d, E[0]) - theta)
    control = gumbel_rao(middle, d, E[1:], tau, g) - straight_through(softmax(own, tau), tau, g)
    return reinmax_gradient(theta, 1.0, np.eye(len(theta))[d], g, 0 * g) + eta * control
