"""NumPy candidates: the result, or a part of it, is a vjp, as ``draw.vjp(grad_hard, grad_soft=None)``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from verify.candidate.frameworks import Cotangent, Observation, Query, same_bits
from verify.candidate.signature import parameters
from verify.typing import Array

__all__ = ["NumPy", "make"]


class NumPy:
    """Candidates on NumPy arrays, random by an argument or by NumPy's global state."""

    name = "numpy"
    sources = ("rng", "generator", "random_state", "seed")
    offers: ClassVar[dict[str, tuple[str, ...]]] = {
        "layout": ("contiguous", "strided", "view", "expanded"),
        "cotangents": ("contiguous", "strided", "expanded"),
        "history": ("first call", "another call before", "another call between", "second backward"),
        "tau": ("float", "int", "0-d array"),
    }
    _keeping = False

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A generator, or a seed, for the arguments named after one."""
        made: dict[str, Callable[[], Any]] = {
            "rng": lambda: np.random.default_rng(seed),
            "generator": lambda: np.random.default_rng(seed),
            "random_state": lambda: np.random.RandomState(seed % 2**32),
            "seed": lambda: seed,
        }
        return {name: make() for name, make in made.items() if name in names}

    def array(self, values: Any, dtype: str) -> Array:
        """The values as an array.

        Raises
        ------
        TypeError
            For bfloat16, which NumPy has not.
        """
        if dtype == "bfloat16":
            raise TypeError("NumPy has no bfloat16")
        return np.asarray(values, dtype)

    def like(self, before: Any, value: float, dtype: str) -> Array:
        """An array full of the value."""
        return self.array(np.full(before.shape, value), dtype)

    def numpy(self, part: Any) -> Array:
        """The part itself."""
        return np.asarray(part)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Put NumPy's global state back at the end; within another such block, leave that to it."""
        if self._keeping:
            yield
            return
        state, self._keeping = np.random.get_state(), True  # noqa: NPY002
        try:
            yield
        finally:
            self._keeping = False
            np.random.set_state(state)  # noqa: NPY002

    def result(self, query: Query) -> Any:
        """Call once, with NumPy's global state seeded and then put back."""
        with self.keeping(), np.errstate(all="ignore"):
            np.random.seed(query.seed % 2**32)  # noqa: NPY002
            return query.call(query.logits)

    def observe(self, query: Query, cotangent: Cotangent | None) -> Observation:
        """Call once, and ask the result's ``vjp`` for the gradient."""
        self.array((), query.dtype)
        query = replace(query, logits=_placed(query.logits, query.setting.layout))
        history, before = query.setting.history, query.logits.copy()
        if history == "another call before":
            self.result(query)
        result = self.result(query)
        if history == "another call between":
            query.call(query.logits / 2)
        parts = {name: np.asarray(part) for name, part in query.split(result).items()}
        seen = {n: p if n == "index" else np.array(p, np.float64) for n, p in parts.items()}
        gradient: Array | None = None
        changed: list[str] = []
        steady = True
        if cotangent is not None:
            given = cotangent(seen["hard"])
            if history == "second backward":
                _pull(result, tuple(None if c is None else 1 - 2 * c for c in given), query.logits)
            gradient, changed = _pull(result, given, query.logits, query.setting.cotangents)
            if query.twice:
                steady = _is_steady(result, given, query.logits, gradient)
        if not same_bits(before, query.logits):
            changed.append("logits")
        dtype = parts["hard"].dtype.name
        return Observation(
            seen["hard"], seen.get("soft"), seen.get("index"), gradient, dtype, tuple(changed), steady
        )

    def open(self, query: Query) -> tuple[Observation, Callable[[tuple[Array | None, Array | None]], Array]]:
        """Call once, and ask the result's ``vjp`` as often as wanted."""
        self.array((), query.dtype)
        result = self.result(query)
        parts = {name: np.asarray(part) for name, part in query.split(result).items()}
        seen = {n: p if n == "index" else np.array(p, np.float64) for n, p in parts.items()}
        dtype = parts["hard"].dtype.name
        observed = Observation(seen["hard"], seen.get("soft"), seen.get("index"), None, dtype)
        return observed, lambda given: _pull(result, given, query.logits)[0]


def _placed(values: Array, layout: str) -> Array:
    """The same numbers in another place in memory."""
    if layout == "strided":
        return np.asfortranarray(values) if values.ndim > 1 else np.repeat(values, 2)[::2]
    if layout == "view":
        return np.concatenate([values, values], -1)[..., : values.shape[-1]]
    if layout == "expanded":
        small = values
        for axis in range(values.ndim):
            if values.shape[axis] > 1 and (small == small.take([0], axis)).all():
                small = small.take([0], axis)
        return np.broadcast_to(small, values.shape)
    return values


def _pull(
    result: Any, cotangents: tuple[Array | None, ...], logits: Array, layout: str = "contiguous"
) -> tuple[Array, list[str]]:
    """The gradient, and the names of the cotangents that were written to."""
    vjp, (g, h) = _find_vjp(result), cotangents
    given = {"grad_hard": np.zeros_like(logits) if g is None else g.astype(logits.dtype)}
    if h is not None:
        given["grad_soft"] = h.astype(logits.dtype)
    if h is None and _wants_both(vjp):
        given["grad_soft"] = np.zeros_like(logits)
    given = {name: _placed(value, layout) for name, value in given.items()}
    before = {name: value.copy() for name, value in given.items()}
    with np.errstate(all="ignore"):
        pulled = vjp(*given.values())
    if isinstance(pulled, tuple) and len(pulled) == 1:
        (pulled,) = pulled
    gradient = np.array(pulled, np.float64)
    return gradient, [name for name, value in given.items() if not np.array_equal(value, before[name])]


def _is_steady(
    result: Any, cotangents: tuple[Array | None, Array | None], logits: Array, gradient: Array
) -> bool:
    """Whether the gradient is the same once more, after one of other cotangents."""
    g, h = (None if c is None else 1 - 2 * c for c in cotangents)
    _pull(result, (g, h), logits)
    return same_bits(gradient, _pull(result, cotangents, logits)[0])


def _wants_both(vjp: Callable[..., Any]) -> bool:
    """Whether the cotangent of the soft output must be given."""
    known = (parameters(vjp) or {}).values()
    return (
        sum(p.default is p.empty and p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in known)
        == 2
    )


def _find_vjp(result: Any) -> Callable[..., Any]:
    candidates = [getattr(result, "vjp", None), *(result if isinstance(result, tuple | list) else ())]
    for found in candidates:
        if callable(found):
            return found  # type: ignore[no-any-return]
    raise TypeError(
        f"the result is a {type(result).__name__} without vjp(grad_hard, grad_soft=None): a NumPy candidate "
        "returns an object with hard, soft and vjp, or a tuple with the vjp among its parts"
    )


framework = NumPy()


def make(device: str | None) -> NumPy:
    """The framework; it has no devices."""
    if device not in {None, "cpu"}:
        raise ValueError(f"device is {device!r}, and NumPy computes on the CPU alone: leave it out")
    return framework
