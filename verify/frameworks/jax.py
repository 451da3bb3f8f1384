"""JAX candidates: functions of a key and logits, jitted or not."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from verify.frameworks import Array, Cotangent, Observation

__all__ = ["Jax", "framework"]

SOURCES = ("key", "rng", "rng_key", "prng_key", "random_key", "seed")


class Jax:
    """Candidates on JAX arrays, random by an explicit key."""

    name = "jax"

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A key for the argument that is named after one."""
        return {name: jax.random.PRNGKey(seed % 2**32) for name in SOURCES if name in names}

    def observe(
        self,
        call: Callable[[Any], Any],
        split: Callable[[Any], dict[str, Any]],
        logits: Array,
        cotangent: Cotangent | None,
        seed: int,  # noqa: ARG002
    ) -> Observation:
        """Call once, and pull the cotangents of the floating parts back."""

        def outputs(x: Any) -> tuple[Any, Any]:
            parts = split(call(x))
            floating = {n: p for n, p in parts.items() if jnp.issubdtype(jnp.result_type(p), jnp.floating)}
            return floating, {n: p for n, p in parts.items() if n not in floating}

        with jax.enable_x64(logits.dtype == np.float64):
            floating, pull, rest = jax.vjp(outputs, jnp.asarray(logits), has_aux=True)
            seen = {name: np.asarray(part) for name, part in (floating | rest).items()}
            gradient = None
            if cotangent is not None:
                g, h = cotangent(seen["hard"])
                zeros = {name: np.zeros_like(seen[name]) for name in floating}
                given = {name: c for name, c in (("hard", g), ("soft", h)) if c is not None and name in zeros}
                weights = zeros | {name: c.astype(zeros[name].dtype) for name, c in given.items()}
                gradient = np.asarray(pull(weights)[0])
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), gradient)


framework = Jax()
