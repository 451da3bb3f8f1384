"""The boundary: the caller's arrays, checked and laid out as rows, and the way back.

Inside the package every array is a matrix with one categorical variable a row
and the classes on the last axis. Work goes through cache-sized blocks of rows,
which is where the speed comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "NARROW",
    "Array",
    "Rows",
    "blockwise",
    "check_tau",
    "iterate_blocks",
    "load_block",
    "round_tau",
    "scale",
]

Array = np.ndarray[Any, np.dtype[Any]]

#: Numbers in a block: a few arrays of this size fit a core's own cache.
BLOCK = 2**15

#: Up to this many classes a block is laid out class by class, so that sums over
#: the short axis run along long contiguous vectors.
NARROW = 16


@dataclass(frozen=True, eq=False)
class Rows:
    """Logits as a matrix in the dtype to compute in, and the way back.

    Attributes
    ----------
    matrix : array, shape (n, K)
        The logits; float16 is widened to float32, every other float stays.
    dtype : numpy dtype
        The caller's floating dtype, in which results are given back.
    batch : tuple of int
        The caller's shape without the class axis.
    axis : int
        The class axis, counted from the front.
    """

    matrix: Array
    dtype: np.dtype[Any]
    batch: tuple[int, ...]
    axis: int

    @classmethod
    def from_logits(cls, logits: ArrayLike, axis: int = -1) -> Rows:
        """Check the type, the axis and the shape of logits, and lay them out as rows.

        Parameters
        ----------
        logits : array_like, shape (..., K, ...)
            Real numbers; integers become float64.
        axis : int
            The class axis.

        Returns
        -------
        Rows

        Raises
        ------
        TypeError
            Where the logits are not real numbers, or the axis is not an integer.
        ValueError
            Where there are no classes, or the axis is out of range.
        """
        array = _real(logits, "logits")
        axis = _check_axis(axis, array.ndim)
        if array.shape[axis] == 0:
            raise ValueError(
                f"logits of shape {array.shape} have no classes along axis {axis}; expected at least one"
            )
        dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
        moved = np.moveaxis(array, axis, -1)
        matrix = moved.reshape(-1, moved.shape[-1]) if moved.size else moved.reshape(0, moved.shape[-1])
        matrix = matrix.astype(np.promote_types(dtype, np.float32), copy=False)
        return cls(matrix, dtype, moved.shape[:-1], axis)

    @property
    def shape(self) -> tuple[int, ...]:
        """The caller's shape, classes included."""
        return (*self.batch[: self.axis], self.matrix.shape[1], *self.batch[self.axis :])

    def restore(self, matrix: Array) -> Array:
        """Give a matrix of rows the caller's shape and dtype."""
        rows = matrix.astype(self.dtype, copy=False).reshape(*self.batch, matrix.shape[1])
        return np.moveaxis(rows, -1, self.axis)

    def check_index(self, index: ArrayLike) -> NDArray[np.intp]:
        """Check a sample that the caller forces, and flatten it to one class a row.

        Raises
        ------
        TypeError
            Where the index does not hold integers.
        ValueError
            Where its shape is not the batch's, a class is out of range, or a
            class is masked.
        """
        array = np.asarray(index)
        if array.dtype.kind not in "iu":
            raise TypeError(f"index has dtype {array.dtype}; expected integers, the class of each row")
        if array.shape != self.batch:
            raise ValueError(
                f"index has shape {array.shape}; expected {self.batch}, "
                "the shape of the logits without the class axis"
            )
        classes = self.matrix.shape[1]
        if array.size and not (array.min() >= 0 and array.max() < classes):
            raise ValueError(
                f"index holds classes from {array.min()} to {array.max()}; expected 0 to {classes - 1}"
            )
        flat = array.reshape(-1).astype(np.intp)
        masked = np.flatnonzero(np.isneginf(self.matrix[np.arange(flat.size), flat]))
        if masked.size:
            raise ValueError(
                f"index selects class {flat[masked[0]]} in row {masked[0]}, whose logit is -inf: it has "
                "probability 0 and cannot be the sample; choose a class that is not masked"
            )
        return flat

    def check_cotangent(self, cotangent: ArrayLike, name: str) -> Array:
        """Check the cotangent of one output, and lay it out as rows.

        Raises
        ------
        TypeError
            Where it does not hold real numbers.
        ValueError
            Where its shape is not the logits'.
        """
        array = _real(cotangent, name)
        if array.shape != self.shape:
            raise ValueError(
                f"{name} has shape {array.shape}; expected {self.shape}, the shape of the logits"
            )
        return np.moveaxis(array, self.axis, -1).reshape(self.matrix.shape)


def _real(values: ArrayLike, name: str) -> Array:
    if hasattr(values, "filled"):
        raise TypeError(
            f"{name} is a masked array, whose mask would be lost; mask a class with a logit of -inf"
        )
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; expected an array of real numbers")
    return array


def _check_axis(axis: int, ndim: int) -> int:
    if not isinstance(axis, int | np.integer):
        raise TypeError(f"axis is {axis!r}; expected an integer")
    if ndim == 0:
        raise ValueError(
            "logits are a single number; expected an array with a class axis, such as shape (K,)"
        )
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"axis {axis} is out of range for logits of {ndim} dimension(s); expected {-ndim} to {ndim - 1}"
        )
    return int(axis) % ndim


def check_tau(tau: SupportsFloat) -> float:
    """Check a temperature: one positive real number, +inf included.

    Raises
    ------
    TypeError
        Where it is not one real number.
    ValueError
        Where it is NaN, zero or negative.
    """
    if np.asarray(tau).dtype.kind not in "fiu" or np.ndim(tau) != 0:  # type: ignore[arg-type]
        raise TypeError(f"tau is {tau!r}; expected one real number above 0")
    value = float(tau)
    if not value > 0:
        raise ValueError(f"tau is {value}; expected a temperature above 0 (second order is reached at 1)")
    return value


def round_tau(tau: float, dtype: np.dtype[Any]) -> Any:
    """Round a temperature to a dtype; past the dtype's range it is infinite."""
    return dtype.type(tau if tau <= float(np.finfo(dtype).max) else np.inf)


def scale(tau: float, dtype: np.dtype[Any]) -> Any:
    """Round τ to a dtype, kept above 0: a vanished gradient must not become 0/0."""
    return round_tau(max(tau, float(np.finfo(dtype).tiny)), dtype)


def iterate_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows that cut a matrix of this shape into cache-sized blocks."""
    step = max(1, BLOCK // shape[1])
    return (slice(start, start + step) for start in range(0, shape[0], step))


def load_block(matrix: Array, rows: slice, dtype: np.dtype[Any]) -> Array:
    """One block in the given dtype; class by class in memory where rows are short."""
    if matrix.shape[1] <= NARROW:
        return np.asarray(matrix[rows], dtype, order="F")
    return matrix[rows].astype(dtype, copy=False)


def blockwise(formula: Callable[..., Array], out: Array, *matrices: Array | None) -> Array:
    """Fill ``out`` with a formula of matrices of its shape, block by block.

    ``None`` stays ``None``, and a matrix given twice arrives as one object.
    """
    given = {id(m): m for m in matrices if m is not None}
    for rows in iterate_blocks(out.shape):
        loaded = {key: load_block(m, rows, out.dtype) for key, m in given.items()}
        out[rows] = formula(*(loaded.get(id(m)) for m in matrices))
    return out
