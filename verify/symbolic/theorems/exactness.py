"""What each estimator is exact on: straight-through linear objectives, ReinMax at τ = 1 quadratic ones."""

from collections.abc import Iterator
from functools import reduce

import sympy as sp

from verify.symbolic.any_number import BY_CLASS, means
from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.classes import entrywise
from verify.symbolic.definitions import (
    Estimator,
    Vector,
    exact_gradient,
    expected_gradient,
    reinmax,
    simplex,
    softmax_vjp,
    straight_through,
)
from verify.symbolic.patterns import bias_of, by_pattern, directly, mean_of, monomials, truth, variables

__all__ = ["REINMAX_QUADRATIC", "SEVERAL_VARIABLES", "STRAIGHT_THROUGH_LINEAR"]


def _linear(estimator: Estimator) -> Iterator[Check]:
    yield from means(estimator, 1)
    yield from by_pattern(mean_of(estimator), truth, degree=1)
    for classes in (2, 3, 4):
        yield directly(mean_of(estimator), truth, 1, classes)
    p = (sp.Rational(3, 4), sp.Rational(1, 4))
    bias = bias_of(estimator)(variables(2)[0] ** 2, variables(2), p)
    claim = "K = 2, f = x_1², p = (3/4, 1/4): the bias is (3/32, −3/32), so quadratic f is not covered"
    yield vanishing(claim, bias[0] - sp.Rational(3, 32), bias[1] + sp.Rational(3, 32))


def _sampled_half(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Evaluate the Jacobian half way to the sample, as ReinMax does, without its correction."""
    return softmax_vjp(entrywise(lambda a, b: (a + b) / 2, p, onehot), grad_hard)


STRAIGHT_THROUGH_LINEAR = Theorem(
    name="straight-through-linear",
    statement="E[J(p)g] is the true gradient for every linear f, and not for every quadratic f.",
    hypotheses=("D ~ p, one variable, g = ∇f(D)", BY_CLASS),
    classes="all K, by index pattern; K = 2, 3, 4 in full",
    formula=straight_through,
    falsehood=_sampled_half,
    check=_linear,
)


def _quadratic(estimator: Estimator) -> Iterator[Check]:
    yield from means(estimator, 2)
    yield from by_pattern(mean_of(estimator), truth, degree=2)
    for classes in (2, 3, 4):
        yield directly(mean_of(estimator), truth, 2, classes)


REINMAX_QUADRATIC = Theorem(
    name="reinmax-quadratic",
    statement="E[2 J(q)g − ½ J(p)g] with q = (p + D)/2 is the true gradient for every quadratic f.",
    hypotheses=("D ~ p, one variable, g = ∇f(D)", "τ = 1", BY_CLASS),
    classes="all K, by index pattern (i, a, b) with the other classes merged; K = 2, 3, 4 in full",
    formula=reinmax,
    falsehood=straight_through,
    check=_quadratic,
)


def _objective(x: list[Vector]) -> sp.Expr:
    """Return the generic polynomial of degree 2 in each variable: a coefficient for every product."""
    products = reduce(lambda left, right: [a * b for a in left for b in right], [monomials(v, 2) for v in x])
    return sp.Add(*(sp.Symbol(f"c{k}") * monomial for k, monomial in enumerate(products)))


def _jointly(estimator: Estimator, count: int, classes: int) -> Check:
    """Check every coordinate of every variable."""
    x = [variables(classes, f"x{row}_") for row in range(count)]
    p = [simplex(f"p{row}_", classes) for row in range(count)]
    objective = _objective(x)
    mean, exact = expected_gradient(estimator, objective, x, p), exact_gradient(objective, x, p)
    pairs = zip((v for row in mean for v in row), (v for row in exact for v in row), strict=True)
    claim = f"L = {count}, K = {classes}: {len(objective.args)} generic coefficients, every variable"
    return vanishing(claim, *(a - b for a, b in pairs))


def _several(estimator: Estimator) -> Iterator[Check]:
    yield from _quadratic(estimator)
    for count, classes in ((2, 2), (2, 3), (3, 2)):
        yield _jointly(estimator, count, classes)


SEVERAL_VARIABLES = Theorem(
    name="several-variables",
    statement="With L independent variables E[ReinMax] is the true gradient for every f that is quadratic in "
    "each variable with the others fixed.",
    hypotheses=("D_l ~ p_l independently, g = ∇f(D)", "τ = 1", BY_CLASS),
    classes="L = 2 with K = 2, 3 and L = 3 with K = 2 in full; all L and K from reinmax-quadratic by "
    "conditioning on the other variables",
    formula=reinmax,
    falsehood=straight_through,
    check=_several,
)
