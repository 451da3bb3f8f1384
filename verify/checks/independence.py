"""Independent draws: fresh ones in every call and every row, and no correlation between them."""

import numpy as np
from scipy import stats

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.checks.rates import FALSE_ALARM
from verify.checks.sampler import detectable
from verify.frameworks import Array
from verify.report import Outcome

__all__ = ["check_freshness", "check_row_correlation", "dependence"]

ROWS = 256


def mild(classes: int) -> Array:
    """Logits whose least likely class has more than half the mass of a uniform one."""
    return np.linspace(0.5, -0.5, classes)


def check_freshness(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Two calls with other seeds differ, and the rows of one call differ."""
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    logits = np.tile(mild(candidate.classes), (ROWS, 1))
    first, second = (candidate.observe(logits, seed=new_seed(rng)).hard.argmax(axis=-1) for _ in range(2))
    if np.array_equal(first, second):
        return Outcome("fail", f"two calls with other seeds give the same {ROWS} samples")
    if (first == first[0]).all():
        return Outcome("fail", f"{ROWS} rows of equal logits all give class {first[0]} in one call")
    same = float((first == second).mean())
    return Outcome("pass", f"two calls agree in {same:.0%} of {ROWS} rows, and the rows of a call differ")


def check_row_correlation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Neighbouring rows, the halves of a batch, and two calls are independent, by chi-square."""
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    half = 1_000 if candidate.rank == 1 else 10_000
    first, second = (_draws(candidate, half, new_seed(rng)) for _ in range(2))
    pairs = {
        "neighbouring rows": (first[0::2], first[1::2]),
        "the two halves of a batch": (first[:half], first[half:]),
        "two calls": (first, second),
    }
    rate, freedom = FALSE_ALARM["row-correlation"] / len(pairs), (candidate.classes - 1) ** 2
    threshold, worst = float(stats.chi2.isf(rate, freedom)), 0.0
    for name, (a, b) in pairs.items():
        statistic = dependence(a, b, candidate.classes)
        if statistic is None:
            return Outcome("inconclusive", "too few classes appear to tell whether rows are independent")
        if not statistic <= threshold:
            detail = f"{name} are dependent: chi-square {statistic:.3g}, at most {threshold:.3g} if not"
            return Outcome("fail", detail, statistic, threshold)
        worst = max(worst, statistic)
    return Outcome(
        "pass",
        f"{', '.join(pairs)} of {2 * half} rows are independent: chi-square {worst:.3g}; "
        f"independent rows fail once in {1 / FALSE_ALARM['row-correlation']:.0e} runs, a mean square "
        f"contingency of {detectable(rate, freedom, half):.2g} is missed once in a million",
        worst,
        threshold,
    )


def _draws(candidate: Candidate, half: int, seed: int) -> Array:
    """Classes of 2·half equal rows, in two halves along the first axis where 3-D logits are taken."""
    row = mild(candidate.classes)
    try:
        seen = candidate.observe(np.tile(row, (2, half, 1)), seed=seed)
    except Exception:  # noqa: BLE001  (then it takes one batch axis only)
        seen = candidate.observe(np.tile(row, (2 * half, 1)), seed=seed)
    return np.asarray(seen.hard.argmax(axis=-1).ravel())


def dependence(a: Array, b: Array, classes: int) -> float | None:
    """Chi-square of independence of paired classes; None where a side has classes too rare to tell.

    The margins are those observed, so that a wrong distribution does not count.
    """
    table = np.bincount(a * classes + b, minlength=classes**2).reshape(classes, classes)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum()) if expected.min() >= 5 else None
