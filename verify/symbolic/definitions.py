"""The definitions of the paper in SymPy: softmax, straight-through, ReinMax, and means over the corners.

Vectors are tuples of SymPy expressions, one per class. Nothing is imported from
the implementation under test; the theorems and the analysis start from here.

References
----------
Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import sympy as sp

from verify.symbolic.classes import entrywise, total

__all__ = [
    "Estimator",
    "Vector",
    "corner",
    "exact_gradient",
    "expected_gradient",
    "reinmax",
    "simplex",
    "softmax",
    "softmax_vjp",
    "straight_through",
]

Vector = tuple[sp.Expr, ...]
Estimator = Callable[[Vector, Vector, Vector], Vector]


def softmax(logits: Sequence[sp.Expr]) -> Vector:
    """Return exp(θ_k) / Σ_j exp(θ_j) for every class."""
    weights = [sp.exp(logit) for logit in logits]
    return tuple(weight / sp.Add(*weights) for weight in weights)


def simplex(name: str, classes: int, start: int = 0) -> Vector:
    """Return a generic point of the simplex: free symbols and one minus their sum.

    Examples
    --------
    >>> simplex("p", 3)
    (p0, p1, -p0 - p1 + 1)
    """
    free = tuple(sp.Symbol(f"{name}{start + k}", positive=True) for k in range(classes - 1))
    return (*free, 1 - sp.Add(*free))


def corner(index: int, classes: int) -> Vector:
    """Return the one-hot vector I_index with the given number of classes."""
    return tuple(sp.Integer(int(k == index)) for k in range(classes))


def softmax_vjp(q: Vector, g: Vector) -> Vector:
    """Return J(q)g = q∘(g − ⟨q, g⟩), the vector-Jacobian product of a softmax with value q."""
    inner = total(entrywise(lambda a, b: a * b, q, g))
    return entrywise(lambda a, b: a * (b - inner), q, g)


def straight_through(p: Vector, onehot: Vector, grad_hard: Vector) -> Vector:
    """Straight-through, J(p)g (equation 3 of the paper); the sample enters only through g."""
    del onehot
    return softmax_vjp(p, grad_hard)


def reinmax(
    p: Vector,
    onehot: Vector,
    grad_hard: Vector,
    p_tau: Vector | None = None,
    grad_soft: Vector | None = None,
) -> Vector:
    """ReinMax as the paper defines it: 2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2.

    Examples
    --------
    >>> g = sp.symbols("g0:2")
    >>> [sp.factor(v) for v in reinmax(simplex("p", 2), corner(0, 2), g)]
    [-(g0 - g1)*(p0 - 1)/2, (g0 - g1)*(p0 - 1)/2]
    """
    q = entrywise(lambda a, b: (a + b) / 2, p if p_tau is None else p_tau, onehot)
    hard = entrywise(lambda a, b: 2 * a - b / 2, softmax_vjp(q, grad_hard), softmax_vjp(p, grad_hard))
    if grad_soft is None:
        return hard
    return entrywise(lambda a, b: a + b, hard, softmax_vjp(p, grad_soft))


def _corners(probabilities: Sequence[Vector]) -> Iterable[tuple[sp.Expr, tuple[Vector, ...]]]:
    """Yield every corner of independent variables with its probability."""
    for indices in product(*(range(len(p)) for p in probabilities)):
        weight = sp.Mul(*(p[k] for p, k in zip(probabilities, indices, strict=True)))
        yield weight, tuple(corner(k, len(p)) for p, k in zip(probabilities, indices, strict=True))


def _at(formula: sp.Expr, coordinates: Sequence[Vector], point: Sequence[Vector]) -> sp.Expr:
    """Evaluate a formula at a corner."""
    pairs = zip(coordinates, point, strict=True)
    value = formula.subs({x: v for row, values in pairs for x, v in zip(row, values, strict=True)})
    if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise ValueError(
            f"{formula} has no finite value at the corner {tuple(point)}; the estimators need the objective "
            f"and its gradient at every corner: hand in an objective that is differentiable there"
        )
    return value


def exact_gradient(
    objective: sp.Expr, coordinates: Sequence[Vector], probabilities: Sequence[Vector]
) -> tuple[Vector, ...]:
    """Return Σ_D P(D) f(D) (D_l − p_l), the gradient of E[f(D)] with respect to the logits.

    Parameters
    ----------
    objective : Expr
    coordinates, probabilities : sequence of L tuples of K expressions
        The variables of `objective`, and the distribution of each.

    Returns
    -------
    tuple of L tuples of K expressions
    """
    total = [[sp.S.Zero] * len(p) for p in probabilities]
    for weight, point in _corners(probabilities):
        value = weight * _at(objective, coordinates, point)
        for row, (onehot, p) in enumerate(zip(point, probabilities, strict=True)):
            for k in range(len(p)):
                total[row][k] += value * (onehot[k] - p[k])
    return tuple(map(tuple, total))


def expected_gradient(
    estimator: Estimator, objective: sp.Expr, coordinates: Sequence[Vector], probabilities: Sequence[Vector]
) -> tuple[Vector, ...]:
    """Return the mean of an estimator over all corners, each weighted by its probability."""
    slopes = [[sp.diff(objective, x) for x in row] for row in coordinates]
    total = [[sp.S.Zero] * len(p) for p in probabilities]
    for weight, point in _corners(probabilities):
        for row, (onehot, p) in enumerate(zip(point, probabilities, strict=True)):
            grad_hard = tuple(_at(slope, coordinates, point) for slope in slopes[row])
            for k, part in enumerate(estimator(p, onehot, grad_hard)):
                total[row][k] += weight * part
    return tuple(map(tuple, total))
