"""The estimators of the paper in SymPy, and the exact analysis of a user's own objective.

Everything starts from the definitions of Liu, Dong, Liu, Yu and Gao, "Bridging
Discrete and Backpropagation: Straight-Through and Beyond", NeurIPS 2023,
arXiv:2304.08612, and shares no line with the implementation under test.
Vectors are tuples of SymPy expressions, one per class. Probabilities are plain
symbols on the simplex: the last one is written as one minus the others, so that
an expression in them is identically zero exactly when its expanded form is 0.

Examples
--------
The square of the first coordinate of one variable with two classes: ReinMax is
exact on it, straight-through is not.

>>> import sympy as sp
>>> x = sp.symbols("x1:3")
>>> result = analyse(x[0] ** 2, x)
>>> result.exact
Matrix([[-p_1*(p_1 - 1), p_1*(p_1 - 1)]])
>>> result.reinmax_bias
Matrix([[0, 0]])
>>> result.straight_through_bias
Matrix([[-p_1*(p_1 - 1)*(2*p_1 - 1), p_1*(p_1 - 1)*(2*p_1 - 1)]])
"""

from verify.symbolic.analysis import Analysis, analyse, substitute_softmax
from verify.symbolic.definitions import (
    Estimator,
    Vector,
    corner,
    exact_gradient,
    expected_gradient,
    reinmax,
    simplex,
    softmax,
    softmax_vjp,
    straight_through,
)

__all__ = [
    "Analysis",
    "Estimator",
    "Vector",
    "analyse",
    "corner",
    "exact_gradient",
    "expected_gradient",
    "reinmax",
    "simplex",
    "softmax",
    "softmax_vjp",
    "straight_through",
    "substitute_softmax",
]
