"""Objectives: f and its gradient on one-hot corners, and the usual ones ready made.

An objective is anything with ``value(x)`` → (n,) and ``gradient(x)`` → (n, L, K)
for n points ``x`` of shape (n, L, K): L variables with K classes each, one-hot
along the last axis. The gradient is that of f continued smoothly off the
corners, which is what automatic differentiation hands an estimator. A method
``value_and_gradient(x)`` is used where there is one, to share work.

The polynomials run on float arrays and on object arrays of
:class:`fractions.Fraction`, where they are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from verify.objectives.autodiff import from_jax, from_sympy, from_torch
from verify.objectives.decoders import (
    PolynomialProgramming,
    TanhNetwork,
    polynomial_programming,
    tanh_network,
)
from verify.objectives.polynomials import Polynomial, cubic, linear, quadratic
from verify.typing import Array

__all__ = [
    "Objective",
    "Polynomial",
    "PolynomialProgramming",
    "TanhNetwork",
    "contracted",
    "cubic",
    "evaluate",
    "from_functions",
    "from_jax",
    "from_sympy",
    "from_torch",
    "linear",
    "polynomial_programming",
    "quadratic",
    "tanh_network",
]


@runtime_checkable
class Objective(Protocol):
    """What the oracle needs of f: its values and its gradients at points (n, L, K)."""

    def value(self, x: Array) -> Array:
        """Give f at the points ``x`` of shape (n, L, K), as an array (n,)."""

    def gradient(self, x: Array) -> Array:
        """Give ∂f/∂x at the points ``x`` of shape (n, L, K), in that shape."""


def evaluate(objective: Objective, x: Array, *, gradient: bool = True) -> tuple[Array, Array | None]:
    """Evaluate f and, unless told otherwise, ∇f, and check the shapes that come back.

    Parameters
    ----------
    objective : Objective
    x : array, shape (n, L, K)
    gradient : bool
        False leaves ∇f out; the second result is then None.

    Returns
    -------
    value : array, shape (n,)
    gradient : array, shape (n, L, K), or None

    Raises
    ------
    ValueError
        When the objective returns another shape.

    Examples
    --------
    >>> corners = np.eye(2)[:, None, :]
    >>> evaluate(linear(np.array([3.0, 5.0])), corners)[0]
    array([3., 5.])
    """
    both = getattr(objective, "value_and_gradient", None) if gradient else None
    if both is None:
        _require(objective, "value", *(["gradient"] if gradient else []))
    pair = (objective.value(x), objective.gradient(x) if gradient else None) if both is None else both(x)
    value = np.asarray(pair[0])
    if value.shape != x.shape[:1]:
        raise ValueError(
            f"value(x) returned shape {value.shape} for x of shape {x.shape}; expected {x.shape[:1]}, "
            "one number per point: sum over the last two axes only"
        )
    if not gradient:
        return value, None
    slope = np.asarray(pair[1])
    if slope.shape != x.shape:
        raise ValueError(
            f"gradient(x) returned shape {slope.shape} for x of shape {x.shape}; expected that of x, "
            "the derivative of each point's value with respect to that point"
        )
    return value, slope


def _require(objective: Objective, *methods: str) -> None:
    for method in methods:
        if not callable(getattr(objective, method, None)):
            raise TypeError(
                f"the objective is of type {type(objective).__name__} and has no {method}(x); expected "
                "value(x) and gradient(x): build one in verify.objectives, as from_functions(value, gradient)"
            )


@dataclass(frozen=True)
class Functions:
    """An objective made of two functions."""

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]


def from_functions(value: Callable[[Array], Array], gradient: Callable[[Array], Array]) -> Functions:
    """Make an objective of two functions of points (n, L, K).

    Parameters
    ----------
    value : callable, (n, L, K) → (n,)
    gradient : callable, (n, L, K) → (n, L, K)

    Notes
    -----
    With worker processes both must be functions of a module: a lambda cannot
    be sent to another process.

    Examples
    --------
    >>> f = from_functions(lambda x: x[:, 0, 0], lambda x: np.eye(3)[[0]][None] + 0 * x)
    >>> f.gradient(np.zeros((1, 1, 3)))
    array([[[1., 0., 0.]]])
    """
    return Functions(value, gradient)


@dataclass(frozen=True)
class Contracted:
    """f_ε(x) = F(x₀ + ε(x − x₀))."""

    objective: Objective
    center: Array
    epsilon: Any

    def value(self, x: Array) -> Array:
        """F at the contracted points, shape (n,)."""
        return self.objective.value(self._points(x))

    def gradient(self, x: Array) -> Array:
        """ε ∇F at the contracted points, shape (n, L, K)."""
        return np.asarray(self.epsilon * self.objective.gradient(self._points(x)))

    def _points(self, x: Array) -> Array:
        return np.asarray(self.center + self.epsilon * (x - self.center))


def contracted(objective: Objective, center: Any, epsilon: Any) -> Contracted:
    """Shrink an objective's argument towards a point, f_ε(x) = F(x₀ + ε(x − x₀)).

    As ε → 0 the corners come together and f_ε turns linear, which plays the
    part of the step size in the study of an ODE solver's order.

    Parameters
    ----------
    objective : Objective
        F.
    center : array, broadcast to (L, K)
        x₀.
    epsilon : number
        ε.

    Examples
    --------
    >>> half = contracted(linear([4.0, 8.0]), [0.5, 0.5], 0.5)
    >>> half.value(np.eye(2)[:, None, :])
    array([5., 7.])
    """
    _require(objective, "value", "gradient")
    return Contracted(objective, np.asarray(center), epsilon)
