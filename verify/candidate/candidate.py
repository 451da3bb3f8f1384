"""Any foreign implementation, whatever its calling convention, as one observed form.

A candidate is seen only from outside: logits go in, a sample and a gradient
come out. Arrays here have the class axis last and at least two classes; the
candidate's own form is kept in its :class:`~verify.candidate.convention.Convention`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

import numpy as np

from verify.candidate.convention import Convention
from verify.candidate.frameworks import (
    USUAL,
    Cotangent,
    Framework,
    Observation,
    Query,
    Setting,
    storage,
)
from verify.oracle.bits import narrow, widen
from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["Candidate"]

CLASSES = 5


@dataclass(frozen=True, eq=False)
class Candidate:
    """An implementation under observation.

    Attributes
    ----------
    fn : callable
    name : str
    framework : Framework
    convention : Convention
    dtype : str
        The dtype it is observed in: float64 where it takes that, else float32.
    has_soft : bool
        Whether the probabilities are among its results.
    rank : int
        The least number of axes it takes, where that is not 2: with 1 it is
        called once a row, with more the rows are laid out in more axes.
    """

    fn: Callable[..., Any]
    name: str
    framework: Framework
    convention: Convention
    dtype: str = "float64"
    has_soft: bool = False
    rank: int = 2
    _copies: dict[tuple[float, str], Callable[..., Any]] = field(default_factory=dict, repr=False)

    @property
    def has_tau(self) -> bool:
        """Whether it takes a temperature."""
        return self.convention.tau is not None

    @property
    def classes(self) -> int:
        """How many classes the checks use."""
        return 2 if self.convention.binary else self.convention.classes or CLASSES

    def takes(self, classes: int) -> bool:
        """Whether it can be tried with so many classes: not where their number is fixed at another."""
        return self.convention.classes in {None, classes}

    def query(
        self,
        fn: Callable[..., Any],
        logits: Array,
        tau: float,
        seed: int,
        dtype: str,
        *,
        layout: Callable[[Array], Array] = np.ascontiguousarray,
        twice: bool = False,
        setting: Setting = USUAL,
    ) -> Query:
        """One call, put in the candidate's own form; the parameters are those of :meth:`observe`."""
        if tau != 1.0 and not self.has_tau:
            raise ValueError(f"{self.name} takes no temperature; it can be observed at tau = 1 only")
        own = narrow(logits) if self.convention.binary else np.asarray(logits)
        own = own if self.convention.binary else np.moveaxis(own, -1, self.convention.axis)
        extra = self.framework.randomness(self.convention.known or {}, seed)
        if self.convention.injected is not None:
            extra[self.convention.injected] = self._injected(logits, seed, dtype)
        array = self.convention.tau_array or setting.tau == "0-d array"
        heat = self.framework.array(tau, dtype) if array else int(tau) if setting.tau == "int" else tau
        return Query(
            lambda x: self.convention.call(fn, x, heat, extra),
            self.convention.split,
            layout(own.astype(storage(dtype))),
            dtype,
            seed,
            twice,
            setting,
        )

    @contextmanager
    def calling(self, tau: float, dtype: str) -> Iterator[Callable[..., Any]]:
        """A block of a call and its backward pass: the temperature holds, and what is printed is left out."""

        def value(before: Any) -> Any:
            return self.framework.like(before, tau, dtype) if hasattr(before, "shape") else tau

        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            # JAX compiles a function once for an object, and what it then sets in it is never seen
            if self.convention.stored and self.framework.name == "jax":
                if (tau, dtype) not in self._copies:
                    self._copies[tau, dtype] = self.convention.copied(self.fn, value)
                yield self._copies[tau, dtype]
            else:
                with self.convention.holding(self.fn, value):
                    yield self.fn

    def result(self, logits: Array) -> Any:
        """What a call at τ = 1 gives, as it is."""
        with self.calling(1.0, self.dtype) as fn:
            return self.framework.result(self.query(fn, logits, 1.0, 0, self.dtype))

    def _injected(self, logits: Array, seed: int, dtype: str) -> Any:
        """A sample drawn here, in the form the candidate takes it."""
        index = draw(logits, np.random.default_rng(seed))
        onehot = np.eye(logits.shape[-1])[index]
        if self.convention.binary:
            return self.framework.array(onehot[..., 1], dtype)
        if self.convention.injected_onehot:
            return self.framework.array(np.moveaxis(onehot, -1, self.convention.axis), dtype)
        return self.framework.array(index, "int64")

    def observe(
        self,
        logits: Array,
        tau: float = 1.0,
        cotangent: Cotangent | None = None,
        *,
        seed: int,
        dtype: str | None = None,
        layout: Callable[[Array], Array] = np.ascontiguousarray,
        twice: bool = False,
        setting: Setting = USUAL,
    ) -> Observation:
        """Call it once and see everything in NumPy, classes last.

        Parameters
        ----------
        logits : array, shape (..., K)
        tau : float
            Passed on where the candidate takes a temperature; 1 otherwise.
        cotangent : callable, optional
            Cotangents (g, h) from the sample, those of a row from that row's
            sample alone; without it there is no gradient.
        seed : int
            Of whatever randomness the candidate uses.
        dtype : str, optional
            To compute in; the candidate's own where absent.
        layout : callable
            Applied to the logits last, to choose their place in memory.
        twice : bool
            Whether to look if a second backward pass of the same call is like
            the first; for NumPy candidates only.
        setting : Setting
            How the call is made besides.

        Returns
        -------
        Observation
        """
        options: dict[str, Any] = {"seed": seed, "dtype": dtype, "layout": layout, "twice": twice} | {
            "setting": setting
        }
        if self.rank == 1 and logits.ndim > 1:
            return _row_by_row(self, logits, tau, cotangent, options)
        if self.rank > logits.ndim or self.convention.ndim not in {
            None,
            logits.ndim - self.convention.binary,
        }:
            return _reshaped(self, logits, tau, cotangent, options)
        wanted = dtype or self.dtype
        if self.convention.binary:
            with self.calling(tau, wanted) as fn:
                query = self.query(fn, logits, tau, seed, wanted, layout=layout, twice=twice, setting=setting)
                return _in_pairs(self.framework, query, cotangent, storage(wanted))
        axis = self.convention.axis

        def pull(hard: Array) -> tuple[Array | None, Array | None]:
            pair = cotangent(np.moveaxis(hard, axis, -1)) if cotangent else (None, None)
            g, h = (None if c is None else np.moveaxis(c, -1, axis).astype(storage(wanted)) for c in pair)
            return g, h

        with self.calling(tau, wanted) as fn:
            query = self.query(fn, logits, tau, seed, wanted, layout=layout, twice=twice, setting=setting)
            seen = self.framework.observe(query, pull if cotangent else None)
        front = {
            name: None if part is None else np.moveaxis(part, axis, -1)
            for name, part in (("hard", seen.hard), ("soft", seen.soft), ("gradient", seen.gradient))
        }
        return replace(seen, **front)  # type: ignore[arg-type]


