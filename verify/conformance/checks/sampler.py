"""The sampler: D ~ Categorical(softmax(θ)), and every draw one-hot."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.draws import CALLS, HUGE, Draws, Trial, trials
from verify.conformance.error_rates import LEAST, level, misfit, surprise, unevenness
from verify.conformance.report import Outcome
from verify.typing import Array

__all__ = ["check_sampler"]

#: Tests of one trial at most, for the division of the false alarms.
TESTS = 7

#: Bits of the uniform numbers that would give classes on a grid alone.
COARSE = (8, 11, 16)


@dataclass(frozen=True)
class Finding:
    """How unlikely what was seen is for a right sampler, as −log₁₀ of its chance, and what to say of it."""

    surprise: float
    told: str


def check_sampler(candidate: Candidate, rng: np.random.Generator, *, effort: int = 1) -> Outcome:
    """Draw rows of many kinds many times; every draw is one-hot, and the counts fit softmax(θ).

    It stops at the first trial that fails. A trial that the candidate refuses,
    as one of more axes or classes than it takes, is left out. In the end all
    draws of the most common rows are tested together, which shows what is
    small and everywhere. ``effort`` multiplies the number of draws.
    """
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    planned = trials(candidate, effort)
    most = -float(np.log10(level("sampler", TESTS * len(planned) + 1)))
    worst, total, pooled = 0.0, 0, np.zeros((), int)
    common, n = planned[0].rows, 0
    for trial in planned:
        draws = _attempt(trial, candidate, rng)
        if draws is None:
            continue
        total += int(draws.counts.sum())
        if draws.impure:
            return Outcome("fail", f"{draws.impure} of {trial.draws:,} samples are not one-hot in {trial}")
        if trial.rows is common:
            pooled, n = pooled + draws.counts, n + trial.n
        for finding in _findings(trial, draws):
            if not finding.surprise <= most:
                return Outcome("fail", f"in {trial} {finding.told}", finding.surprise, most)
            worst = max(worst, finding.surprise)
    together = misfit(pooled, n * planned[0].p)
    if not together <= most:
        told = _frequencies(pooled / n, planned[0].p)
        return Outcome("fail", f"in all draws of {common.shape[-1]} classes {told}", together, most)
    return Outcome("pass", f"{total:,} draws fit softmax(θ)", max(worst, together), most)


def _attempt(trial: Trial, candidate: Candidate, rng: np.random.Generator) -> Draws | None:
    """The draws, or None where the candidate refuses this trial and there are others that serve."""
    try:
        return trial.draw(candidate, rng)
    except Exception:
        if trial.axes < 3 and len(trial.rows) == CALLS and trial.dtype is None and trial.tau in {1, 2}:
            raise  # no other shape is left at this temperature
        return None


def _findings(trial: Trial, draws: Draws) -> Iterator[Finding]:
    """The tests of one trial: the fit, the likeliest classes and the rare ones, places and random bits."""
    p, counts, n = trial.p, draws.counts, trial.n
    if p.shape[-1] < HUGE:
        yield Finding(misfit(counts, n * p), _frequencies(counts / n, p))
    top = trial.rows == trial.rows.max(axis=-1, keepdims=True)
    yield _share("the likeliest classes", top, counts, p)
    few = np.argsort(np.argsort(p, axis=-1), axis=-1) < _rare(p, n)
    if few.any() and not trial.bits:
        yield _share("the rarest classes", few, counts, p)
    if trial.by_place:
        calls = n // trial.at_once
        seen = unevenness(draws.places, p[0, 0], calls)
        yield Finding(seen, f"the rows at some place of {calls} calls have too much or too little of a class")
    if trial.bits:
        for bits in COARSE:
            told = f"the classes that uniform numbers of {bits} bits lead to"
            for shift in (0.0, 0.5):
                yield _share(told, _on_grid(p, bits, shift) & ~top, counts, p, among=~top)


def _rare(p: Array, n: int) -> Array:
    """How many of the rarest classes of each row are expected less often than a group must be."""
    found: Array = (np.cumsum(np.sort(p, axis=-1), axis=-1) * n < LEAST).sum(axis=-1, keepdims=True)
    return found


def _share(name: str, chosen: Array, counts: Array, p: Array, among: Array | None = None) -> Finding:
    """How often the chosen classes, a set in every row, came in all rows together, among all or some."""
    rest = np.ones(p.shape, bool) if among is None else among
    k, n = int(counts[chosen].sum()), int(counts[rest].sum())
    share = float((p * chosen).sum() / (p * rest).sum())
    return Finding(surprise(k, n, share), f"{name} come {k:,} times in {n:,} draws, {share * n:,.3g} are due")


def _on_grid(p: Array, bits: int, shift: float) -> Array:
    """Classes to which some (j + shift) 2⁻ᵇ leads by the inverse of the distribution function."""
    above = np.cumsum(p, axis=-1) * 2.0**bits - shift
    below = np.append(np.zeros((*p.shape[:-1], 1)) - shift, above[..., :-1], axis=-1)
    found: Array = np.floor(above) >= np.ceil(below)
    return found


def _frequencies(seen: Array, p: Array) -> str:
    """The frequencies of the row that is furthest off, and those due."""
    K = p.shape[-1]
    off = ((seen - p) ** 2 / p).sum(axis=-1)
    row = np.unravel_index(off.argmax(), off.shape)
    found, due = (", ".join(f"{x:.3g}" for x in each[row][:5]) for each in (seen, p))
    more = ", …" if K > 5 else ""
    return f"the classes appear at ({found}{more}), softmax(θ) is ({due}{more})"
