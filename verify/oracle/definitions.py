"""The paper's definition of a ReinMax gradient at one sample, unsimplified.

This is what a candidate is compared with. It is written from the definition in
extended precision and imports nothing from the reference, which is itself one
of the candidates.
"""

import numpy as np

from verify.typing import Array

__all__ = ["reinmax_gradient", "softmax", "softmax_vjp"]


def softmax(logits: Array, tau: float = 1.0) -> Array:
    """Probabilities softmax(θ/τ) over the last axis, in extended precision.

    Parameters
    ----------
    logits : array, shape (..., K)
        −inf masks a class.
    tau : float

    Returns
    -------
    longdouble array, shape (..., K)
    """
    wide = np.asarray(logits, np.longdouble)
    e = np.exp((wide - wide.max(axis=-1, keepdims=True)) / np.longdouble(tau))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def softmax_vjp(q: Array, v: Array) -> Array:
    """J(q)v = q∘v − q⟨q, v⟩."""
    return np.asarray(q * v - q * (q * v).sum(axis=-1, keepdims=True))


def reinmax_gradient(logits: Array, tau: float, onehot: Array, g: Array, h: Array) -> Array:
    """2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2.

    Parameters
    ----------
    logits, onehot, g, h : array, shape (..., K)
        θ, the sample D, and the cotangents at the sample and at p.
    tau : float

    Returns
    -------
    longdouble array, shape (..., K)

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, NeurIPS 2023, arXiv:2304.08612, Algorithm 2.
    """
    p, q = softmax(logits), (softmax(logits, tau) + onehot) / 2
    return 2 * softmax_vjp(q, g) - softmax_vjp(p, g) / 2 + softmax_vjp(p, h)
