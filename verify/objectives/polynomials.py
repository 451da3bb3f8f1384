"""Polynomial objectives of degree up to three, exact in any arithmetic NumPy can carry."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.typing import Array

__all__ = ["Polynomial", "cubic", "linear", "quadratic"]


@dataclass(frozen=True)
class Polynomial:
    """Polynomial of degree up to three, as its coefficient tensors over the N = L·K flat coordinates."""

    shape: tuple[int, int]
    slope: Array
    matrix: Array | None = None
    tensor: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x) = T[x, x, x] + A[x, x] + ⟨b, x⟩, shape (n,)."""
        flat = x.reshape(len(x), -1)
        inner = self.slope
        if self.matrix is not None:
            inner = inner + flat @ self.matrix.T
        if self.tensor is not None:
            inner = inner + _pairs(flat) @ self.tensor.reshape(len(self.slope), -1).T
        return np.asarray((flat * inner).sum(axis=1))

    def gradient(self, x: Array) -> Array:
        """∇f(x), with every slot of each tensor differentiated, shape (n, L, K)."""
        flat = x.reshape(len(x), -1)
        total = np.broadcast_to(self.slope, flat.shape)
        if self.matrix is not None:
            total = total + flat @ (self.matrix + self.matrix.T)
        if self.tensor is not None:
            t = self.tensor
            slots = t + t.transpose(1, 0, 2) + t.transpose(2, 0, 1)
            total = total + _pairs(flat) @ slots.reshape(len(self.slope), -1).T
        return total.reshape(x.shape)


def _pairs(flat: Array) -> Array:
    return np.asarray(flat[:, :, None] * flat[:, None, :]).reshape(len(flat), -1)


def _coefficients(name: str, array: Any, shape: tuple[int, ...]) -> Array:
    found = np.asarray(array)
    single = shape[1::2] if shape[0] == 1 else shape
    if found.shape not in (shape, single):
        raise ValueError(
            f"{name} has shape {found.shape}; expected {single}, the slope's shape once per slot"
        )
    return found


def linear(slope: Any) -> Polynomial:
    """Linear objective f(x) = ⟨b, x⟩.

    Parameters
    ----------
    slope : array, shape (K,) or (L, K)
        b; float or Fraction objects.

    Examples
    --------
    >>> linear([3.0, 5.0]).gradient(np.array([[[1.0, 0.0]]]))
    array([[[3., 5.]]])
    """
    b = np.asarray(slope)
    if b.ndim not in (1, 2):
        raise ValueError(f"slope has shape {b.shape}; expected (K,) or (L, K)")
    return Polynomial(np.atleast_2d(b).shape, b.ravel())


def quadratic(matrix: Any, slope: Any) -> Polynomial:
    """Quadratic objective f(x) = A[x, x] + ⟨b, x⟩; the Hessian is A + Aᵀ.

    Parameters
    ----------
    matrix : array, shape (K, K) or (L, K, L, K)
        A, which need not be symmetric.
    slope : array, shape (K,) or (L, K)
        b.

    Examples
    --------
    >>> quadratic([[1.0, 2.0], [0.0, 3.0]], [0.0, 0.0]).value(np.array([[[1.0, 1.0]]]))
    array([6.])
    """
    base = linear(slope)
    n = base.slope.size
    return Polynomial(base.shape, base.slope, _coefficients("matrix", matrix, base.shape * 2).reshape(n, n))


def cubic(tensor: Any, matrix: Any, slope: Any) -> Polynomial:
    """Cubic objective f(x) = T[x, x, x] + A[x, x] + ⟨b, x⟩.

    Parameters
    ----------
    tensor : array, shape (K, K, K) or (L, K, L, K, L, K)
        T, which need not be symmetric.
    matrix : array, shape (K, K) or (L, K, L, K)
        A.
    slope : array, shape (K,) or (L, K)
        b.

    Examples
    --------
    >>> cubic([[[2.0]]], [[0.0]], [0.0]).gradient(np.array([[[3.0]]]))
    array([[[54.]]])
    """
    base = quadratic(matrix, slope)
    n = base.slope.size
    cube = _coefficients("tensor", tensor, base.shape * 3).reshape(n, n, n)
    return Polynomial(base.shape, base.slope, base.matrix, cube)
