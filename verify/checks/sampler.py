"""The sampler: D ~ Categorical(softmax(θ)), by a chi-square test with stated error rates."""

import numpy as np
from scipy import optimize, stats

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.definition import softmax
from verify.report import Outcome

__all__ = ["FALSE_ALARM", "check_sampler", "detectable"]

DRAWS = 50_000

#: Rate at which a correct sampler fails, over all temperatures of one run.
FALSE_ALARM = 1e-8

#: Rate at which a deviation of the stated size is missed.
MISS = 1e-6

#: Every class expects over a thousand draws, so that the chi-square law holds far into its tail.
LOGITS = np.array([1.5, 0.5, 0.0, -0.5, -1.5])


def check_sampler(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Draw one row many times at each temperature; the counts must fit softmax(θ), never softmax(θ/τ)."""
    taus = (1.0, 2.0) if candidate.has_tau else (1.0,)
    p = softmax(LOGITS).astype(float)
    rate = FALSE_ALARM / len(taus)
    threshold = float(stats.chi2.isf(rate, len(p) - 1))
    worst = 0.0
    for tau in taus:
        seen = candidate.observe(np.tile(LOGITS, (DRAWS, 1)), tau, seed=new_seed(rng))
        counts = seen.hard.sum(axis=0)
        statistic = float((((counts - DRAWS * p) ** 2) / (DRAWS * p)).sum())
        if not statistic <= threshold:
            frequencies = ", ".join(f"{c / DRAWS:.3f}" for c in counts)
            expected = ", ".join(f"{x:.3f}" for x in p)
            return Outcome(
                "fail",
                f"at τ = {tau:g} the classes appear at ({frequencies}), softmax(θ) is ({expected}): "
                f"chi-square {statistic:.3g}, at most {threshold:.3g} once in {1 / rate:.0e} correct runs",
                statistic,
                threshold,
            )
        worst = max(worst, statistic)
    return Outcome(
        "pass",
        f"{DRAWS} draws at each of {len(taus)} temperature(s) fit softmax(θ): chi-square {worst:.3g}; "
        f"a correct sampler fails once in {1 / FALSE_ALARM:.0e} runs, a chi-square distance of "
        f"{detectable(rate, len(p)):.2g} is missed once in {1 / MISS:.0e}",
        worst,
        threshold,
    )


def detectable(rate: float, classes: int) -> float:
    """The least Σ (r − p)²/p of a sampler of distribution r that is missed at most at the rate MISS."""
    threshold = stats.chi2.isf(rate, classes - 1)

    def excess(noncentrality: float) -> float:
        return float(stats.ncx2.cdf(threshold, classes - 1, noncentrality) - MISS)

    return float(optimize.brentq(excess, 1.0, 10_000.0)) / DRAWS