def draw(logits: Array, rng: np.random.Generator) -> Array:
    """Classes drawn from softmax(θ), one for each row, by the inverse of the distribution function."""
    steps = softmax(logits).astype(float).cumsum(axis=-1)
    u = rng.random((*logits.shape[:-1], 1)) * steps[..., -1:]
    return np.asarray((steps <= u).sum(axis=-1))


def _in_pairs(framework: Framework, query: Query, cotangent: Cotangent | None, stored: str) -> Observation:
    """One call on binary logits, each seen as a pair of classes in the order of :mod:`verify.oracle.bits`."""

    def pull(hard: Array) -> tuple[Array | None, Array | None]:
        pair = cotangent(widen(hard, total=1)) if cotangent else (None, None)
        g, h = (None if c is None else narrow(c).astype(stored) for c in pair)
        return g, h

    seen = framework.observe(query, pull if cotangent else None)
    return replace(
        seen,
        hard=widen(seen.hard, total=1),
        soft=None if seen.soft is None else widen(seen.soft, total=1),
        index=None,
        gradient=None if seen.gradient is None else widen(seen.gradient, total=0),
    )


def _row_by_row(
    candidate: Candidate,
    logits: Array,
    tau: float,
    cotangent: Cotangent | None,
    options: dict[str, Any],
) -> Observation:
    """One call for each row, each with its own seed.

    The cotangent of a row is that of the sample which this very call drew: a
    second call need not draw the same one. So it is asked for once a row, on a
    batch in which every row is that sample.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    seeds = np.random.SeedSequence(options["seed"]).generate_state(len(rows))

    def pull(i: int) -> Cotangent | None:
        if cotangent is None:
            return None

        def own(hard: Array) -> tuple[Array | None, Array | None]:
            g, h = cotangent(np.broadcast_to(hard, logits.shape))
            g, h = (None if c is None else c.reshape(rows.shape)[i] for c in (g, h))
            return g, h

        return own

    seen = [
        candidate.observe(row, tau, pull(i), **options | {"seed": int(seeds[i])})
        for i, row in enumerate(rows)
    ]

    def joined(name: str, shape: tuple[int, ...]) -> Any:
        parts = [getattr(s, name) for s in seen]
        return None if not parts or parts[0] is None else np.stack(parts).reshape(shape)

    return replace(
        seen[0],
        index=joined("index", logits.shape[:-1]),
        steady=all(s.steady for s in seen),
        **{name: joined(name, logits.shape) for name in ("hard", "soft", "gradient")},
    )


def with_axes(batch: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """As many rows in another number of batch axes: the first is divided, or the first two are joined.

    Examples
    --------
    >>> with_axes((6,), 2), with_axes((), 1), with_axes((2, 3, 4), 2)
    ((3, 2), (1,), (6, 4))
    """
    while len(batch) > axes:
        batch = (batch[0] * batch[1], *batch[2:])
    while len(batch) < axes:
        rows = batch[0] if batch else 1
        few = next((n for n in (2, 3, 5, 7) if rows % n == 0), rows)
        batch = (rows // few, few, *batch[1:]) if batch else (1,)
    return batch


def _reshaped(
    candidate: Candidate,
    logits: Array,
    tau: float,
    cotangent: Cotangent | None,
    options: dict[str, Any],
) -> Observation:
    """One call on logits with the number of batch axes that the candidate takes."""
    shape = (*with_axes(logits.shape[:-1], candidate.rank - 1), logits.shape[-1])

    def pull(hard: Array) -> tuple[Array | None, Array | None]:
        pair = cotangent(hard.reshape(logits.shape)) if cotangent else (None, None)
        g, h = (None if c is None else c.reshape(shape) for c in pair)
        return g, h

    seen = candidate.observe(logits.reshape(shape), tau, pull if cotangent else None, **options)
    parts = {name: getattr(seen, name) for name in ("hard", "soft", "gradient")}
    back = {name: None if part is None else part.reshape(logits.shape) for name, part in parts.items()}
    return replace(seen, **back)  # type: ignore[arg-type]
