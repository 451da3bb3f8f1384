"""The sampler: D ~ Categorical(softmax(θ)), by likelihood-ratio tests with stated error rates."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from verify.candidate import Candidate
from verify.conformance.draws import CALLS, Trial, trials
from verify.conformance.error_rates import FALSE_ALARM, MISS, detectable, deviance, level, threshold
from verify.conformance.report import Outcome
from verify.typing import Array

__all__ = ["check_sampler"]


@dataclass(frozen=True, eq=False)
class Fit:
    """How the counts of a trial, or of several with the same rows, fit softmax(θ).

    Attributes
    ----------
    what : str
        What was drawn.
    trial : Trial
        The first of them.
    counts : array, shape (calls, rows, K)
    n : int
        Draws of each row.
    rate : float
        Level of the test.
    """

    what: str
    trial: Trial
    counts: Array
    n: int
    rate: float

    @cached_property
    def deviance(self) -> tuple[float, int]:
        """The likelihood-ratio chi-square and its degrees of freedom."""
        return deviance(self.counts, self.n * self.trial.p)

    @cached_property
    def threshold(self) -> float:
        """The statistic of a correct sampler is above it at the rate of the test."""
        return threshold(self.rate, self.deviance[1])

    @property
    def draws(self) -> int:
        """Of all rows together."""
        return int(self.counts.sum())

    @property
    def least(self) -> float:
        """The mean of Σ (r − p)²/p over the rows that is sure to be seen."""
        return detectable(self.rate, self.deviance[1], self.draws)


def check_sampler(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Draw rows many times at each temperature; the counts must fit softmax(θ), never softmax(θ/τ).

    It stops at the first trial that fails. A trial that the candidate refuses,
    as one of more axes or classes than it takes, is left out. In the end all
    the draws of the same rows are tested together, which shows what is small
    and everywhere.
    """
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    ran: list[Fit] = []
    for fit in _fits(candidate, rng):
        if not fit.deviance[0] <= fit.threshold:
            return _failed(fit)
        ran.append(fit)
    return _passed(ran)


def _fits(candidate: Candidate, rng: np.random.Generator) -> Iterator[Fit]:
    """One after the other, as they are drawn."""
    planned = trials(candidate)
    rate = level("sampler", len(planned) + 1)
    same: list[Fit] = []
    for trial in planned:
        counts = _attempt(trial, candidate, rng)
        if counts is None:
            continue
        fit = Fit(str(trial), trial, counts, trial.n, rate)
        if trial.rows is planned[0].rows:
            same.append(fit)
        yield fit
    if len(same) > 1:
        counts, n = np.sum([fit.counts for fit in same], axis=0), sum(fit.n for fit in same)
        yield Fit(f"all of these draws of {counts.shape[-1]} classes", same[0].trial, counts, n, rate)


def _attempt(trial: Trial, candidate: Candidate, rng: np.random.Generator) -> Array | None:
    """The counts, or None where the candidate refuses this trial and there are others that serve."""
    try:
        return trial.counts(candidate, rng)
    except Exception:
        if trial.axes < 3 and len(trial.rows) == CALLS:
            raise  # no other shape is left at this temperature
        return None


def _failed(fit: Fit) -> Outcome:
    at = (0, 0, slice(0, 5))
    seen, expected = (", ".join(f"{x:.3f}" for x in row[at]) for row in (fit.counts / fit.n, fit.trial.p))
    more = ", …" if fit.counts.shape[-1] > 5 else ""
    statistic = fit.deviance[0]
    detail = (
        f"in {fit.what} the classes appear at ({seen}{more}), softmax(θ) is ({expected}{more}): "
        f"likelihood-ratio chi-square {statistic:.3g}, at most {fit.threshold:.3g} in all but one of "
        f"{1 / fit.rate:.0e} correct trials"
    )
    return Outcome("fail", detail, statistic if np.isfinite(statistic) else None, fit.threshold)


def _passed(ran: list[Fit]) -> Outcome:
    worst = max(ran, key=lambda fit: fit.deviance[0] / fit.threshold)
    smallest = {f"in {fit.draws} draws of {fit.counts.shape[-1]} classes": f"{fit.least:.2g}" for fit in ran}
    return Outcome(
        "pass",
        f"draws fit softmax(θ) in {_told(ran)}; likelihood-ratio chi-square {worst.deviance[0]:.3g} of at "
        f"most {worst.threshold:.3g}. A correct sampler fails in less than one of "
        f"{1 / FALSE_ALARM['sampler']:.0e} runs; a mean of Σ (r − p)²/p over the rows of "
        f"{', '.join(f'{least} {where}' for where, least in smallest.items())} is missed once in "
        f"{1 / MISS:.0e}",
        worst.deviance[0],
        worst.threshold,
    )


def _told(ran: list[Fit]) -> str:
    """The trials by number of axes, classes and draws, with the temperatures of each."""
    found: dict[str, list[str]] = {}
    for fit in ran:
        if fit.draws == fit.trial.draws:
            what = f"{fit.trial.axes}-D logits of {fit.counts.shape[-1]} classes ({fit.draws} draws at τ = "
            found.setdefault(what, []).append(f"{fit.trial.tau:g}")
    return ", ".join(f"{what}{', '.join(taus)})" for what, taus in found.items())
