"""The estimators that call f. Samples are of one vector: (L, K) points, or (L,) bits."""

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.oracle.definitions.reinmax import softmax_vjp
from verify.typing import Array

__all__ = ["arm", "disarm", "leave_one_out", "muprop", "reinforce", "unordered_set"]

Function = Callable[[Array], Any]
"""f, or ∇f, of one point."""


def reinforce(p: Array, x: Array, f: Function, baseline: Any = 0) -> Array:
    """(f − b)(D − p). Williams 1992."""
    return np.asarray((f(x) - baseline) * (x - p))


def leave_one_out(p: Array, xs: Array, f: Function) -> Array:
    """(1/M) Σ_m (f_m − mean of the others)(D_m − p). Kool, van Hoof and Welling 2019."""
    values = [f(x) for x in xs]
    M = len(values)
    terms = [reinforce(p, x, f, (sum(values) - own) / (M - 1)) for x, own in zip(xs, values, strict=True)]
    return np.asarray(sum(terms[1:], terms[0]) / M)


def muprop(p: Array, x: Array, f: Function, slope: Function) -> Array:
    """[f(D) − f(p) − ⟨∇f(p), s⟩]s + J(p)∇f(p) with s = D − p. Gu et al. 2016, arXiv:1511.05176."""
    s, at_mean = x - p, slope(p)
    return np.asarray((f(x) - f(p) - (at_mean * s).sum()) * s + softmax_vjp(p, at_mean))


def arm(p: Array, u: Array, f: Function) -> Array:
    """(f(b) − f(b̃))(u − ½), b = 1[u > 1 − p], b̃ = 1[u < p]. Yin and Zhou 2019, arXiv:1807.11143."""
    b, mirrored = (u > 1 - p) * 1, (u < p) * 1
    return np.asarray((f(b) - f(mirrored)) * (2 * u - 1) / 2)


def disarm(p: Array, u: Array, f: Function) -> Array:
    """½(f(b) − f(b̃))(−1)^{b̃} 1[b ≠ b̃] σ(|l|). Dong, Mnih and Tucker 2020, arXiv:2006.10680."""
    b, mirrored = (u > 1 - p) * 1, (u < p) * 1
    sign = (1 - 2 * mirrored) * (b != mirrored)
    return np.asarray((f(b) - f(mirrored)) * sign * np.maximum(p, 1 - p) / 2)


def unordered_set(p: Array, pair: Array, f: Function) -> Array:
    """Σ_{i∈S} P_i R(S,i)(f_i − b_i)(D_i − p), S = {D_1, D_2}. Kool et al. 2020, arXiv:2002.06043.

    P(S) = P_1P_2/(1 − P_1) + P_2P_1/(1 − P_2), R(S,i) = [P_j/(1 − P_i)]/P(S), b_i = P_if_i + (1 − P_i)f_j.
    """
    P = [(x * p).sum(axis=-1).prod() for x in pair]
    together = P[0] * P[1] / (1 - P[0]) + P[1] * P[0] / (1 - P[1])
    total = 0 * p
    for i, j in ((0, 1), (1, 0)):
        ratio = P[j] / (1 - P[i]) / together
        baseline = P[i] * f(pair[i]) + (1 - P[i]) * f(pair[j])
        total = total + P[i] * ratio * (f(pair[i]) - baseline) * (pair[i] - p)
    return np.asarray(total)
