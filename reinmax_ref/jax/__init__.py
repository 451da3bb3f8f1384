"""ReinMax in JAX: pure functions of an explicit key, for ``jit``, ``vmap``, ``grad`` and ``scan``.

The gradients are those of :mod:`reinmax_ref.algebra`, evaluated on JAX arrays.

>>> import jax
>>> import jax.numpy as jnp
>>> from reinmax_ref.jax import reinmax
>>> cost = jnp.array([2.0, 0.0, 1.0])
>>> def loss(logits):
...     hard, soft = reinmax(None, logits, index=jnp.array(1))
...     return hard @ cost
>>> jax.grad(loss)(jnp.array([0.0, 1.0, -1.0])).round(4)
Array([ 0.2447, -0.2897,  0.045 ], dtype=float32)
"""

from reinmax_ref.jax.arguments import Sample
from reinmax_ref.jax.bernoulli import reinmax_bernoulli
from reinmax_ref.jax.categorical import reinmax, straight_through

__all__ = ["Sample", "reinmax", "reinmax_bernoulli", "straight_through"]
