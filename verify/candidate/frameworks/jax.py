"""JAX candidates: functions of a key and logits, jitted or not."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from verify.candidate.frameworks import Cotangent, Observation, Query
from verify.typing import Array

__all__ = ["Jax", "make"]


class Jax:
    """Candidates on JAX arrays, random by an explicit key."""

    name = "jax"
    sources = ("key", "rng", "rng_key", "prng_key", "random_key", "prng", "subkey", "seed")
    offers: ClassVar[dict[str, tuple[str, ...]]] = {
        "context": ("plain", "jitted"),
        "history": ("first call", "second backward"),
        "tau": ("float", "int", "0-d array"),
    }

    def __init__(self, device: Any = None) -> None:
        self.device = device

    @contextmanager
    def _set(self, dtype: str) -> Iterator[None]:
        """Compute in a dtype, on the device."""
        with jax.enable_x64(dtype == "float64"), jax.default_device(self.device):
            yield

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A key, or a seed, for the argument named after one."""
        keys = {name: jax.random.PRNGKey(seed % 2**32) for name in self.sources[:-1] if name in names}
        return keys | ({"seed": seed % 2**31} if "seed" in names else {})

    def array(self, values: Any, dtype: str) -> Any:
        """A JAX array of the values."""
        with self._set(dtype):
            return jnp.asarray(values, dtype)

    def like(self, before: Any, value: float, dtype: str) -> Any:
        """A JAX array full of the value."""
        return self.array(np.full(before.shape, value), dtype)

    def numpy(self, part: Any) -> Array:
        """The part in NumPy; bfloat16 as float32."""
        found = np.asarray(part)
        return found.astype(np.float32) if found.dtype == jnp.bfloat16 else found

    def keeping(self) -> AbstractContextManager[None]:
        """Nothing: JAX has no global random state."""
        return nullcontext()

    def result(self, query: Query) -> Any:
        """Call once."""
        with self._set(query.dtype):
            return query.call(jnp.asarray(query.logits, query.dtype))

    def observe(self, query: Query, cotangent: Cotangent | None) -> Observation:
        """Call once, and pull the cotangents of the floating parts back."""

        def outputs(x: Any) -> tuple[Any, Any]:
            parts = query.split(query.call(x))
            floating = {n: p for n, p in parts.items() if jnp.issubdtype(jnp.result_type(p), jnp.floating)}
            return floating, {n: p for n, p in parts.items() if n not in floating}

        outputs = jax.jit(outputs) if query.setting.context == "jitted" else outputs
        with self._set(query.dtype):
            logits = jnp.asarray(query.logits, query.dtype)
            if cotangent is None:
                floating, rest = outputs(logits)
            else:
                floating, pull, rest = jax.vjp(outputs, logits, has_aux=True)
            raw = {name: np.asarray(part) for name, part in (floating | rest).items()}
            seen = {n: p if n == "index" else p.astype(np.float64) for n, p in raw.items()}
            gradient = None
            if cotangent is not None:
                weights = _weights(cotangent(seen["hard"]), floating)
                if query.setting.history == "second backward":
                    pull(jax.tree.map(lambda w: 1 - 2 * w, weights))
                gradient = np.asarray(pull(weights)[0]).astype(np.float64)
        return Observation(
            seen["hard"], seen.get("soft"), seen.get("index"), gradient, raw["hard"].dtype.name
        )

    def open(self, query: Query) -> tuple[Observation, Callable[[tuple[Array | None, Array | None]], Array]]:
        """Call once, and keep the vjp."""

        def outputs(x: Any) -> tuple[Any, Any]:
            parts = query.split(query.call(x))
            floating = {n: p for n, p in parts.items() if jnp.issubdtype(jnp.result_type(p), jnp.floating)}
            return floating, {n: p for n, p in parts.items() if n not in floating}

        with self._set(query.dtype):
            floating, back, rest = jax.vjp(outputs, jnp.asarray(query.logits, query.dtype), has_aux=True)

        def pull(given: tuple[Array | None, Array | None]) -> Array:
            with self._set(query.dtype):
                return np.asarray(back(_weights(given, floating))[0]).astype(np.float64)

        raw = {name: np.asarray(part) for name, part in (floating | rest).items()}
        seen = {n: p if n == "index" else p.astype(np.float64) for n, p in raw.items()}
        dtype = raw["hard"].dtype.name
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), None, dtype), pull


def _weights(cotangents: tuple[Array | None, Array | None], floating: dict[str, Any]) -> dict[str, Any]:
    """A cotangent for every floating part, zero where none is given."""
    given = {n: c for n, c in zip(("hard", "soft"), cotangents, strict=True) if c is not None}
    return {
        name: jnp.asarray(given[name], part.dtype) if name in given else jnp.zeros_like(part)
        for name, part in floating.items()
    }


def make(device: str | None) -> Jax:
    """The framework on a device; refuses one that there is not."""
    try:
        return Jax(jax.devices(device)[0] if device else None)
    except RuntimeError as error:
        raise ValueError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
