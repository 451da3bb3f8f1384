"""The tests of counts, and how often each check that draws samples may err: the one ledger."""

from functools import cache

import numpy as np
from scipy import optimize, stats

from verify.typing import Array

__all__ = [
    "FALSE_ALARM",
    "MISS",
    "SEARCH",
    "contingency",
    "dependence",
    "detectable",
    "deviance",
    "family_wise",
    "level",
    "misfit",
    "surprise",
    "threshold",
    "unevenness",
]

#: The chance that a right implementation fails a check, an upper bound. A check
#: of several tests divides it among them by :func:`level`. Some fail only where a
#: sample shows what independent draws show less often than that: ``freshness``
#: where 64 rows of two classes or more are equal, ``expectation`` and each level
#: of ``order`` where a class is missing from as many draws as
#: :func:`verify.candidate.expected_gradient.certain` says.
FALSE_ALARM = {
    "sampler": 1e-7,
    "row-correlation": 1e-7,
    "freshness": 1e-18,
    "expectation": 1e-13,
    "order": 1e-18,
    "float32": 1e-8,
    "float16": 1e-8,
    "bfloat16": 1e-8,
}

#: And that the search for cases finds a right sample less likely than it may be:
#: it looks at likelihood ratios, whose mean over right samples is 1.
SEARCH = 1e-8

#: The statistic is χ² in the limit of many draws only. Importance sampling of its
#: far tail finds 1.4 times the rate of χ² at most, at all counts that occur here.
#: Pearson's sum of squares would come to 20 times.
INEXACT = 2

#: Rate at which a deviation of the size that a check states is missed.
MISS = 1e-6

#: Classes are grouped until each group is expected this often; below, the tail of χ² is not to be relied on.
LEAST = 15

G_TEST, TINY, LOG_10 = "log-likelihood", 1e-300, float(np.log(10))


def level(check: str, tests: int) -> float:
    """The nominal level of each of a check's tests, so that all of them keep to the ledger."""
    return FALSE_ALARM[check] / INEXACT / tests


def family_wise() -> float:
    """The chance that a right implementation fails any check of one run, at most."""
    return sum(FALSE_ALARM.values()) + SEARCH


def threshold(rate: float, freedom: int) -> float:
    """What a G statistic exceeds at a rate."""
    return float(stats.chi2.isf(rate, freedom))


def surprise(k: int, n: int, p: float) -> float:
    """−log₁₀ of the exact chance that k of n draws, or a number as unlikely, fall into a set of mass p.

    Draws whose masses differ, with mean p, give that less often still.
    """
    return _minus_log10(float(stats.binomtest(k, n, min(p, 1.0)).pvalue))


def misfit(counts: Array, expected: Array) -> float:
    """−log₁₀ of the chance of a G statistic as large, by :func:`deviance`."""
    statistic, freedom = deviance(counts, expected)
    return -float(stats.chi2.logsf(statistic, freedom)) / LOG_10 if freedom else 0.0


def unevenness(counts: Array, p: Array, n: int) -> float:
    """−log₁₀ of the chance of the least likely entry of a table of Binomial(n, p) counts, (places, K)."""
    seen = np.arange(n + 1)[:, None]
    tails = np.minimum(stats.binom.cdf(seen, n, p), stats.binom.sf(seen - 1, n, p))
    least = np.take_along_axis(tails, counts, axis=0).min()
    return _minus_log10(min(1.0, 2 * counts.size * float(least)))


def _minus_log10(chance: float) -> float:
    return -float(np.log10(max(chance, TINY)))


def deviance(counts: Array, expected: Array) -> tuple[float, int]:
    """The G statistic of counts, shape (..., K), and its degrees of freedom; rare classes are grouped."""
    K, seen, due, freedom = counts.shape[-1], [], [], 0
    for c, e in zip(counts.reshape(-1, K), expected.reshape(-1, K), strict=True):
        order = np.argsort(-e, kind="stable")
        starts = _groups(e[order])
        seen.append(np.add.reduceat(c[order], starts))
        due.append(np.add.reduceat(e[order], starts))
        freedom += len(starts) - 1
    found = stats.power_divergence(np.concatenate(seen), np.concatenate(due), lambda_=G_TEST)
    return float(found.statistic), freedom


def _groups(expected: Array) -> list[int]:
    """Where each group of neighbours starts that together are expected often enough."""
    starts, mass = [0], 0.0
    for k, each in enumerate(expected):
        mass += each
        if mass >= LEAST:
            starts.append(k + 1)
            mass = 0.0
    return starts[:-1] or [0]  # what is left over belongs to the last group, and is tested by itself as well


def contingency(a: Array, b: Array, kinds: int) -> Array:
    """How often each pair of kinds came, numbered from zero; shape (kinds, kinds)."""
    return np.bincount(a * kinds + b, minlength=kinds**2).reshape(kinds, kinds)


def dependence(table: Array) -> float | None:
    """The G statistic of independence, given the margins; None where a kind is too rare to tell."""
    if not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return None
    found = stats.chi2_contingency(table, correction=False, lambda_=G_TEST)
    return None if found.expected_freq.min() < 5 else float(found.statistic)


@cache
def detectable(rate: float, freedom: int, n: int) -> float:
    """The least mean Σ (r − p)²/p of the rows that a test of n draws misses at most at the rate MISS."""
    above = threshold(rate, freedom)

    def excess(noncentrality: float) -> float:
        return float(stats.ncx2.cdf(above, freedom, noncentrality) - MISS)

    return float(optimize.brentq(excess, 1.0, 10_000.0)) / n
