"""The gradient as a matrix for each outcome, column by column, from one call at each temperature."""

from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.frameworks import Array

__all__ = ["Columns", "hard_columns", "soft_columns", "spread"]

ROWS = 6
REPEATS = 24


@dataclass(frozen=True, eq=False)
class Columns:
    """Observed gradients of repeated rows of logits under basis cotangents.

    The gradient at a row of logits θ and an outcome D is M g with a K×K matrix
    M; under the basis cotangent e_b it is column b of M.

    Attributes
    ----------
    tau : float
    row : integer array, shape (n,)
        Which of the distinct rows of logits.
    logits, onehot, basis, gradient : array, shape (n, K)
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
    crash: str | None = None

    def group(self) -> Array:
        """A number for each combination of logits, outcome and cotangent, shape (n,)."""
        K = self.logits.shape[-1]
        return np.asarray((self.row * K + self.onehot.argmax(axis=-1)) * K + self.basis.argmax(axis=-1))


def _observe(candidate: Candidate, tau: float, rng: np.random.Generator, *, soft: bool) -> Columns:
    K = candidate.classes
    rows = rng.standard_normal((ROWS, K))
    number = np.arange(ROWS * K * REPEATS)
    row, basis = number % ROWS, np.eye(K)[number // ROWS % K]
    logits, seed = rows[row], new_seed(rng)

    def pair(c: Array | None) -> tuple[Array | None, Array | None]:
        return (c, basis) if soft else (basis, c)

    crash = None
    try:
        seen = candidate.observe(logits, tau, lambda _: pair(None), seed=seed)
    except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
        crash = f"{type(error).__name__}: {str(error)[:160]}"
        seen = candidate.observe(logits, tau, lambda _: pair(np.zeros_like(basis)), seed=seed)
    assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
    onehot = np.eye(K)[seen.hard.argmax(axis=-1)]
    return Columns(tau, row, logits, onehot, basis, seen.gradient, crash)


def hard_columns(candidate: Candidate, tau: float, rng: np.random.Generator) -> Columns:
    """Columns of the gradient through the sample."""
    return _observe(candidate, tau, rng, soft=False)


def soft_columns(candidate: Candidate, tau: float, rng: np.random.Generator) -> Columns:
    """Columns of the gradient through the soft output."""
    return _observe(candidate, tau, rng, soft=True)


def spread(columns: Columns) -> tuple[float, bool]:
    """How far gradients of equal outcomes and cotangents differ, and whether in few distinct values.

    Returns
    -------
    difference : float
    few : bool
        Whether no group has more distinct gradients than there are classes, as
        where the gradient is that of another sample.
    """
    K, group = columns.logits.shape[-1], columns.group()
    numbers, first, member = np.unique(group, return_index=True, return_inverse=True)
    apart = np.abs(columns.gradient - columns.gradient[first][member])
    worst = float(apart.max())
    if worst == 0:
        return worst, True
    distinct = np.unique(np.column_stack([group, columns.gradient.round(5)]), axis=0)[:, 0]
    return worst, bool(np.unique(distinct, return_counts=True)[1].max() <= K) and len(numbers) > 0
