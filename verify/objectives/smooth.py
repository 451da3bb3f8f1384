"""A smooth objective of no finite degree."""

from dataclasses import dataclass

import numpy as np

from verify.typing import Array

__all__ = ["ExpSine"]


@dataclass(frozen=True)
class ExpSine:
    """F(x) = exp⟨a, x⟩ − 1 + sin⟨b, x⟩ with a_j = cos j and b_j = sin 2j.

    Smooth, of no finite degree, and zero at x = 0, so that F(εx) keeps its
    relative accuracy however small ε is.
    """

    def value(self, x: Array) -> Array:
        """F at the points, shape (n,)."""
        u, v = self._products(x)
        return np.asarray(np.expm1(u) + np.sin(v))

    def gradient(self, x: Array) -> Array:
        """Evaluate ∇F = a exp⟨a, x⟩ + b cos⟨b, x⟩, shape (n, L, K)."""
        u, v = self._products(x)
        a, b = self._vectors(x)
        return np.asarray(np.multiply.outer(np.exp(u), a) + np.multiply.outer(np.cos(v), b))

    def _vectors(self, x: Array) -> tuple[Array, Array]:
        number = np.arange(1, x[0].size + 1).reshape(x.shape[1:])
        return np.cos(number), np.sin(2 * number)

    def _products(self, x: Array) -> tuple[Array, Array]:
        a, b = self._vectors(x)
        return (x * a).sum(axis=(1, 2)), (x * b).sum(axis=(1, 2))
