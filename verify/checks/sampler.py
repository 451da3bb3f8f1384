"""The sampler: D ~ Categorical(softmax(θ)), by likelihood-ratio tests with stated error rates."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.checks.rates import FALSE_ALARM, MISS, level
from verify.definition import softmax
from verify.frameworks import Array
from verify.report import Outcome

__all__ = [
    "Trial",
    "check_sampler",
    "detectable",
    "deviance",
    "draws",
    "rotations",
    "temperatures",
    "trials",
]

CALLS, ROTATIONS = 2, 3

#: Classes of the one trial with many.
WIDE = 64

#: A group of classes is to be expected this often, or the tail of its χ² is not to be relied on.
LEAST = 15


@dataclass(frozen=True, eq=False)
class Trial:
    """One set of draws that is tested as a whole.

    Attributes
    ----------
    rows : array, shape (calls, rows, K)
        The logits of one call after another; each call repeats its rows n times.
    tau : float
    axes : int
        3 where the repeats and the rows have a batch axis each, 2 where they
        share one, 1 where each row is a call.
    n : int
        Draws of each row.
    """

    rows: Array
    tau: float
    axes: int
    n: int

    @property
    def p(self) -> Array:
        """The right probabilities of every row, shape (calls, rows, K)."""
        return softmax(self.rows).astype(float)

    def counts(self, candidate: Candidate, rng: np.random.Generator) -> Array:
        """How often each class came, in the shape of the rows."""
        return np.stack([self._call(candidate, rows, new_seed(rng)) for rows in self.rows])

    def _call(self, candidate: Candidate, rows: Array, seed: int) -> Array:
        logits = np.tile(rows, (self.n, 1, 1))
        given = logits if self.axes == 3 else logits.reshape(-1, logits.shape[-1])
        chosen = candidate.observe(given, self.tau, seed=seed).hard.argmax(axis=-1)
        numbered = chosen.reshape(self.n, len(rows)) + rows.shape[-1] * np.arange(len(rows))
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


def draws(candidate: Candidate) -> int:
    """How often a distribution is drawn: a candidate that is called once a row is asked for less."""
    return 1_000 if candidate.rank == 1 else 10_000


def temperatures(candidate: Candidate) -> tuple[float, ...]:
    """Those the sampler is tried at: none may change what it draws from."""
    return (1.0, 2.0, 0.5) if candidate.has_tau else (1.0,)


def trials(candidate: Candidate) -> list[Trial]:
    """Every kind of batch at every temperature, then many classes, then a rare one.

    The classes of the last two go down to a mass of about 0.002, which is
    where samplers that clamp or cut off a tail are seen.
    """
    rows, n = rotations(candidate.classes), draws(candidate)
    kinds, each = ((1,), n // CALLS) if candidate.rank == 1 else ((3, 2), n)
    made = [Trial(rows, tau, axes, each) for tau in temperatures(candidate) for axes in kinds]
    steep, hot = np.linspace(2.9, -2.9, candidate.classes), temperatures(candidate)[-1]
    made.append(Trial(steep[None, None], hot, min(kinds), n))
    if not candidate.convention.binary:
        made.append(Trial(np.linspace(1.5, -1.5, WIDE)[None, None], hot, min(kinds), n))
    return made


def check_sampler(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Draw rows many times at each temperature; the counts must fit softmax(θ), never softmax(θ/τ).

    It stops at the first trial that fails. A trial that the candidate refuses,
    as one of more axes or classes than it takes, is left out.
    """
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    planned = trials(candidate)
    rate = level("sampler", len(planned))
    ran: list[tuple[Trial, float, float]] = []
    for trial in planned:
        counts = _attempt(trial, candidate, rng)
        if counts is None:
            continue
        statistic, freedom = deviance(counts, trial.n * trial.p)
        threshold = float(stats.chi2.isf(rate, freedom))
        if not statistic <= threshold:
            return _failed(trial, counts, statistic, threshold, rate)
        ran.append((trial, statistic, threshold))
    return _passed(ran, rate)


def _attempt(trial: Trial, candidate: Candidate, rng: np.random.Generator) -> Array | None:
    """The counts, or None where the candidate refuses this trial and there are others that serve."""
    try:
        return trial.counts(candidate, rng)
    except Exception:
        if trial.axes < 3 and len(trial.rows) == CALLS:
            raise  # no other shape is left at this temperature
        return None


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


def _failed(trial: Trial, counts: Array, statistic: float, threshold: float, rate: float) -> Outcome:
    at = (0, 0, slice(0, 5))
    seen, expected = (", ".join(f"{x:.3f}" for x in row[at]) for row in (counts / trial.n, trial.p))
    more = ", …" if trial.p.shape[-1] > 5 else ""
    detail = (
        f"in {trial} the classes appear at ({seen}{more}), softmax(θ) is ({expected}{more}): "
        f"likelihood-ratio chi-square {statistic:.3g}, at most {threshold:.3g} in all but one of "
        f"{1 / rate:.0e} correct trials"
    )
    return Outcome("fail", detail, statistic if np.isfinite(statistic) else None, threshold)


def _passed(ran: list[tuple[Trial, float, float]], rate: float) -> Outcome:
    _, statistic, threshold = max(ran, key=lambda each: each[1] / each[2])
    return Outcome(
        "pass",
        f"draws fit softmax(θ) in {_told([each for each, *_ in ran])}; likelihood-ratio chi-square "
        f"{statistic:.3g} of at most {threshold:.3g}. A correct sampler fails in less than one of "
        f"{1 / FALSE_ALARM['sampler']:.0e} runs; a sum over the rows of Σ (r − p)²/p of "
        f"{_smallest([each for each, *_ in ran], rate)} is missed once in {1 / MISS:.0e}",
        statistic,
        threshold,
    )


def _told(ran: Iterable[Trial]) -> str:
    """The trials by number of axes and classes, with the temperatures of each."""
    found: dict[str, list[str]] = {}
    for trial in ran:
        total = trial.n * trial.rows.shape[0] * trial.rows.shape[1]
        what = f"{trial.axes}-D logits of {trial.rows.shape[-1]} classes ({total} draws at each τ of"
        found.setdefault(what, []).append(f"{trial.tau:g}")
    return ", ".join(f"{what} {', '.join(taus)})" for what, taus in found.items())


def _smallest(ran: Iterable[Trial], rate: float) -> str:
    """The deviation that is sure to be seen, for each number of classes and rows."""
    found: dict[str, str] = {}
    for trial in ran:
        freedom = deviance(trial.n * trial.p, trial.n * trial.p)[1]
        calls, rows, classes = trial.rows.shape
        found[f"({calls * rows} rows of {classes} classes)"] = f"{detectable(rate, freedom, trial.n):.2g}"
    return ", ".join(f"{size} {where}" for where, size in found.items())


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
