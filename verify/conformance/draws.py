"""Draws from a sampler: the logits that are tried, and how often each class came."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.candidate.frameworks import Observation
from verify.conformance.inputs import MANY_CLASSES, MANY_ROWS, new_seed
from verify.conformance.temperatures import temperatures
from verify.oracle.definitions import softmax
from verify.oracle.tolerances import EPS
from verify.typing import Array

__all__ = ["Draws", "Sizes", "Trial", "impure", "rotations", "sizes", "trials"]

#: Distinct sets of rows, one for each call, and rows in a set.
CALLS, ROTATIONS = 3, 2

#: Numbers of classes besides the candidate's own; the first three alone where each shape is compiled.
WIDTHS = (2, 3, MANY_CLASSES, 4, 8, 17, 64, 65, 100, 1000)

#: Temperatures besides the usual ones; one of them is an integer.
HEATS = (0.1, 1.1, 1.5, 3, 5.0, 10.0)

#: As many classes as need more than 16 random bits, and the distance of one of them above the others.
HUGE, ABOVE = 2**17, 12.5


@dataclass(frozen=True)
class Sizes:
    """How much is drawn: rows of one call, and draws of each row by kind of trial."""

    at_once: int
    common: int
    other: int
    rare: int
    wide: int


BATCHED, SINGLE = Sizes(4096, 12_288, 2_048, 8_192, 4 * MANY_ROWS), Sizes(500, 500, 200, 1_000, 1_000)


@dataclass(frozen=True, eq=False)
class Draws:
    """What came of a trial.

    Attributes
    ----------
    counts : array, shape (calls, rows, K)
        How often each class came.
    impure : int
        Rows of results that were not one-hot, NaN included.
    places : array, shape (rows of a call, K)
        The counts by the row's place in its call.
    """

    counts: Array
    impure: int
    places: Array


@dataclass(frozen=True, eq=False)
class Trial:
    """One set of draws that is tested as a whole.

    Attributes
    ----------
    rows : array, shape (calls, rows, K)
        The logits of one call after another; each call repeats its rows.
    tau : float
    axes : int
        Of the logits. With 3 or more the repeats and the rows have a batch axis
        each and the rest have length 1, with 2 they share one, with 1 each row
        is a call.
    n : int
        Draws of each row, in as many rounds of calls as they take.
    at_once : int
        Rows of one call, at most.
    dtype : str, optional
        The candidate's own where absent.
    axis : int, optional
        Place of the classes, where the candidate takes it as an argument.
    by_place : bool
        Whether each place of a call is to be tested by itself.
    bits : bool
        Whether the coarseness of the random numbers is to be tested.
    """

    rows: Array
    tau: float
    axes: int
    n: int
    at_once: int = BATCHED.at_once
    dtype: str | None = None
    axis: int | None = None
    by_place: bool = False
    bits: bool = False

    @property
    def p(self) -> Array:
        """The right probabilities of every row, shape (calls, rows, K)."""
        return softmax(self.rows).astype(float)

    @property
    def draws(self) -> int:
        """Of all rows together."""
        calls, rows, _ = self.rows.shape
        return self.n * int(calls * rows)

    def counts(self, candidate: Candidate, rng: np.random.Generator) -> Array:
        """How often each class came, in the shape of the rows."""
        return self.draw(candidate, rng).counts

    def draw(self, candidate: Candidate, rng: np.random.Generator) -> Draws:
        """Call the candidate until every row has its draws."""
        if self.axis is not None:
            candidate = replace(candidate, convention=replace(candidate.convention, axis=self.axis))
        (_, rows, K), left, bad = self.rows.shape, self.n, 0
        counts = np.zeros(self.rows.shape, int)
        places = np.zeros((self.at_once if self.by_place else 0, K), int)
        while left:
            repeats = min(left, self.at_once // rows)
            for call, rows_of_call in enumerate(self.rows):
                hard = self._call(candidate, rows_of_call, repeats, new_seed(rng)).hard.reshape(-1, K)
                chosen = hard.argmax(axis=-1)
                bad += impure(hard, chosen, self.dtype or candidate.dtype)
                numbered = chosen.reshape(repeats, rows) + K * np.arange(rows)
                counts[call] += np.bincount(numbered.ravel(), minlength=rows * K).reshape(rows, K)
                if self.by_place:
                    places[np.arange(len(chosen)), chosen] += 1
            left -= repeats
        return Draws(counts, bad, places)

    def _call(self, candidate: Candidate, rows: Array, repeats: int, seed: int) -> Observation:
        ones = (1,) * (self.axes - 3)
        shape = (repeats, *ones, *rows.shape) if self.axes > 2 else (-1, rows.shape[-1])
        logits = np.tile(rows, (repeats, 1)).reshape(shape)
        if self.axes == 1 and candidate.rank != 1:
            candidate = replace(candidate, rank=1)  # so that each row is a call
        return candidate.observe(logits, self.tau, seed=seed, dtype=self.dtype)

    def __str__(self) -> str:
        """What was drawn, for a report."""
        classes = self.rows.shape[-1]
        where = "" if self.axis is None else f" on axis {self.axis}"
        dtype = f" {self.dtype}" if self.dtype else ""
        return f"{self.axes}-D{dtype} logits of {classes} classes{where} at τ = {self.tau:g}"


def impure(hard: Array, chosen: Array, dtype: str) -> int:
    """How many rows are not one-hot, or not finite; an honest hard + soft − soft may round."""
    tolerance = 4 * EPS[dtype]
    every = np.arange(len(hard))
    rest = np.abs(hard)
    rest[every, chosen] = 0
    pure = (np.abs(hard[every, chosen] - 1) <= tolerance) & (rest.max(axis=-1, initial=0) <= tolerance)
    return int((~pure).sum())


def rotations(classes: int) -> Array:
    """The same masses at other places in every row, and in the same row of the next call.

    So a sampler that mixes up rows or axes, or remembers the logits of an
    earlier call, draws from another distribution than it should. The least
    mass is above 0.03 for five classes.
    """
    row = np.linspace(1.5, -1.5, classes)
    return np.stack([[np.roll(row, call + shift) for shift in range(ROTATIONS)] for call in range(CALLS)])


def kinds(classes: int) -> Array:
    """Equal logits, two tied at the top, all large, all small, all within [0, 1], log-probabilities."""
    row = np.linspace(1.5, -1.5, classes)
    tied = np.maximum(0.5, row)[::-1]
    tied[-2:] = 1.5
    unit = np.linspace(0.0, 1.0, classes)
    rows = [0 * row, tied, row + 30, row[::-1] - 30, unit, np.log(softmax(2 * row))]
    return np.stack(rows)[:, None]


def rare(classes: int, mass: float) -> Array:
    """One class above the others, which share a mass; at the front in one call, at the end in the other."""
    row = np.full(classes, np.log(mass / (1 - mass) / max(classes - 1, 1)))
    row[0] = 0
    return np.stack([row, row[::-1]])[:, None]


def sizes(candidate: Candidate) -> Sizes:
    """How much a candidate is asked to draw: one that is called once a row is asked for less."""
    return SINGLE if candidate.rank == 1 else BATCHED


def trials(candidate: Candidate, effort: int = 1) -> list[Trial]:
    """Every kind of draw that is tried, the common ones first; ``effort`` multiplies the number of each."""
    dtypes = [None, *(["float32"] if candidate.dtype == "float64" else [])]
    made = [trial for dtype in dtypes for trial in _trials(candidate, dtype)]
    return [replace(trial, n=effort * trial.n) for trial in made]


def _trials(candidate: Candidate, dtype: str | None) -> Iterator[Trial]:
    """Those of one dtype."""
    K, size, single = candidate.classes, sizes(candidate), candidate.rank == 1
    made = _Maker(size.at_once, dtype)
    taus, steep = temperatures(candidate), np.linspace(2.9, -2.9, K)[None, None]
    rows = rotations(K)
    if single and dtype:
        yield from (made(rows, size.other, tau, axes=1) for tau in taus[-1:])
        return
    for tau in taus:
        for axes in (1,) if single else (3, 2):
            n = size.common if (axes, tau) == (min(2, candidate.rank), 1) else size.other
            yield made(rows, n, tau, axes=axes)
    yield made(steep, size.rare, taus[-1], axes=1 if single else 2)
    if single:
        yield made(kinds(K), size.other, axes=1)
    else:
        yield from _more(candidate, made, rows)
    if not candidate.convention.binary:
        yield from _wide(candidate, made, size)


def _more(candidate: Candidate, made: "_Maker", rows: Array) -> Iterator[Trial]:
    """Of the candidate's own number of classes: what batches make cheap."""
    K = candidate.classes
    yield made(kinds(K), 8_192)
    for mass, n in ((2.5e-5, 61_440), (9e-4, 81_920)):
        yield made(rare(K, mass), n)
    if made.dtype == "float32" or candidate.dtype == "float32":
        yield made(rows[:1, :1], 60 * 4097, at_once=4097, by_place=True)
    if candidate.framework.name == "jax":
        return  # it compiles for each shape
    if made.dtype is None:
        yield made(rows[:1, :1], 65_537, at_once=65_537)
    for tau in HEATS if candidate.has_tau and made.dtype is None else ():
        yield made(rows, BATCHED.other, tau)
    for axes in (4, 5):
        yield made(rows, BATCHED.other, axes=axes)
    yield made(rows[:1, :1], 60, axes=1)
    for axis in (0, 1, -2) if candidate.convention.axis_name else ():
        yield made(rows, BATCHED.other, axes=3, axis=axis)


