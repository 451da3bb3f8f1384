"""Right formulas in NumPy that break under hard conditions: each makes one robustness check warn."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.mutants.catalogue import Mutant
from tests.mutants.forge import Array, Forged, Pieces, forge, inverse_cdf, right

__all__ = ["fragile"]

Implementation = Callable[..., Forged]


def _refusing(condition: Callable[[Array], bool]) -> Implementation:
    """Raise on the logits for which a condition holds, and on what means nothing."""

    def refusing(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
        if not tau > 0 or np.isnan(logits).any() or condition(logits):
            raise ValueError("refused")
        return forge()(logits, tau, rng)

    return refusing


def _forgetful(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
    del rng
    return forge()(logits, tau, None)


def _writing(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
    made = forge()(logits.copy(), tau, rng)
    logits -= logits.max(axis=-1, keepdims=True)
    return made


def _clamped(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
    return forge()(np.clip(logits, -15, 15), tau, rng)


def _strided_wrongly(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
    made = forge()(logits, tau, rng)
    if logits.flags.c_contiguous:
        return made
    return Forged(made.hard, made.soft, made.pieces, lambda s, g, h: 2 * right(s, g, h))


def _in_dtype(dtype: str) -> Implementation:
    def zero_in_dtype(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
        made = forge()(logits, tau, rng)
        rule = (lambda s, g, h: 0 * right(s, g, h)) if logits.dtype == dtype else right
        return Forged(made.hard, made.soft, made.pieces, rule)

    return zero_in_dtype


def _uniform_in(dtype: str) -> Implementation:
    def uniform_in_dtype(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
        flat = logits.dtype == dtype
        return forge(sampler=lambda t, u, r: inverse_cdf(0 * t if flat else t, u, r))(logits, tau, rng)

    return uniform_in_dtype


def _overwriting(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
    """What was kept for the backward pass serves as scratch space."""

    def rule(s: Pieces, g: Array, h: Array) -> Array:
        found = right(s, g, h)
        s.p_tau[...] = found
        return found

    return forge(rule)(logits, tau, rng)


def _unshifted(x: Array) -> Array:
    """A softmax that does not subtract the maximum."""
    e = np.exp(x)
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _far_only(wrong: Callable[[Array], Array]) -> Implementation:
    """A softmax in every place where one is needed, right as far as exp goes."""
    return forge(
        soft=lambda theta, _: wrong(theta),
        tempered=lambda theta, tau: wrong(theta / tau),
        sampler=lambda theta, tau, rng: inverse_cdf(np.log(wrong(theta)), tau, rng),
    )


def _last_axis_only(logits: Array, tau: float = 1.0, axis: int = -1, rng: Any = None) -> Forged:
    """The argument for the class axis is not looked at."""
    del axis
    return forge()(logits, tau, rng)


def fragile() -> Iterator[Mutant]:
    """Faults for each robustness check that NumPy can fail."""
    faults: dict[str, Implementation] = {
        "repeatability": _forgetful,
        "non-contiguous": _strided_wrongly,
        "inputs-unchanged": _writing,
        "saturation": _clamped,
        "mask-inf": _refusing(lambda x: bool(np.isinf(x).any())),
        "mask-1e9": _refusing(lambda x: bool((x == -1e9).any())),
        "mask-1e12": _refusing(lambda x: bool((x == -1e12).any())),
        "one-class": _refusing(lambda x: x.shape[-1] == 1),
        "two-classes": _refusing(lambda x: x.shape[-1] == 2),
        "float32": _uniform_in("float32"),
        "float16": _in_dtype("float16"),
        "tau-validation": forge(),
        "logits-validation": lambda logits, tau=1.0, rng=None: forge()(np.nan_to_num(logits), tau, rng),
        "empty-batch": _refusing(lambda x: x.size == 0),
    }
    for check, fn in faults.items():
        codes = ("unknown-sampler",) if check in {"saturation", "float32"} else ()
        yield Mutant(f"numpy fragile: {check}", fn, codes, warns=check)
    yield Mutant("numpy fragile: float16 sampler", _uniform_in("float16"), warns="float16")
    yield Mutant("numpy fragile: overwritten cache", _overwriting, warns="repeatability")
    yield Mutant("numpy fragile: softmax without the maximum", _far_only(_unshifted), warns="saturation")
    yield Mutant("numpy class axis", _last_axis_only, ("wrong-axis", "unknown-sampler"))
    yield Mutant("numpy gradient in float32", _in_dtype("float32"), ("severed-gradient",), "Only in float32")
