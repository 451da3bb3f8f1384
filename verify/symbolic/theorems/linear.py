"""Straight-through is first order: exact on linear objectives and not on quadratic ones."""

from collections.abc import Iterator

import sympy as sp

from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.definitions import Estimator, Vector, softmax_vjp, straight_through
from verify.symbolic.patterns import by_pattern, directly, variables
from verify.symbolic.theorems.means import bias_of, mean_of, truth

__all__ = ["STRAIGHT_THROUGH_LINEAR"]


def _check(estimator: Estimator) -> Iterator[Check]:
    yield from by_pattern(mean_of(estimator), truth, degree=1)
    for classes in (2, 3, 4):
        yield directly(mean_of(estimator), truth, 1, classes)
    p = (sp.Rational(3, 4), sp.Rational(1, 4))
    bias = bias_of(estimator)(variables(2)[0] ** 2, variables(2), p)
    claim = "K = 2, f = x_1², p = (3/4, 1/4): the bias is (3/32, −3/32), so quadratic f is not covered"
    yield vanishing(claim, bias[0] - sp.Rational(3, 32), bias[1] + sp.Rational(3, 32))


def _sampled_half(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Evaluate the Jacobian half way to the sample, as ReinMax does, without its correction."""
    return softmax_vjp(tuple((a + b) / 2 for a, b in zip(p, onehot, strict=True)), grad_hard)


STRAIGHT_THROUGH_LINEAR = Theorem(
    name="straight-through-linear",
    statement="E[J(p)g] is the true gradient for every linear f, and not for every quadratic f.",
    hypotheses=("D ~ p, one variable, g = ∇f(D)",),
    classes="all K, by index pattern; K = 2, 3, 4 in full",
    formula=straight_through,
    falsehood=_sampled_half,
    check=_check,
)
