"""The leading error terms: what is left on the first degree an estimator is not exact for."""

from collections.abc import Callable, Iterator

import sympy as sp

from verify.symbolic.any_number import BY_CLASS, means
from verify.symbolic.certificate import Check, Theorem
from verify.symbolic.definitions import Estimator, Vector, corner, reinmax, straight_through
from verify.symbolic.patterns import Side, bias_of, by_pattern, directly

__all__ = ["REINMAX_ERROR", "STRAIGHT_THROUGH_ERROR"]


def leading_error(weight: sp.Rational, order: int) -> Side:
    """Return w Σ_i Σ_j p_j D^n f[(I_i − I_j)^n] ∂p_i/∂θ, with D^n f the n-th derivative of f."""
    t = sp.Dummy("t")

    def error(objective: sp.Expr, x: Vector, p: Vector) -> Vector:
        total = [sp.S.Zero] * len(p)
        corners = [corner(k, len(p)) for k in range(len(p))]
        for start, p_j in zip(corners, p, strict=True):
            for end, p_i in zip(corners, p, strict=True):
                path = {v: b + t * (a - b) for v, a, b in zip(x, end, start, strict=True)}
                slope = sp.diff(objective.xreplace(path), t, order).subs(t, 0)
                for k in range(len(p)):
                    total[k] += weight * p_j * slope * p_i * (end[k] - p[k])
        return tuple(total)

    return error


def _check_order(estimator: Estimator, order: int) -> Callable[[sp.Rational], Iterator[Check]]:
    def check(weight: sp.Rational) -> Iterator[Check]:
        yield from means(estimator, order)
        yield from by_pattern(bias_of(estimator), leading_error(weight, order), degree=order)
        for classes in (2, 3):
            yield directly(bias_of(estimator), leading_error(weight, order), order, classes)

    return check


STRAIGHT_THROUGH_ERROR = Theorem(
    name="straight-through-error",
    statement="E[J(p)g] − exact = −½ Σ_i Σ_j p_j H[(I_i − I_j)²] ∂p_i/∂θ for every quadratic f, Hessian H.",
    hypotheses=("D ~ p, one variable, g = ∇f(D)", BY_CLASS),
    classes="all K, by index pattern (i, a, b) with the other classes merged; K = 2, 3 in full",
    formula=-sp.Rational(1, 2),
    falsehood=sp.Rational(1, 2),
    check=_check_order(straight_through, 2),
)

REINMAX_ERROR = Theorem(
    name="reinmax-error",
    statement="E[ReinMax] − exact = (1/12) Σ_i Σ_j p_j T[(I_i − I_j)³] ∂p_i/∂θ for every cubic f, T = D³f.",
    hypotheses=("D ~ p, one variable, g = ∇f(D)", "τ = 1", BY_CLASS),
    classes="all K, by index pattern (i, a, b, c) with the other classes merged; K = 2, 3 in full",
    formula=sp.Rational(1, 12),
    falsehood=sp.Rational(1, 6),
    check=_check_order(reinmax, 3),
)
