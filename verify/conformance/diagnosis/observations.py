"""Gradients of a candidate, observed so that each sample shows its whole K×K matrix."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.conformance.inputs import brief, new_seed, representable
from verify.oracle.definitions import reinmax_gradient
from verify.oracle.tolerances import gradient_tolerance
from verify.typing import Array

__all__ = [
    "USUAL",
    "Call",
    "Columns",
    "bound",
    "hard_columns",
    "is_steady",
    "observe_alone",
    "observe_gradients",
    "soft_columns",
    "spread",
    "wrong_columns",
]

#: Those below 1 are where clamps of τ show.
TAUS = (0.5, 1.0, 1.5, 2.0)

ROWS = 6
REPEATS = 24

#: Of more classes than this, so many have a basis cotangent.
BASES = 8

#: Fits of distinct columns are of so many numbers at most, if these are of so many columns at least.
NUMBERS, LEAST = 2**12, 48


@dataclass(frozen=True, eq=False)
class Columns:
    """Gradients of repeated rows of logits under basis cotangents.

    The gradient at a row of logits θ and a sample D is M g with a K×K matrix M.
    Under the basis cotangent e_b it is column b of M.

    Attributes
    ----------
    tau : float
    row : integer array, shape (n,)
        Which of the distinct rows of logits.
    logits, onehot, basis, gradient : array, shape (n, K)
    soft : array, shape (n, K), or None
        The soft output, where there is one.
    crash : str or None
        What is raised where the other output is left unused; the columns are
        then those with a zero cotangent at it.
    """

    tau: float
    row: Array
    logits: Array
    onehot: Array
    basis: Array
    gradient: Array
    soft: Array | None = None
    crash: str | None = None

    def group(self) -> Array:
        """A number for each combination of logits, sample and cotangent, shape (n,)."""
        K = self.logits.shape[-1]
        return np.asarray((self.row * K + self.onehot.argmax(axis=-1)) * K + self.basis.argmax(axis=-1))

    def pick(self, places: Array) -> "Columns":
        """The columns at some places only."""
        names = ("row", "logits", "onehot", "basis", "gradient", "soft")
        found = {name: getattr(self, name) for name in names}
        picked: dict[str, Any] = {n: None if v is None else v[places] for n, v in found.items()}
        return replace(self, **picked)

    def distinct(self) -> "Columns":
        """One column of each combination, and fewer where there are very many."""
        places = np.unique(self.group(), return_index=True)[1]
        enough = max(LEAST, NUMBERS // self.logits.shape[-1])
        kept = np.linspace(0, len(places) - 1, min(len(places), enough)).astype(int)
        return self.pick(places[kept])


@dataclass(frozen=True)
class Call:
    """How a call differs from the usual one of many rows in one batch axis; None is what is usual."""

    classes: int | None = None
    dtype: str | None = None
    axes: int = 2
    change: Callable[[Array], Array] = lambda rows: rows

    def batch(self, number: int) -> tuple[int, ...]:
        """The shape of so many rows, a multiple of 6 where there are more batch axes than one."""
        leading = {3: (2,), 4: (2, 3), 5: (2, 1, 3)}.get(self.axes, ())
        return (*leading, number // int(np.prod(leading, dtype=int)))


USUAL = Call()


def _observe(
    candidate: Candidate,
    tau: float,
    rng: np.random.Generator,
    *,
    soft: bool,
    size: float = 1.0,
    call: Call = USUAL,
    repeats: int = REPEATS,
) -> Columns:
    K = call.classes or candidate.classes
    rows = call.change(rng.standard_normal((ROWS, K)))
    rows = representable(rows, call.dtype) if call.dtype else rows
    bases = np.eye(K)[np.linspace(0, K - 1, min(K, BASES)).astype(int)]
    number = np.arange(ROWS * len(bases) * repeats)
    if call.axes < 3 and len(number) > 1:
        number = number[:-1]  # an odd number of rows, of which a few are left over from whole chunks
    row, basis = number % ROWS, bases[number // ROWS % len(bases)]
    logits, seed = rows[row], new_seed(rng)
    shape = (*call.batch(len(number)), K)

    def pair(c: Array | None) -> tuple[Array | None, Array | None]:
        own = (size * basis).reshape(shape)
        return (c, own) if soft else (own, c)

    crash = None
    given: dict[str, Any] = {"seed": seed, "dtype": call.dtype}
    try:
        seen = candidate.observe(logits.reshape(shape), tau, lambda _: pair(None), **given)
    except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
        crash = brief(error)
        seen = candidate.observe(logits.reshape(shape), tau, lambda _: pair(np.zeros(shape)), **given)
    assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
    onehot = np.eye(K)[seen.hard.reshape(-1, K).argmax(axis=-1)]
    soft_seen = None if seen.soft is None else seen.soft.reshape(-1, K)
    return Columns(tau, row, logits, onehot, basis, seen.gradient.reshape(-1, K) / size, soft_seen, crash)


def hard_columns(
    candidate: Candidate,
    tau: float,
    rng: np.random.Generator,
    *,
    size: float = 1.0,
    call: Call = USUAL,
    repeats: int = REPEATS,
) -> Columns:
    """Columns of the gradient through the sample, under cotangents of some size and divided by it again."""
    single = replace(candidate, rank=1) if call.axes == 1 else candidate
    return _observe(single, tau, rng, soft=False, size=size, call=call, repeats=repeats)


def soft_columns(candidate: Candidate, tau: float, rng: np.random.Generator, *, size: float = 1.0) -> Columns:
    """Columns of the gradient through the soft output."""
    return _observe(candidate, tau, rng, soft=True, size=size)


def observe_gradients(
    candidate: Candidate, rng: np.random.Generator, *, size: float = 1.0, call: Call = USUAL
) -> list[Columns]:
    """Columns of the gradient through the sample, at each temperature that is taken."""
    return _at_each(candidate, TAUS, lambda tau: hard_columns(candidate, tau, rng, size=size, call=call))


def observe_alone(candidate: Candidate, rng: np.random.Generator) -> list[Columns]:
    """The same from calls on one row each."""
    alone = Call(axes=1)
    return _at_each(
        candidate,
        (1.0, 2.0),
        lambda tau: hard_columns(candidate, tau, rng, call=alone, repeats=REPEATS // 3),
    )


def _at_each(candidate: Candidate, taus: tuple[float, ...], see: Callable[[float], Columns]) -> list[Columns]:
    """What is seen at the temperatures that do not raise; what the last one raises where all do."""
    found, raised = [], None
    for tau in taus if candidate.has_tau else (1.0,):
        try:
            found.append(see(tau))
        except Exception as error:  # noqa: BLE001  (one that refuses a temperature is seen at the others)
            raised = error
    if raised is not None and not found:
        raise raised
    return found


def bound(columns: Columns) -> float:
    """What honest rounding may cost in any entry of the gradient."""
    return gradient_tolerance("float32", columns.logits, columns.tau, columns.basis)


def wrong_columns(columns: Columns) -> Array:
    """Which columns are not those of the paper, shape (n,)."""
    g = columns.basis
    right = reinmax_gradient(columns.logits, columns.tau, columns.onehot, g, np.zeros_like(g))
    error = np.abs(columns.gradient - right.astype(float)).max(axis=-1)
    return np.asarray(~(error <= bound(columns)))


def is_steady(all_columns: list[Columns]) -> bool:
    """Whether equal samples with equal cotangents have equal gradients."""
    return all(spread(columns)[0] <= bound(columns) for columns in all_columns)


def spread(columns: Columns) -> tuple[float, bool]:
    """How far gradients of one group differ, and whether they take at most K distinct values.

    Few values are a sign of another sample than the one that was given.
    """
    K, group = columns.logits.shape[-1], columns.group()
    numbers, first, member = np.unique(group, return_index=True, return_inverse=True)
    apart = np.abs(columns.gradient - columns.gradient[first][member])
    worst = float(apart.max())
    if worst == 0:
        return worst, True
    distinct = np.unique(np.column_stack([group, columns.gradient.round(5)]), axis=0)[:, 0]
    return worst, bool(np.unique(distinct, return_counts=True)[1].max() <= K) and len(numbers) > 0
