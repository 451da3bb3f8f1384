"""Planted faults in JAX."""

from collections.abc import Iterator
from typing import Any

import jax

from tests.mutants.catalogue import Mutant
from tests.mutants.jax_forge import forge, right, softmax_vjp

__all__ = ["everything"]


def _wrong_axis(saved: tuple[Any, Any, Any], g: Any, h: Any) -> Any:
    p, p_tau, onehot = saved
    axis = min(1, g.ndim - 1)
    return 2 * softmax_vjp((p_tau + onehot) / 2, g, axis) - softmax_vjp(p, g) / 2 + softmax_vjp(p, h)


def _stopped(key: Any, logits: Any, tau: float = 1.0) -> tuple[Any, Any]:
    hard, soft = forge()(key, logits, tau)
    return jax.lax.stop_gradient(hard), soft


def everything() -> Iterator[Mutant]:
    """All of them."""
    faults: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (forge(lambda s, g, h: softmax_vjp(s[0], g + h)), ("straight-through",)),
        (forge(lambda s, g, h: right(s, g, h) + softmax_vjp(s[0], g) / 2), ("missing-half-term",)),
        (forge(lambda s, g, h: right(s, -g, h)), ("sign-flip",)),
        (forge(lambda s, g, h: right(s, g, 2 * h)), ("soft-cotangent",)),
        (forge(_wrong_axis), ("wrong-axis",)),
        (_stopped, ("severed-gradient",)),
        (forge(fixed_key=3), ("unknown-sampler",)),
    )
    for number, (fn, codes) in enumerate(faults, 1):
        yield Mutant(f"jax {number}", fn, codes, framework="jax")
