"""JAX implementations with a backward pass to be chosen."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["forge", "right", "softmax_vjp"]

#: The gradient from (p, p_τ, D), g and h.
Rule = Callable[[tuple[Any, Any, Any], Any, Any], Any]


def softmax_vjp(q: Any, v: Any, axis: int = -1) -> Any:
    """J(q)v, with the inner product over an axis."""
    return q * (v - (q * v).sum(axis, keepdims=True))


def right(saved: tuple[Any, Any, Any], g: Any, h: Any) -> Any:
    """The definition."""
    p, p_tau, onehot = saved
    return 2 * softmax_vjp((p_tau + onehot) / 2, g) - softmax_vjp(p, g) / 2 + softmax_vjp(p, h)


def forge(rule: Rule = right, fixed_key: int | None = None) -> Callable[..., tuple[Any, Any]]:
    """An implementation (key, logits, tau=1.0) → (hard, soft).

    Parameters
    ----------
    rule : callable
        The gradient.
    fixed_key : int, optional
        A seed to use instead of the key that is given.
    """

    def forward(index: Any, logits: Any, tau: Any) -> tuple[tuple[Any, Any], tuple[Any, Any, Any]]:
        p = jax.nn.softmax(logits)
        hard = jax.nn.one_hot(index, logits.shape[-1], dtype=logits.dtype)
        return (hard, p), (p, jax.nn.softmax(logits / tau), hard)

    @jax.custom_vjp
    def op(index: Any, logits: Any, tau: Any) -> tuple[Any, Any]:
        return forward(index, logits, tau)[0]

    op.defvjp(forward, lambda saved, grads: (None, rule(saved, *grads), None))

    def implementation(key: Any, logits: Any, tau: float = 1.0) -> tuple[Any, Any]:
        used = key if fixed_key is None else jax.random.PRNGKey(fixed_key)
        found: tuple[Any, Any] = op(
            jax.random.categorical(used, logits), logits, jnp.asarray(tau, logits.dtype)
        )
        return found

    return implementation
