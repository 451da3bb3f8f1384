"""Right implementations in JAX, in the styles that are found in the wild."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from tests.mutants.catalogue import Mutant
from tests.mutants.jax_forge import forge

__all__ = ["everything"]


def _algorithm_2(logits: Any, rng_key: Any, temperature: float = 1.0) -> tuple[Any, Any]:
    """Line by line, with the key second."""
    hard = jax.nn.one_hot(jax.random.categorical(rng_key, logits), logits.shape[-1], dtype=logits.dtype)
    pi0 = jax.nn.softmax(logits)
    pi1 = (hard + jax.nn.softmax(logits / temperature)) / 2
    pi1 = jax.nn.softmax(jax.lax.stop_gradient(jnp.log(pi1) - logits) + logits)
    pi2 = 2 * pi1 - 0.5 * pi0
    return pi2 - jax.lax.stop_gradient(pi2) + hard, pi0


def everything() -> Iterator[Mutant]:
    """All of them."""
    yield Mutant("jax custom_vjp", forge(), framework="jax")
    yield Mutant("jax jitted", jax.jit(forge()), framework="jax")
    yield Mutant("jax Algorithm 2", _algorithm_2, framework="jax")