def _wide(candidate: Candidate, made: "_Maker", size: Sizes) -> Iterator[Trial]:
    """Of other numbers of classes, as far as they are taken."""
    axes = 1 if candidate.rank == 1 else 2
    few = candidate.framework.name == "jax" or axes == 1
    tau = temperatures(candidate)[-1]  # at which a sampler that divides by it is seen
    for K in WIDTHS[:3] if few else WIDTHS:
        if candidate.takes(K) and candidate.classes != K:
            row = np.linspace(1.5, -1.5, K)[None, None]
            n = min(size.wide, 1_024 if K > 100 else 2_048)
            yield made(row, n, tau, axes=axes, at_once=min(size.at_once, n))
    if axes == 2 and candidate.takes(257):
        far = np.append(0.0, np.linspace(-7, -12, 256))
        yield made(np.linspace(0.5, -0.5, 257)[None, None], 8_192, at_once=1_024)
        yield made(np.stack([far, far[::-1]])[:, None], 2_048, at_once=1_024)
    if axes == 2 and candidate.takes(1025) and made.dtype is None:
        yield made(np.append(0.0, np.full(1024, -16.0))[None, None], 1_024, at_once=1_024)
    if axes == 2 and candidate.takes(HUGE) and made.dtype is None and candidate.dtype == "float64":
        yield made(np.append(0.0, np.full(HUGE - 1, -ABOVE))[None, None], 100, at_once=4, bits=True)


@dataclass(frozen=True)
class _Maker:
    """Trials of one dtype."""

    at_once: int
    dtype: str | None

    def __call__(self, rows: Array, n: int, tau: float = 1.0, *, axes: int = 2, **options: Any) -> Trial:
        return Trial(rows, tau, axes, n, **{"at_once": self.at_once, "dtype": self.dtype} | options)
