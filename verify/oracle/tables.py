"""The matrix of each estimator that is settled by the sample, from the equation of its paper.

A table gives M for logits θ, temperature and sampled class d: the gradient is
Mᵀg, so that entry (k, i) is the gradient at logit i for the cotangent e_k. All
are in extended precision, of shape (..., K, K), and import nothing of the
reference.
"""

from typing import Any

import numpy as np

from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = [
    "darn",
    "darn_about_p",
    "gapped",
    "mve",
    "mve_system",
    "naturally_gapped",
    "reinmax",
    "reinmax_uniform",
    "softmax_jacobian",
    "straight_through",
    "straight_through_untempered",
]


def softmax_jacobian(q: Array) -> Array:
    """J(q) = diag(q) − qqᵀ.

    Examples
    --------
    >>> softmax_jacobian(np.array([0.5, 0.5]))
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    return np.asarray(q[..., None] * (np.eye(q.shape[-1]) - q[..., None, :]))


def _onehot(logits: Array, index: Array) -> Array:
    return np.eye(logits.shape[-1], dtype=np.longdouble)[index]


def straight_through(logits: Array, tau: float, index: Array) -> Array:
    """(1/τ) J(p_τ). Bengio, Léonard and Courville 2013, arXiv:1308.3432."""
    del index
    return softmax_jacobian(softmax(logits, tau)) / np.longdouble(tau)


def straight_through_untempered(logits: Array, tau: float, index: Array) -> Array:
    """J(p) at every τ."""
    del tau, index
    return softmax_jacobian(softmax(logits))


def reinmax(logits: Array, tau: float, index: Array) -> Array:
    """2 J(q) − ½ J(p) with q = (p_τ + D)/2. Liu et al. 2023, arXiv:2304.08612, Algorithm 2."""
    q = (softmax(logits, tau) + _onehot(logits, index)) / 2
    return 2 * softmax_jacobian(q) - softmax_jacobian(softmax(logits)) / 2


def _darn(logits: Array, index: Array, centre: Any) -> Array:
    onehot = _onehot(logits, index)
    return np.asarray((onehot - centre)[..., :, None] * (onehot - softmax(logits))[..., None, :])


def darn(logits: Array, tau: float, index: Array, *, center: Any = None) -> Array:
    """(D − c)(D − p)ᵀ with c = 1/K where none is given. Gregor et al. 2014, arXiv:1310.8499."""
    del tau
    return _darn(logits, index, 1 / np.longdouble(logits.shape[-1]) if center is None else np.asarray(center))


def darn_about_p(logits: Array, tau: float, index: Array) -> Array:
    """(D − p)(D − p)ᵀ."""
    del tau
    return _darn(logits, index, softmax(logits))


def reinmax_uniform(logits: Array, tau: float, index: Array) -> Array:
    """½[(D − 1/K)(D − p)ᵀ + J(p)/(K p_d)]. Liu et al. 2023, arXiv:2304.08612, on the choice of baseline."""
    p, classes = softmax(logits), np.longdouble(logits.shape[-1])
    p_d = (p * _onehot(logits, index)).sum(axis=-1)[..., None, None]
    return np.asarray((darn(logits, tau, index) + softmax_jacobian(p) / (classes * p_d)) / 2)


def gapped(logits: Array, tau: float, index: Array, *, gap: Any = 1.0) -> Array:
    """(1/τ) J(softmax(l/τ)) with l_d = max θ and l_j = θ_j − (θ_j − max θ + gap)₊.

    Fan et al. 2022, arXiv:2206.07235.
    """
    theta = np.asarray(logits, np.longdouble)
    top = theta.max(axis=-1, keepdims=True)
    lowered = theta - np.maximum(theta - top + gap, 0)
    shifted = np.where(_onehot(logits, index) > 0, top, lowered)
    return straight_through(shifted, tau, index)


def naturally_gapped(logits: Array, tau: float, index: Array) -> Array:
    """The same with the gap −ln(1 − p_d)/p_d, the mean by which θ_d + G_d exceeds the largest other."""
    p_d = (softmax(logits) * _onehot(logits, index)).sum(axis=-1, keepdims=True)
    return gapped(logits, tau, index, gap=-np.log1p(-p_d) / p_d)


def mve_system(logits: Array, tau: float) -> tuple[Array, Array]:
    """A and B of :func:`mve`."""
    p, t = softmax(logits), np.longdouble(tau)
    each, own = np.eye(p.shape[-1], dtype=bool), 1 + t * p
    pair = 1 + t * (p[..., :, None] + p[..., None, :])
    diagonal = own * (p[..., None, :] / pair).sum(axis=-1) - t * p**2 / (1 + 2 * t * p)
    a = np.where(each, diagonal[..., :, None], -t * p[..., :, None] * p[..., None, :] / pair)
    b = softmax_jacobian(p) * (own / (1 + 2 * t * p))[..., :, None]
    return a, b


def mve(logits: Array, tau: float, index: Array) -> Array:
    """Minimal-variance estimator with weight τ. Hooper and Shekhovtsov, AISTATS 2026.

    With A_ij = −τp_ip_j/(1 + τ(p_i + p_j)) off the diagonal,
    A_ii = (1 + τp_i) Σ_j p_j/(1 + τ(p_i + p_j)) − τp_i²/(1 + 2τp_i), B_ik = J_ik (1 + τp_i)/(1 + 2τp_i) and
    Av = B: M_ik = [(1 + τp_i)v_ik − τp_i v_dk + τJ_dk 1(i = d)]/(1 + τ(p_i + p_d)).
    """
    p, t, onehot = softmax(logits), np.longdouble(tau), _onehot(logits, index)
    v = _solve(*mve_system(logits, tau))
    at_d = onehot[..., :, None]
    v_d = (at_d * v).sum(axis=-2, keepdims=True)
    weight, p_d = (t * p)[..., :, None], (p * onehot).sum(axis=-1)[..., None, None]
    top = (1 + weight) * v - weight * v_d + t * at_d * softmax_jacobian(p)
    return np.asarray(top / (1 + weight + t * p_d))


def _solve(a: Array, b: Array) -> Array:
    """Gauss–Jordan in extended precision; A is diagonally dominant, so that it needs no pivots."""
    a, b = a.copy(), b.copy()
    for k in range(a.shape[-1]):
        b[..., k, :] /= a[..., k, k, None]
        a[..., k, :] /= a[..., k, k, None].copy()
        factor = a[..., :, k].copy()
        factor[..., k] = 0
        b -= factor[..., :, None] * b[..., None, k, :]
        a -= factor[..., :, None] * a[..., None, k, :]
    return b
