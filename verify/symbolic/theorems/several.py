"""Several independent variables: it is enough that f is quadratic in each with the others fixed."""

from collections.abc import Iterator
from functools import reduce

import sympy as sp

from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.definitions import (
    Estimator,
    Vector,
    exact_gradient,
    expected_gradient,
    reinmax,
    simplex,
    straight_through,
)
from verify.symbolic.patterns import monomials, variables

__all__ = ["SEVERAL_VARIABLES"]


def _objective(x: list[Vector]) -> sp.Expr:
    """Return the generic polynomial of degree 2 in each variable: a coefficient for every product."""
    bases = [monomials(row, 2) for row in x]
    products = reduce(lambda left, right: [a * b for a in left for b in right], bases)
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


def _check(estimator: Estimator) -> Iterator[Check]:
    for count, classes in ((2, 2), (2, 3), (3, 2)):
        yield _jointly(estimator, count, classes)


SEVERAL_VARIABLES = Theorem(
    name="several-variables",
    statement="With L independent variables E[ReinMax] is the true gradient for every f that is quadratic in "
    "each variable with the others fixed.",
    hypotheses=("D_l ~ p_l independently, g = ∇f(D)", "τ = 1"),
    classes="L = 2 with K = 2, 3 and L = 3 with K = 2 in full; all L and K from reinmax-quadratic by "
    "conditioning on the other variables",
    formula=reinmax,
    falsehood=straight_through,
    check=_check,
)
