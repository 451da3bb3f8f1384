"""Objectives that stand for a decoder: the paper's toy problem and a random smooth network."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.typing import Array

__all__ = ["PolynomialProgramming", "TanhNetwork", "polynomial_programming", "tanh_network"]


@dataclass(frozen=True)
class PolynomialProgramming:
    """The mean of abs(z − c)^p over binary variables."""

    c: float
    p: float

    def value(self, x: Array) -> Array:
        """Mean of abs(z − c)^p over the variables, shape (n,)."""
        _require_binary(x)
        return np.asarray((abs(x[..., 1] - self.c) ** self.p).mean(axis=-1))

    def gradient(self, x: Array) -> Array:
        """p·abs(z − c)^(p−1)·sign(z − c)/L at class 1, zero at class 0."""
        _require_binary(x)
        shifted = x[..., 1] - self.c
        slope = np.zeros_like(x)
        slope[..., 1] = self.p * abs(shifted) ** (self.p - 1) * np.sign(shifted) / x.shape[1]
        return slope


def _require_binary(x: Array) -> None:
    if x.shape[-1] != 2:
        raise ValueError(f"polynomial programming got {x.shape[-1]} classes; it is defined for 2, (0, 1)")


def polynomial_programming(c: float = 0.45, p: float = 2.0) -> PolynomialProgramming:
    """Polynomial programming of the ReinMax paper: minimise the mean of abs(z − c)^p over bits z.

    A bit is a variable of two classes and z is the coordinate of class 1, so
    the derivative sits there and that of class 0 is zero.

    Parameters
    ----------
    c : float
        Target; the paper uses 0.45.
    p : float
        Power, at least 1; the paper uses 1.5, 2 and 3.

    References
    ----------
    Liu et al. 2023, arXiv:2304.08612, section 6.1.

    Examples
    --------
    >>> polynomial_programming(p=2.0).value(np.eye(2)[:, None, :]).round(4)
    array([0.2025, 0.3025])
    """
    if not p >= 1:
        raise ValueError(f"p is {p}; it must be at least 1 for a gradient to exist")
    return PolynomialProgramming(c, p)


@dataclass(frozen=True)
class TanhNetwork:
    """f(x) = ⟨w₂, tanh(W₁x + b₁)⟩."""

    W1: Array
    b1: Array
    w2: Array

    def value(self, x: Array) -> Array:
        """Evaluate f at the points, shape (n,)."""
        return np.asarray(self._hidden(x) @ self.w2)

    def gradient(self, x: Array) -> Array:
        """W₁ᵀ(w₂∘(1 − tanh²)), shape (n, L, K)."""
        return self._slope(self._hidden(x), x.shape)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Both from one hidden layer."""
        hidden = self._hidden(x)
        return np.asarray(hidden @ self.w2), self._slope(hidden, x.shape)

    def _hidden(self, x: Array) -> Array:
        return np.asarray(np.tanh(x.reshape(len(x), -1) @ self.W1.T + self.b1))

    def _slope(self, hidden: Array, shape: tuple[int, ...]) -> Array:
        return np.asarray(((1 - hidden * hidden) * self.w2) @ self.W1).reshape(shape)


def tanh_network(
    variables: int, classes: int, *, hidden: int = 64, scale: float = 1.0, rng: Any = None
) -> TanhNetwork:
    """Draw a random smooth decoder, f(x) = ⟨w₂, tanh(W₁x + b₁)⟩.

    The entries are normal: W₁ with standard deviation ``scale``, b₁ with 1, w₂
    with 1/√hidden. The larger the scale, the farther from any polynomial of low
    degree.

    Parameters
    ----------
    variables, classes : int
        L and K.
    hidden : int
        Width of the hidden layer.
    scale : float
        Standard deviation of the weights W₁.
    rng : optional
        Anything :func:`numpy.random.default_rng` takes.

    Examples
    --------
    >>> tanh_network(2, 3, rng=0).value(np.zeros((5, 2, 3))).shape
    (5,)
    """
    source = np.random.default_rng(rng)
    W1 = scale * source.standard_normal((hidden, variables * classes))
    b1 = source.standard_normal(hidden)
    return TanhNetwork(W1, b1, source.standard_normal(hidden) / np.sqrt(hidden))
