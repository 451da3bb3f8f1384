"""Whether a formula that is handed in treats the classes beyond a few named ones alike, for every K.

The checks by pattern have one or two classes beyond the named ones, and would not
see a term in three or more of them, such as e₆(p), the sum of all products of six
probabilities. Here the formula runs on `Classes`, whose number is open: the result
must be that of one class which carries the probability of all others. A formula
that takes the classes one by one is tried for K up to 12, and no more is claimed.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import sympy as sp

from verify.symbolic.certificate import Check, vanishing
from verify.symbolic.classes import Classes, ReadsClasses, at, distribution, others
from verify.symbolic.definitions import Estimator, Vector, corner, simplex
from verify.symbolic.patterns import (
    Sample,
    cotangent,
    index_patterns,
    mean_of,
    merged_mean,
    monomials,
    truth,
    variables,
)

__all__ = ["BY_CLASS", "means", "products", "samples"]

BY_CLASS = "the formula has terms in one class and sums over all classes, and no other"
"""The hypothesis that the checks of this module settle."""

TRIED = range(5, 13)

LIMIT = (
    "K = 2, 3, 4 in full and K = 5 to 12 at a rational point; nothing is claimed for other K, "
    "because the formula takes the classes one by one"
)

ALIKE = "any number of other classes: they enter through their total probability alone"


def means(estimator: Estimator, degree: int, tried: Estimator | None = None) -> Iterator[Check]:
    """Check the merging of other classes in the mean of an estimator, for every pattern up to a degree."""
    labels = [labels for size in range(1, degree + 2) for labels in index_patterns(size)]
    try:
        changes = [_mean(estimator, each) - merged_mean(estimator, each) for each in labels]
    except ReadsClasses:
        yield from (_mean_at_a_point(tried or estimator, degree, classes) for classes in TRIED)
    else:
        yield vanishing(ALIKE, *changes)


def _mean(estimator: Estimator, labels: tuple[int, ...]) -> sp.Expr:
    """Coordinate i of the mean for the monomial of a pattern: named samples, and all others."""
    named = max(labels) + 1
    x = variables(named)
    slopes = [sp.diff(sp.Mul(*(x[label] for label in labels[1:])), v) for v in x]

    def weighted(sample: int, named: int) -> sp.Expr:
        p, onehot = distribution("p", named), corner(sample, named)
        point = dict(zip(x, onehot, strict=False))
        g = [slope.subs(point) for slope in slopes] + [sp.S.Zero] * (named - len(x))
        found = _run(estimator, p, _only(onehot), _only(tuple(g)))
        return p.named[sample] * found.named[labels[0]]

    inside = sp.Add(*(weighted(d, named) for d in range(named)))
    generic = {symbol: name for name, symbol in at(named).items()}
    return inside + others(sp.expand(weighted(named, named + 1)).xreplace(generic), named)


def _only(named: Vector) -> Classes:
    """A vector that is zero on all classes without a name."""
    return Classes(named, sp.S.Zero)


def _run(formula: Callable[..., Any], *vectors: Classes) -> Classes:
    found = formula(*vectors)
    if not isinstance(found, Classes):
        raise ReadsClasses(f"the formula returned {found!r}; expected one entry for every class")
    return found


def _rational(classes: int, shift: int) -> Vector:
    """A point of the simplex with no two equal entries."""
    weights = [k + shift for k in range(classes)]
    return tuple(sp.Rational(w, sum(weights)) for w in weights)


def _mean_at_a_point(estimator: Estimator, degree: int, classes: int) -> Check:
    x, p = variables(classes), _rational(classes, 1)
    objective = sp.Add(*((3 * k * k + k) % 7 * m for k, m in enumerate(monomials(x, degree))))
    sides = (side(objective, x, p) for side in (mean_of(estimator), truth))
    return _tried(f"K = {classes}, one f of degree {degree} at a rational point", *sides)


def samples(left: Sample, right: Sample) -> Iterator[Check]:
    """Check the merging of other classes in a formula per sample, `right`; three classes are named."""

    def merged(sample: int) -> Vector:
        g, h = cotangent("g", 3, 4), cotangent("h", 3, 4)
        return right(simplex("p", 4), simplex("r", 4), corner(sample, 4), g, h)

    def open_(sample: int) -> Vector:
        p, r = distribution("p", 3), distribution("r", 3)
        g, h = (_only(variables(3, name)) for name in "gh")
        return _run(right, p, r, _only(corner(sample, 3)), g, h).named

    try:
        found = [(merged(d)[k], open_(d)[k]) for d, k in product(range(3), repeat=2)]
    except ReadsClasses:
        yield from (_sample_at_a_point(left, right, classes) for classes in TRIED)
    else:
        yield vanishing(ALIKE, *(a - b for a, b in found))


def _sample_at_a_point(left: Sample, right: Sample, classes: int) -> Check:
    p, r = _rational(classes, 1), _rational(classes, 2)
    g, h = (tuple(sp.Integer((a * k * k + k) % 7) for k in range(classes)) for a in (3, 5))
    sides = (side(p, r, corner(1, classes), g, h) for side in (left, right))
    return _tried(f"K = {classes}, at a rational point", *sides)


def _tried(claim: str, left: Vector, right: Vector) -> Check:
    return replace(vanishing(claim, *(a - b for a, b in zip(left, right, strict=True))), limit=LIMIT)


def products(left: Callable[..., Vector], right: Callable[..., Vector]) -> Iterator[Check]:
    """Check the merging of other classes in a formula of p, p_τ and a constant g; two classes are named."""

    def without(side: Callable[..., Vector]) -> Sample:
        return lambda p, r, _onehot, g, _h: side(p, r, g)

    yield from samples(without(left), without(right))
