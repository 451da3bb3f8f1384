"""NumPy candidates: they return an object with ``hard``, ``soft`` and ``vjp(grad_hard, grad_soft=None)``."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from verify.frameworks import Array, Cotangent, Observation

__all__ = ["NumPy", "framework"]

SOURCES = ("rng", "generator", "random_state", "seed")


class NumPy:
    """Candidates on NumPy arrays, random by an argument or by NumPy's global state."""

    name = "numpy"

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A generator for the first argument that is named after one."""
        return {name: np.random.default_rng(seed) for name in SOURCES[:2] if name in names}

    def observe(
        self,
        call: Callable[[Any], Any],
        split: Callable[[Any], dict[str, Any]],
        logits: Array,
        cotangent: Cotangent | None,
        seed: int,
    ) -> Observation:
        """Call once, and ask the result's ``vjp`` for the gradient."""
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            result = call(logits)
        finally:
            np.random.set_state(state)  # noqa: NPY002
        parts = {name: np.asarray(part) for name, part in split(result).items()}
        gradient = None
        if cotangent is not None:
            if not callable(getattr(result, "vjp", None)):
                raise TypeError(
                    f"the result is a {type(result).__name__} without vjp(grad_hard, grad_soft=None): "
                    "a NumPy candidate returns an object with hard, soft and vjp"
                )
            g, h = cotangent(parts["hard"])
            g = np.zeros_like(logits) if g is None else g
            gradient = np.asarray(result.vjp(g) if h is None else result.vjp(g, h))
        return Observation(parts["hard"], parts.get("soft"), parts.get("index"), gradient)


framework = NumPy()
