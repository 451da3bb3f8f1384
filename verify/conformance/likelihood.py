"""Likelihood-ratio tests of counts: of their fit to probabilities, and of the independence of pairs."""

from functools import cache

import numpy as np
from scipy import optimize, special, stats

from verify.conformance.rates import MISS
from verify.typing import Array

__all__ = ["contingency", "dependence", "detectable", "deviance"]

#: A group of classes is to be expected this often, or the tail of its χ² is not to be relied on.
LEAST = 15


def deviance(counts: Array, expected: Array) -> tuple[float, int]:
    """Twice the log likelihood ratio of counts to what was expected, and its degrees of freedom.

    It is χ² where the expectation is right, and far out in the tail still so
    at counts where Pearson's sum of squares is many times too often large.

    Parameters
    ----------
    counts, expected : array, shape (..., K)
        Rows of equal sums. Rare classes are put together with their neighbours.
    """
    total, freedom = 0.0, 0
    K = counts.shape[-1]
    for seen, due in zip(counts.reshape(-1, K), expected.reshape(-1, K), strict=True):
        starts = _groups(due)
        c, e = np.add.reduceat(seen, starts), np.add.reduceat(due, starts)
        total += 2 * float(special.xlogy(c, c / e).sum())
        freedom += len(starts) - 1
    return total, freedom


def _groups(expected: Array) -> list[int]:
    """Where each group of neighbours starts that together are expected often enough."""
    starts, mass = [0], 0.0
    for k, each in enumerate(expected):
        mass += each
        if mass >= LEAST:
            starts.append(k + 1)
            mass = 0.0
    return starts[:-1] or [0]  # what is left over at the end belongs to the last group


def contingency(a: Array, b: Array, kinds: int) -> Array:
    """How often each pair of kinds came, numbered from zero; shape (kinds, kinds)."""
    return np.bincount(a * kinds + b, minlength=kinds**2).reshape(kinds, kinds)


def dependence(table: Array) -> float | None:
    """Twice the log likelihood ratio of pairs to independence, χ² with (kinds − 1)² degrees of freedom.

    The margins are those observed, so that a wrong distribution does not count.

    Parameters
    ----------
    table : integer array, shape (kinds, kinds)

    Returns
    -------
    float or None
        None where a side has kinds too rare to tell.
    """
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() < 5:
        return None
    return 2 * float(special.xlogy(table, table / expected).sum())


@cache
def detectable(rate: float, freedom: int, n: int) -> float:
    """The least sum of Σ (r − p)²/p over the rows that is missed at most at the rate MISS.

    Parameters
    ----------
    rate : float
        Level of the test.
    freedom : int
        Degrees of freedom.
    n : int
        Draws of each row.
    """
    threshold = stats.chi2.isf(rate, freedom)

    def excess(noncentrality: float) -> float:
        return float(stats.ncx2.cdf(threshold, freedom, noncentrality) - MISS)

    return float(optimize.brentq(excess, 1.0, 10_000.0)) / n
