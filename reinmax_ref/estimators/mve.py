"""MVE: the linear estimator of least variance, with a penalty τ on its error on quadratics."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "mve"]

NEEDS = Needs()


def mve(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> Draw:
    """Sample D, with the gradient Sᵀg + J(p)h whose matrix S(d) depends on p and τ.

    With A_ij = −τp_ip_j/(1 + τ(p_i + p_j)) off the diagonal,
    A_ii = (1 + τp_i) Σ_j p_j/(1 + τ(p_i + p_j)) − τp_i²/(1 + 2τp_i),
    B_ik = J_ik (1 + τp_i)/(1 + 2τp_i) and v = A⁻¹B,

        S_ik = [(1 + τp_i) v_ik − τp_i v_dk + τJ_dk 1(i = d)] / (1 + τ(p_i + p_d)).

    These are the conditions for a minimum of Σ_d p_d ‖S(d)‖² + (τ/2) ‖R‖² among
    the estimators exact on linear f, where R_di = p_d S(d)_i + p_i S(i)_d −
    1(i = d) J_d, the error on the monomial x_d x_i. Needs ∇f at D, once.

    Bias: exact for linear f at every τ. τ → 0 is straight-through; τ = inf is
    exact for quadratic f, with the least Σ_d p_d ‖S(d)‖² of all such.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Weight of the error on quadratics, above 0, inf included; not a
        temperature.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`.

    References
    ----------
    Hooper and Shekhovtsov, "Generalized and Optimal Straight-Through
    Estimators", AISTATS 2026.

    Notes
    -----
    The gradient takes one linear solve of size K a row, in float64.

    Examples
    --------
    >>> mve([0.0, 0.0], float("inf"), index=0).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    rule = partial(_rule, tau=check_tau(tau))
    return draw(rule, logits, 1.0, axis=axis, rng=rng, index=index)


def _rule(p: Array, p_tau: Array, onehot: Array, g: Array, h: Array | None, *, tau: float) -> Array:
    del p_tau
    # α + β = 1 with β/α = τ, so that both ends of the range of τ are finite.
    alpha, beta = (0.0, 1.0) if tau == np.inf else (1 / (1 + tau), tau / (1 + tau))
    wide = p.astype(np.float64)
    matrix = system(wide, alpha, beta)
    if alpha == 0:  # constants are then in the kernel, and J(p) ends the formula by removing them
        matrix += 1.0
    solution = np.linalg.solve(matrix, right_side(wide, onehot, g, alpha, beta)[..., None])[..., 0]
    v = cotangent(wide, onehot * g, solution, alpha, beta).astype(p.dtype)
    return algebra.softmax_vjp(p, v if h is None else v + h)  # type: ignore[no-any-return]


def system(p: Array, alpha: Any, beta: Any) -> Array:
    """The matrix A of each row times α, with α + β = 1 and β/α = τ, shape (n, K, K)."""
    total = _ratio(alpha + beta * (p[:, :, None] + p[:, None, :]))
    matrix = -beta * p[:, :, None] * p[:, None, :] * total
    every = np.arange(p.shape[1])
    matrix[:, every, every] += (alpha + beta * p) * (p[:, None, :] * total).sum(axis=-1)
    # A masked class has no equation at α = 0; any will do, as J(p) multiplies its solution by 0.
    matrix[:, every, every] += (alpha + beta * p) == 0
    return np.asarray(matrix)


def right_side(p: Array, onehot: Array, g: Array, alpha: Any, beta: Any) -> Array:
    """The vector a − c D with a_i = (1 + τp_i)g_i/(1 + τ(p_i + p_d)), c = Σ_i τp_ig_i/(1 + τ(p_i + p_d))."""
    weighted = g * _ratio(alpha + beta * (p + (onehot * p).sum(axis=-1, keepdims=True)))
    c = (beta * p * weighted).sum(axis=-1, keepdims=True)
    return np.asarray((alpha + beta * p) * weighted - c * onehot)


def cotangent(p: Array, sampled: Array, solution: Array, alpha: Any, beta: Any) -> Array:
    """What J(p) is applied to: (1 + τp)/(1 + 2τp) ∘ A⁻¹(a − c D) + τ g_d D/(1 + 2τp_d)."""
    each = _ratio(alpha + 2 * beta * p)
    return np.asarray(((alpha + beta * p) * solution + beta * sampled) * each)


def _ratio(denominator: Array) -> Array:
    """Give 1/x, and 0 where masked classes make x vanish."""
    zero = denominator == 0
    return np.asarray((1 - zero) / (denominator + zero))
