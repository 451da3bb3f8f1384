"""Objectives whose gradient another library takes: SymPy, PyTorch, JAX.

Each library is imported by the function that needs it and nowhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.typing import Array

__all__ = ["from_jax", "from_sympy", "from_torch"]


@dataclass(frozen=True)
class Symbolic:
    """A SymPy expression; its compiled form is made on demand, so that it can be pickled."""

    expression: Any
    symbols: tuple[Any, ...]
    shape: tuple[int, int]

    def value(self, x: Array) -> Array:
        """Evaluate the expression at the points, shape (n,)."""
        return self._run([self.expression], x)[0]

    def gradient(self, x: Array) -> Array:
        """Its derivatives by every symbol, shape (n, L, K)."""
        slopes = self._run([self.expression.diff(s) for s in self.symbols], x)
        return np.stack(slopes, axis=-1).reshape(x.shape)

    def _run(self, expressions: list[Any], x: Array) -> list[Array]:
        if x.shape[1:] != self.shape:
            raise ValueError(
                f"points of shape {x.shape} for symbols of shape {self.shape}; (n, L, K) must agree"
            )
        flat = x.reshape(len(x), -1)
        columns = [flat[:, i] for i in range(flat.shape[1])]
        return [
            np.broadcast_to(np.asarray(y), len(x))
            for y in _compile(self.symbols, tuple(expressions))(*columns)
        ]


def _compile(symbols: tuple[Any, ...], expressions: tuple[Any, ...]) -> Callable[..., list[Any]]:
    from sympy import lambdify  # noqa: PLC0415

    compiled: Callable[..., list[Any]] = lambdify(symbols, list(expressions), modules="numpy", cse=True)
    return compiled


def from_sympy(expression: Any, symbols: Any) -> Symbolic:
    """Make an objective of a SymPy expression; SymPy differentiates it.

    Parameters
    ----------
    expression : sympy expression
    symbols : nested sequence of symbols, shape (K,) or (L, K)
        The coordinates of x, every symbol of the expression among them.

    Raises
    ------
    ValueError
        When the expression has a symbol that is not listed, or the symbols
        form no rectangle.

    Examples
    --------
    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> from_sympy(sympy.exp(a) * b, [a, b]).gradient(np.array([[[0.0, 1.0]]]))
    array([[[1., 1.]]])
    """
    from sympy import sympify  # noqa: PLC0415

    table = np.array(symbols, dtype=object)
    if table.ndim not in (1, 2):
        raise ValueError(f"symbols have shape {table.shape}; expected (K,) or (L, K)")
    listed, f = tuple(table.ravel()), sympify(expression)
    strangers = sorted(str(s) for s in f.free_symbols - set(listed))
    if strangers:
        raise ValueError(
            f"the expression uses {', '.join(strangers)}, not among the symbols: list or substitute"
        )
    return Symbolic(f, listed, np.atleast_2d(table).shape)


@dataclass(frozen=True)
class Torch:
    """A PyTorch function of points (n, L, K)."""

    fn: Callable[[Any], Any]
    device: Any
    dtype: Any

    def value(self, x: Array) -> Array:
        """Evaluate the function at the points, shape (n,)."""
        import torch  # noqa: PLC0415

        with torch.no_grad():
            return _to_numpy(self.fn(self._tensor(x)))

    def gradient(self, x: Array) -> Array:
        """PyTorch's gradient at the points, shape (n, L, K)."""
        return self.value_and_gradient(x)[1]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Both from one forward and one backward pass."""
        import torch  # noqa: PLC0415

        with torch.enable_grad():
            points = self._tensor(x).requires_grad_()
            value = self.fn(points)
            _require_column(value.shape, x.shape)
            if not value.requires_grad:
                return _to_numpy(value), np.zeros(x.shape)
            (slope,) = torch.autograd.grad(value.sum(), points)
        return _to_numpy(value), _to_numpy(slope)

    def _tensor(self, x: Array) -> Any:
        import torch  # noqa: PLC0415

        return torch.tensor(x, dtype=self.dtype or torch.float64, device=self.device)


def _to_numpy(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def _require_column(found: Sequence[int], points: tuple[int, ...]) -> None:
    if tuple(found) != points[:1]:
        raise ValueError(
            f"the function returned shape {tuple(found)} for points of shape {points}; expected "
            f"{points[:1]}, one number per point: sum over the last two axes only"
        )


def from_torch(fn: Callable[[Any], Any], *, device: Any = None, dtype: Any = None) -> Torch:
    """Make an objective of a PyTorch function; autograd differentiates it in batches.

    Parameters
    ----------
    fn : callable, tensor (n, L, K) → tensor (n,)
        Each point's value must depend on that point alone.
    device : optional
        Where the points are put; PyTorch's default device where absent.
    dtype : torch.dtype, optional
        Of the points; float64 where absent.

    Raises
    ------
    ValueError
        When the function returns anything but one number per point.

    Examples
    --------
    >>> f = from_torch(lambda x: (x**2).sum((1, 2)))
    >>> f.gradient(np.array([[[1.0, 0.0]]]))
    array([[[2., 0.]]])
    """
    return Torch(fn, device, dtype)


@dataclass(frozen=True)
class Jax:
    """A JAX function of points (n, L, K)."""

    fn: Callable[[Any], Any]

    def value(self, x: Array) -> Array:
        """Evaluate the function at the points, shape (n,)."""
        import jax.numpy as jnp  # noqa: PLC0415

        return np.asarray(self.fn(jnp.asarray(x)), dtype=np.float64)

    def gradient(self, x: Array) -> Array:
        """JAX's gradient at the points, shape (n, L, K)."""
        return self.value_and_gradient(x)[1]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Both from one forward and one backward pass."""
        import jax  # noqa: PLC0415
        import jax.numpy as jnp  # noqa: PLC0415

        value, pullback = jax.vjp(self.fn, jnp.asarray(x))
        _require_column(value.shape, x.shape)
        (slope,) = pullback(jnp.ones_like(value))
        return np.asarray(value, dtype=np.float64), np.asarray(slope, dtype=np.float64)


def from_jax(fn: Callable[[Any], Any]) -> Jax:
    """Make an objective of a JAX function; JAX differentiates it in batches.

    JAX computes in float32 unless ``jax_enable_x64`` is set; the oracle's
    result is then no better than float32.

    Parameters
    ----------
    fn : callable, array (n, L, K) → array (n,)
        Each point's value must depend on that point alone.

    Raises
    ------
    ValueError
        When the function returns anything but one number per point.

    Examples
    --------
    >>> f = from_jax(lambda x: (x**2).sum((1, 2)))
    >>> f.gradient(np.array([[[1.0, 0.0]]]))  # doctest: +SKIP
    array([[[2., 0.]]])
    """
    return Jax(fn)
