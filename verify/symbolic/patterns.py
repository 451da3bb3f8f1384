"""Why finitely many cases cover every number of classes: index patterns and merged classes.

Both sides of an identity are linear in the objective, so it is enough to look
at one monomial x_a x_b … and one output coordinate i at a time. Which of these
indices coincide is the *pattern*; let N be the set of distinct ones. A class
outside N is neither read by the objective nor written to, so it enters only as
a possible sample, or as a summand, with its probability as a factor and the
same other factor for all such classes. All of them can therefore be merged
into one class that carries their total probability, and |N| + 1 classes stand
for any number. :func:`by_pattern` checks the identity there, and that two
outside classes can be merged. That any number can is checked where a formula is
handed in, by :mod:`verify.symbolic.any_number`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations_with_replacement

import sympy as sp

from verify.symbolic.certificate import Check, vanishing
from verify.symbolic.definitions import (
    Estimator,
    Vector,
    corner,
    exact_gradient,
    expected_gradient,
    simplex,
)

__all__ = [
    "Sample",
    "Side",
    "bias_of",
    "by_pattern",
    "by_sample",
    "cotangent",
    "directly",
    "generic_polynomial",
    "index_patterns",
    "mean_of",
    "merged_mean",
    "merging",
    "monomials",
    "truth",
    "variables",
]

Side = Callable[[sp.Expr, Vector, Vector], Vector]
"""One side of an identity of means: ``side(objective, x, p)``."""

Sample = Callable[[Vector, Vector, Vector, Vector, Vector], Vector]
"""One side of an identity per sample: ``side(p, p_tau, onehot, grad_hard, grad_soft)``."""


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


def variables(classes: int, name: str = "x") -> Vector:
    """Return the symbols x0, x1, … of one categorical variable."""
    return tuple(sp.Symbol(f"{name}{k}") for k in range(classes))


def cotangent(name: str, named: int, classes: int) -> Vector:
    """Return a cotangent that is generic on the first `named` classes and zero on the others."""
    return (*variables(named, name), *[sp.S.Zero] * (classes - named))


def monomials(x: Vector, degree: int) -> list[sp.Expr]:
    """Return all monomials in x up to a degree, the constant first."""
    return [sp.Mul(*m) for d in range(degree + 1) for m in combinations_with_replacement(x, d)]


def generic_polynomial(x: Vector, degree: int, name: str = "c") -> sp.Expr:
    """Return the polynomial of the given degree in x with one symbol as every coefficient.

    Examples
    --------
    >>> generic_polynomial(variables(2), 1)
    c0 + c1*x0 + c2*x1
    """
    return sp.Add(*(sp.Symbol(f"{name}{k}") * monomial for k, monomial in enumerate(monomials(x, degree))))


def index_patterns(size: int) -> Iterator[tuple[int, ...]]:
    """Yield every way in which `size` indices can coincide, as labels in order of first appearance.

    Examples
    --------
    >>> list(index_patterns(2))
    [(0, 0), (0, 1)]
    >>> [len(list(index_patterns(size))) for size in (1, 2, 3, 4)]
    [1, 2, 5, 15]
    """
    if size == 0:
        yield ()
        return
    for head in index_patterns(size - 1):
        for label in range(max(head, default=-1) + 2):
            yield (*head, label)


def _reading(labels: tuple[int, ...]) -> str:
    """Say a pattern in words: the monomial and the blocks of equal indices."""
    names = "iabc"[: len(labels)]
    blocks: dict[int, str] = {}
    for name, label in zip(names, labels, strict=True):
        blocks[label] = f"{blocks[label]} = {name}" if label in blocks else name
    if len(labels) == 1:
        return "f = 1"
    return f"f = {' '.join(f'x_{name}' for name in names[1:])}, {' ≠ '.join(blocks.values())}"


def by_pattern(left: Side, right: Side, degree: int) -> Iterator[Check]:
    """Check coordinate i of an identity for every monomial up to a degree and every index pattern."""
    for size in range(1, degree + 2):
        for labels in index_patterns(size):
            merged = [_coordinate(side, labels, 1) for side in (left, right)]
            split = [_coordinate(side, labels, 2) for side in (left, right)]
            changes = [two - one for two, one in zip(split, merged, strict=True)]
            yield vanishing(_reading(labels), merged[0] - merged[1], *changes)


def _coordinate(side: Side, labels: tuple[int, ...], outside: int) -> sp.Expr:
    """Return coordinate i of a side for the monomial of a pattern, with so many classes outside it."""
    x = variables(max(labels) + 1 + outside)
    monomial = sp.Mul(*(x[label] for label in labels[1:]))
    return side(monomial, x, simplex("p", len(x)))[labels[0]]


def merged_mean(estimator: Estimator, labels: tuple[int, ...]) -> sp.Expr:
    """Return coordinate i of an estimator's mean for the monomial of a pattern, other classes merged."""
    return _coordinate(mean_of(estimator), labels, 1)


def merging(side: Callable[[int], Vector], named: int) -> list[sp.Expr]:
    """Return what the first `named` coordinates change by when two outside classes become one."""
    two, one = side(named + 2), side(named + 1)
    return [two[k] - one[k] for k in range(named)]


def directly(left: Side, right: Side, degree: int, classes: int) -> Check:
    """Check every coordinate of an identity of means for one K, with a generic polynomial."""
    x, p = variables(classes), simplex("p", classes)
    objective = generic_polynomial(x, degree)
    pairs = zip(left(objective, x, p), right(objective, x, p), strict=True)
    return vanishing(f"K = {classes}, every coefficient at once", *(a - b for a, b in pairs))


def by_sample(left: Sample, right: Sample) -> Iterator[Check]:
    """Check an identity per sample: K = 2, 3, 4 in full, and that further classes can be merged.

    Both sides are linear in the cotangents, so an entry has three indices: the coordinate, the sampled
    class and the class whose cotangent it multiplies. K = 4 has room for these and one class outside.
    """

    def at(side: Sample, index: int, named: int, classes: int) -> Vector:
        g, h = cotangent("g", named, classes), cotangent("h", named, classes)
        return side(simplex("p", classes), simplex("r", classes), corner(index, classes), g, h)

    for classes in (2, 3, 4):
        pairs = [
            zip(at(left, d, classes, classes), at(right, d, classes, classes), strict=True)
            for d in range(classes)
        ]
        claim = f"K = {classes}, every sample and coordinate, generic cotangents"
        yield vanishing(claim, *(a - b for pair in pairs for a, b in pair))
    for side, which in ((left, "left"), (right, "right")):
        changes = [merging(partial(at, side, d, 3), 3) for d in range(3)]
        claim = f"{which} side: classes outside three named ones can be merged"
        yield vanishing(claim, *(change for sample in changes for change in sample))
