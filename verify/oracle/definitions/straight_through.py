"""The estimators of first order that the sample settles."""

from typing import Any

import numpy as np

from verify.oracle.definitions.reinmax import softmax, softmax_vjp
from verify.typing import Array

__all__ = ["darn", "decoupled_straight_through", "gapped_straight_through", "mve", "straight_through"]


def straight_through(p_tau: Array, tau: Any, g: Array) -> Array:
    """(1/τ) J(p_τ)g. Bengio, Léonard and Courville 2013, arXiv:1308.3432."""
    return np.asarray(softmax_vjp(p_tau, g) / tau)


def decoupled_straight_through(p_backward: Array, tau: Any, g: Array) -> Array:
    """(1/τ_b) J(p_{τ_b})g; D comes from softmax(θ/τ_f). Shah et al. 2024, arXiv:2410.13331."""
    return straight_through(p_backward, tau, g)


def gapped_straight_through(theta: Array, d: int, tau: float, g: Array, *, gap: float | None = 1.0) -> Array:
    """Lift l_d to the top and push the others down to a gap. Fan et al. 2022, arXiv:2206.07235.

    l_d = max θ, l_j = θ_j − (θ_j − max θ + gap)₊, then (1/τ) J(softmax(l/τ))g. The natural gap,
    for None, is −ln(1 − p_d)/p_d.
    """
    p_d = softmax(theta)[d]
    width = -np.log(1 - p_d) / p_d if gap is None else gap
    top = theta.max()
    shifted = np.array([t - max(t - top + width, 0) for t in theta])
    shifted[d] = top
    return straight_through(softmax(shifted, tau), tau, g)


def darn(p: Array, onehot: Array, g: Array, c: Array) -> Array:
    """(D − p)⟨g, D − c⟩. Gregor et al. 2014, arXiv:1310.8499; Gu et al. 2016, arXiv:1511.05176."""
    return np.asarray((onehot - p) * (g * (onehot - c)).sum())


def mve(p: Array, d: int, g: Array, tau: Any) -> Array:
    """Sᵀg from A v = B, for 0 ≤ τ < ∞. Hooper and Shekhovtsov, AISTATS 2026.

    A_ij = −τp_ip_j/(1 + τ(p_i + p_j)), A_ii = (1 + τp_i)Σ_j p_j/(1 + τ(p_i + p_j)) − τp_i²/(1 + 2τp_i),
    B_ik = (1 + τp_i)/(1 + 2τp_i)·J_ik,
    S_ik = [(1 + τp_i)v_ik − τp_iv_dk + τJ_dk·1(i = d)]/(1 + τ(p_i + p_d)).
    """
    K = range(len(p))
    jacobian = [[p[i] * ((i == k) - p[k]) for k in K] for i in K]
    A = [[-tau * p[i] * p[j] / (1 + tau * (p[i] + p[j])) for j in K] for i in K]
    for i in K:
        A[i][i] += (1 + tau * p[i]) * sum(p[j] / (1 + tau * (p[i] + p[j])) for j in K)
    B = [[(1 + tau * p[i]) / (1 + 2 * tau * p[i]) * jacobian[i][k] for k in K] for i in K]
    v = _solve(A, B)
    S = [
        [
            ((1 + tau * p[i]) * v[i][k] - tau * p[i] * v[d][k] + tau * jacobian[d][k] * (i == d))
            / (1 + tau * (p[i] + p[d]))
            for k in K
        ]
        for i in K
    ]
    return np.array([sum(S[i][k] * g[i] for i in K) for k in K])


def _solve(matrix: list[list[Any]], right: list[list[Any]]) -> list[list[Any]]:
    """Eliminate, exactly where the entries are exact; A is diagonally dominant and needs no pivots."""
    rows = [[*left, *side] for left, side in zip(matrix, right, strict=True)]
    for k, pivot in enumerate(rows):
        rows[k] = [x / pivot[k] for x in pivot]
        for i, row in enumerate(rows):
            if i != k:
                rows[i] = [x - row[k] * y for x, y in zip(row, rows[k], strict=True)]
    return [row[len(matrix) :] for row in rows]
