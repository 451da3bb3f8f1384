"""What is drawn to test a sampler: batches of logits, by shape, temperature and number of classes."""

from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import MANY_CLASSES, MANY_ROWS, new_seed
from verify.conformance.temperatures import temperatures
from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["Sizes", "Trial", "rotations", "sizes", "trials"]

#: Distinct sets of rows, one for each call, and rows in a set.
CALLS, ROTATIONS = 3, 2


@dataclass(frozen=True)
class Sizes:
    """How much is drawn.

    Attributes
    ----------
    at_once : int
        Rows of one call; few enough that their numbers stay in a core's cache.
    common, other : int
        Draws of each row in the batches and at the temperature of most use, and
        in each other kind of batch and temperature. A fault of a temperature or
        a shape is a large one, so the others need fewer.
    rare, wide : int
        Draws of the row with a rare class, and of the one with many.
    """

    at_once: int
    common: int
    other: int
    rare: int
    wide: int


BATCHED, SINGLE = Sizes(4_000, 10_000, 2_000, 8_000, 4 * MANY_ROWS), Sizes(500, 500, 200, 1_000, 1_000)


@dataclass(frozen=True, eq=False)
class Trial:
    """One set of draws that is tested as a whole.

    Attributes
    ----------
    rows : array, shape (calls, rows, K)
        The logits of one call after another; each call repeats its rows.
    tau : float
    axes : int
        3 where the repeats and the rows have a batch axis each, 2 where they
        share one, 1 where each row is a call.
    n : int
        Draws of each row, in as many rounds of calls as they take.
    at_once : int
        Rows of one call, at most.
    dtype : str, optional
        The candidate's own where absent.
    """

    rows: Array
    tau: float
    axes: int
    n: int
    at_once: int = BATCHED.at_once
    dtype: str | None = None

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
        found, left = np.zeros(self.rows.shape, int), self.n
        while left:
            repeats = min(left, self.at_once // self.rows.shape[1])
            found += [self._call(candidate, rows, repeats, new_seed(rng)) for rows in self.rows]
            left -= repeats
        return found

    def _call(self, candidate: Candidate, rows: Array, repeats: int, seed: int) -> Array:
        logits = np.tile(rows, (repeats, 1, 1))
        given = logits if self.axes == 3 else logits.reshape(-1, logits.shape[-1])
        chosen = candidate.observe(given, self.tau, seed=seed, dtype=self.dtype).hard.argmax(axis=-1)
        numbered = chosen.reshape(repeats, len(rows)) + rows.shape[-1] * np.arange(len(rows))
        return np.bincount(numbered.ravel(), minlength=rows.size).reshape(rows.shape)

    def __str__(self) -> str:
        """What was drawn, for a report."""
        return f"{self.axes}-D logits of {self.rows.shape[-1]} classes at τ = {self.tau:g}"


def rotations(classes: int) -> Array:
    """The same masses at other places in every row, and in the same row of the next call.

    So a sampler that mixes up rows or axes, or remembers the logits of an
    earlier call, draws from another distribution than it should. The least
    mass is above 0.03 for five classes.
    """
    row = np.linspace(1.5, -1.5, classes)
    return np.stack([[np.roll(row, call + shift) for shift in range(ROTATIONS)] for call in range(CALLS)])


def sizes(candidate: Candidate) -> Sizes:
    """How much a candidate is asked to draw: one that is called once a row is asked for less."""
    return SINGLE if candidate.rank == 1 else BATCHED


def trials(candidate: Candidate) -> list[Trial]:
    """Every kind of batch at every temperature that is taken, then a rare class, then many classes.

    The classes of the last two go down to a mass of about 0.002, which is
    where samplers that clamp or cut off a tail are seen.
    """
    rows, size = rotations(candidate.classes), sizes(candidate)
    kinds, taus = ((1,) if candidate.rank == 1 else (3, 2)), temperatures(candidate)
    most, steep = min(kinds), np.linspace(2.9, -2.9, candidate.classes)
    made = [
        Trial(rows, tau, axes, size.common if (axes, tau) == (most, 1) else size.other, size.at_once)
        for tau in taus
        for axes in kinds
    ]
    made.append(Trial(steep[None, None], taus[-1], most, size.rare, size.at_once))
    if not candidate.convention.binary and candidate.takes(MANY_CLASSES):
        many = np.linspace(1.5, -1.5, MANY_CLASSES)[None, None]
        made.append(Trial(many, taus[-1], most, size.wide, min(size.at_once, MANY_ROWS)))
    return made
