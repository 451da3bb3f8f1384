"""ReinMax, and its forms for bits and with a uniform baseline.

Liu, Dong, Liu, Yu and Gao, NeurIPS 2023, arXiv:2304.08612.
"""

from typing import Any

import numpy as np

from verify.typing import Array

__all__ = ["bernoulli", "reinmax_gradient", "reinmax_uniform", "softmax", "softmax_vjp"]


def softmax(logits: Array, tau: float = 1.0, precision: type[np.floating[Any]] = np.longdouble) -> Array:
    """Probabilities softmax(θ/τ) over the last axis, in extended precision.

    Parameters
    ----------
    logits : array, shape (..., K)
        −inf masks a class.
    tau : float
    precision : type
        Another precision, where less is compared.

    Returns
    -------
    longdouble array, shape (..., K)
    """
    wide = np.asarray(logits, precision)
    e = np.exp((wide - wide.max(axis=-1, keepdims=True)) / precision(tau))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def softmax_vjp(q: Array, v: Array) -> Array:
    """J(q)v = q∘v − q⟨q, v⟩."""
    return np.asarray(q * v - q * (q * v).sum(axis=-1, keepdims=True))


def reinmax_gradient(  # noqa: PLR0917  the order of the equation
    logits: Array,
    tau: float,
    onehot: Array,
    g: Array,
    h: Array,
    precision: type[np.floating[Any]] = np.longdouble,
) -> Array:
    """2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2.

    Parameters
    ----------
    logits, onehot, g, h : array, shape (..., K)
        θ, the sample D, and the cotangents at the sample and at p.
    tau : float
    precision : type
        Another precision, where less is compared.

    Returns
    -------
    longdouble array, shape (..., K)

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, NeurIPS 2023, arXiv:2304.08612, Algorithm 2.
    """
    p, q = softmax(logits, 1.0, precision), (softmax(logits, tau, precision) + onehot) / 2
    return 2 * softmax_vjp(q, g) - softmax_vjp(p, g) / 2 + softmax_vjp(p, h)


def reinmax_uniform(p: Array, onehot: Array, g: Array) -> Array:
    """½ [(g_d − mean g)(D − p) + J(p)g/(K p_d)]."""
    at_sample, p_d = (onehot * g).sum(), (onehot * p).sum()
    baseline = (at_sample - g.sum() / len(g)) * (onehot - p)
    return np.asarray((baseline + softmax_vjp(p, g) / (len(g) * p_d)) / 2)


def bernoulli(p: Any, p_tau: Any, z: Any, g: Any) -> Any:
    """[2q(1 − q) − ½p(1 − p)]·g with q = (p_τ + z)/2, for the logit of a bit z."""
    q = (p_tau + z) / 2
    return (2 * q * (1 - q) - p * (1 - p) / 2) * g
