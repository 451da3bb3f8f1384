"""ReinMax at τ = 1 is second order: exact on every quadratic objective, for every number of classes."""

from collections.abc import Iterator

import sympy as sp

from verify.symbolic.certificate import Check, Theorem, vanishing
from verify.symbolic.definitions import Estimator, corner, reinmax, straight_through
from verify.symbolic.patterns import by_pattern, cotangent, directly, variables
from verify.symbolic.theorems.means import mean_of, truth

__all__ = ["REINMAX_QUADRATIC"]


def _outside_samples(estimator: Estimator) -> Check:
    """Check that every sample outside the named classes contributes p_d times one and the same factor.

    Coordinate, monomial and pattern together name at most three classes. The cotangent is generic there
    and zero elsewhere, and no relation between the probabilities is used.
    """
    named, classes = 3, 5
    p, other = variables(classes, "p"), variables(classes, "q")
    g = cotangent("g", named, classes)
    first, second = (estimator(p, corner(d, classes), g)[:named] for d in range(named, classes))
    elsewhere = dict(zip(p[named:], other[named:], strict=True))
    return vanishing(
        "samples outside three named classes: the factor of p_d is the same and holds no outside probability",
        *(a - b for a, b in zip(first, second, strict=True)),
        *(sp.expand(a) - sp.expand(a).xreplace(elsewhere) for a in first),
    )


def _check(estimator: Estimator) -> Iterator[Check]:
    yield _outside_samples(estimator)
    yield from by_pattern(mean_of(estimator), truth, degree=2)
    for classes in (2, 3, 4):
        yield directly(mean_of(estimator), truth, 2, classes)


REINMAX_QUADRATIC = Theorem(
    name="reinmax-quadratic",
    statement="E[2 J(q)g − ½ J(p)g] with q = (p + D)/2 is the true gradient for every quadratic f.",
    hypotheses=("D ~ p, one variable, g = ∇f(D)", "τ = 1"),
    classes="all K, by index pattern (i, a, b) with the other classes merged; K = 2, 3, 4 in full",
    formula=reinmax,
    falsehood=straight_through,
    check=_check,
)
