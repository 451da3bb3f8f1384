"""The sampler: D ~ Categorical(softmax(θ)), by a chi-square test with stated error rates."""

import numpy as np
from scipy import optimize, stats

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.checks.rates import FALSE_ALARM, MISS
from verify.definition import softmax
from verify.frameworks import Array
from verify.report import Outcome

__all__ = ["check_sampler", "counts_by_row", "detectable", "rotations"]

ROTATIONS = 3


def rotations(classes: int) -> Array:
    """Three rows of logits with the same masses at other places, the least above 0.03."""
    row = np.linspace(1.5, -1.5, classes)
    return np.stack([np.roll(row, shift) for shift in range(ROTATIONS)])


def repeats(candidate: Candidate) -> int:
    """How often each row is drawn: a candidate that is called once a row is asked for less."""
    return 1_000 if candidate.rank == 1 else 10_000


def counts_by_row(candidate: Candidate, tau: float, seed: int, n: int) -> Array:
    """How often each class appeared, for each of the rotations, in n draws of each.

    The rows alternate along the second batch axis of 3-D logits, so that a
    sampler that mixes up rows or axes is seen; in 2-D where 3-D is refused.
    """
    rows = rotations(candidate.classes)
    logits = np.tile(rows, (n, 1, 1))
    try:
        seen = candidate.observe(logits, tau, seed=seed)
    except Exception:  # noqa: BLE001  (then it takes one batch axis only)
        seen = candidate.observe(logits.reshape(-1, candidate.classes), tau, seed=seed)
    return np.asarray(seen.hard.reshape(logits.shape).sum(axis=0))


def check_sampler(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Draw rows many times at each temperature; the counts must fit softmax(θ), never softmax(θ/τ).

    It stops at the first temperature that fails.
    """
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    taus = (1.0, 2.0) if candidate.has_tau else (1.0,)
    p, n = softmax(rotations(candidate.classes)).astype(float), repeats(candidate)
    rate, freedom = FALSE_ALARM["sampler"] / len(taus), ROTATIONS * (candidate.classes - 1)
    threshold = float(stats.chi2.isf(rate, freedom))
    worst = 0.0
    for tau in taus:
        counts = counts_by_row(candidate, tau, new_seed(rng), n)
        statistic = float((((counts - n * p) ** 2) / (n * p)).sum())
        if not statistic <= threshold:
            seen, expected = (", ".join(f"{x:.3f}" for x in row) for row in (counts[0] / n, p[0]))
            detail = (
                f"at τ = {tau:g} the classes appear at ({seen}), softmax(θ) is ({expected}): "
                f"chi-square {statistic:.3g}, at most {threshold:.3g} in all but one of {1 / rate:.0e} "
                "correct runs"
            )
            return Outcome("fail", detail, statistic if np.isfinite(statistic) else None, threshold)
        worst = max(worst, statistic)
    return Outcome(
        "pass",
        f"{ROTATIONS * n} draws at each of {len(taus)} temperature(s) fit softmax(θ): chi-square "
        f"{worst:.3g}; a correct sampler fails once in {1 / FALSE_ALARM['sampler']:.0e} runs, a chi-square "
        f"distance of {detectable(rate, freedom, n):.2g} is missed once in {1 / MISS:.0e}",
        worst,
        threshold,
    )


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
