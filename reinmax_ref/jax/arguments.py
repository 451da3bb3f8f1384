"""What goes in and out of the public functions: checked arguments, and the pair they return."""

from typing import Any, NamedTuple, SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

__all__ = ["Sample", "check_index", "check_logits", "check_tau", "lift", "wide"]


class Sample(NamedTuple):
    """A sample and the probabilities that it was drawn from."""

    hard: Array
    soft: Array


def check_logits(logits: Any) -> Array:
    """Return the logits as an array of real floating-point numbers."""
    array: Array = jnp.asarray(logits)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"logits must be real floating-point numbers, got {array.dtype}; convert them")
    return array


def check_tau(tau: Any) -> Any:
    """Return the temperature, None where it is known to be 1."""
    if isinstance(tau, (jax.core.Tracer, Array)):
        if tau.ndim or not jnp.issubdtype(tau.dtype, jnp.floating):
            raise TypeError(f"tau must be a number or a floating 0-d array, got {tau.dtype}{tau.shape}")
        return lax.stop_gradient(tau)
    if not isinstance(tau, SupportsFloat) or isinstance(tau, (str, bytes)):
        raise TypeError(f"tau must be a number or a 0-d array, got {type(tau).__name__}")
    if not float(tau) > 0:
        raise ValueError(f"tau must be a positive number (math.inf is allowed); got {tau}")
    return None if float(tau) == 1 else float(tau)


def check_index(index: Any, shape: tuple[int, ...]) -> Array:
    """Return a forced sample as an integer array of this shape."""
    array: Array = jnp.asarray(index)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"index must have an integer dtype, got {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"index must hold one integer per variable, shape {shape}; got {array.shape}")
    return array


def wide(x: Array) -> Array:
    """Give the array in the dtype that sums are accumulated in: float64 stays, all else is float32."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def lift(tau: Any, dtype: Any) -> Array:
    """Keep the temperature from rounding to 0, where 0/0 would hide a tie."""
    return jnp.maximum(jnp.asarray(tau, dtype), np.finfo(dtype).tiny)
