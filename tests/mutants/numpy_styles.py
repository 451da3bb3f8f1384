"""Right implementations in NumPy, in the styles that are found in the wild."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.mutants.catalogue import Mutant
from tests.mutants.forge import Array, Forged, forge, inverse_cdf, right, softmax

__all__ = ["everything"]


def _race(theta: Array, tau: float, rng: np.random.Generator) -> Array:
    """The first of exponential clocks with rates p to ring."""
    del tau
    return np.asarray((rng.standard_exponential(theta.shape) / softmax(theta)).argmin(axis=-1))


def _gumbel(theta: Array, tau: float, rng: np.random.Generator) -> Array:
    del tau
    return np.asarray((theta + rng.gumbel(size=theta.shape)).argmax(axis=-1))


def _as_tuple(theta: Array, temperature: float, generator: Any = None) -> tuple[Array, Callable[..., Array]]:
    made = forge()(theta, temperature, generator)
    return made.hard, made.vjp


def _given(logits: Array, index: Array, tau: float = 1.0) -> Forged:
    return forge(sampler=lambda *_: index)(logits, tau)


def _globally_random(logits: Array, temp: float = 1.0) -> Forged:
    return forge()(logits, temp, np.random.randint(2**31))  # noqa: NPY002


def _simplified(logits: Array, T: float = 1.0, seed: int = 0) -> Forged:
    def rule(s: Any, g: Array, h: Array) -> Array:
        gd, mean = (s.onehot * g).sum(-1, keepdims=True), (s.p_tau * g).sum(-1, keepdims=True)
        heun = s.p_tau * (g - mean / 2 - gd / 2) + s.onehot * (gd - mean) / 2
        k = h - g / 2
        return np.asarray(heun + s.p * (k - (s.p * k).sum(-1, keepdims=True)))

    return forge(rule)(logits, T, seed)


def _own_source() -> Callable[..., Forged]:
    """One row only, and a generator of its own that nobody can seed again."""
    own = np.random.default_rng(3)

    def one_row(logits: Array, tau: float = 1.0) -> Forged:
        if logits.ndim != 1:
            raise ValueError("expected one row")
        return forge()(logits, tau, own)

    return one_row


def everything() -> Iterator[Mutant]:
    """All of them."""
    from reinmax_ref import reinmax  # noqa: PLC0415  (the checks themselves know no reference)

    yield Mutant("numpy reference", reinmax)
    yield Mutant("numpy definition, inverse CDF", forge(right, inverse_cdf))
    yield Mutant("numpy exponential race", forge(right, _race))
    yield Mutant("numpy Gumbel maximum", forge(right, _gumbel))
    yield Mutant("numpy hard only with vjp in a tuple", _as_tuple)
    yield Mutant("numpy simplified, seed argument", _simplified)
    yield Mutant("numpy sample as an argument", _given)
    yield Mutant("numpy global state", _globally_random)
    yield Mutant("numpy one row, own source", _own_source())
