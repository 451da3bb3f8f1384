"""The two sides most theorems compare: the mean of an estimator, and the true gradient."""

import sympy as sp

from verify.symbolic.definitions import Estimator, Vector, exact_gradient, expected_gradient
from verify.symbolic.patterns import Side

__all__ = ["bias_of", "mean_of", "truth"]


def truth(objective: sp.Expr, x: Vector, p: Vector) -> Vector:
    """Return Σ_k f(I_k) p_k (I_k − p) for one variable."""
    return exact_gradient(objective, [x], [p])[0]


def mean_of(estimator: Estimator) -> Side:
    """Return the mean of an estimator for one variable, as a side of an identity."""
    return lambda objective, x, p: expected_gradient(estimator, objective, [x], [p])[0]


def bias_of(estimator: Estimator) -> Side:
    """Return the mean of an estimator minus the true gradient, as a side of an identity."""

    def bias(objective: sp.Expr, x: Vector, p: Vector) -> Vector:
        mean = mean_of(estimator)(objective, x, p)
        return tuple(a - b for a, b in zip(mean, truth(objective, x, p), strict=True))

    return bias
