"""Independent draws: fresh ones in every call and every row, and no correlation between them."""

from collections.abc import Iterator

import numpy as np
from scipy import special, stats

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.checks.rates import FALSE_ALARM, MISS, level
from verify.checks.sampler import detectable, draws
from verify.frameworks import Array
from verify.report import Outcome

__all__ = ["check_freshness", "check_row_correlation", "dependence"]

ROWS = 256

#: Distances between rows that are tested, with blocks that start at either of two places.
LAGS = (1, 2, 3, 4, 8)


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
    """Rows at several distances, mirrored rows, the halves of a batch, and two calls are independent."""
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    half = draws(candidate)
    first, second = _draws(candidate, half, new_seed(rng), axes=3), _draws(candidate, half, new_seed(rng))
    pairs = [*_pairs(first), *_pairs(second), ("two calls", (first, second))]
    rate, freedom = level("row-correlation", len(pairs)), (candidate.classes - 1) ** 2
    threshold, worst = float(stats.chi2.isf(rate, freedom)), 0.0
    for name, (a, b) in pairs:
        statistic = dependence(a, b, candidate.classes)
        if statistic is None:
            return Outcome("inconclusive", "too few classes appear to tell whether rows are independent")
        if not statistic <= threshold:
            detail = f"{name} are dependent: chi-square {statistic:.3g}, at most {threshold:.3g} if not"
            return Outcome("fail", detail, statistic, threshold)
        worst = max(worst, statistic)
    return Outcome("pass", _independent(rate, freedom, half, worst), worst, threshold)


def _independent(rate: float, freedom: int, half: int, worst: float) -> str:
    """What a pass shows; the fewest pairs are those of the longest distance."""
    fewest = len(_apart(np.empty(2 * half), LAGS[-1], LAGS[-1])[0])
    return (
        f"rows {', '.join(map(str, LAGS))} apart, mirrored rows, the halves of a batch, and two calls of "
        f"{2 * half} rows are independent: likelihood-ratio chi-square {worst:.3g}; independent rows fail in "
        f"less than one of {1 / FALSE_ALARM['row-correlation']:.0e} runs, a mean square contingency of "
        f"{detectable(rate, freedom, fewest):.2g} is missed once in {1 / MISS:.0e}"
    )


def _draws(candidate: Candidate, half: int, seed: int, axes: int = 2) -> Array:
    """Classes of 2·half equal rows, in two halves along the first axis where 3-D logits are asked for."""
    row = mild(candidate.classes)
    flat = np.tile(row, (2 * half, 1))
    try:
        seen = candidate.observe(flat if axes == 2 else flat.reshape(2, half, -1), seed=seed)
    except Exception:
        if axes == 2:
            raise
        seen = candidate.observe(flat, seed=seed)  # it takes one batch axis only
    return np.asarray(seen.hard.argmax(axis=-1).ravel())


def _pairs(rows: Array) -> Iterator[tuple[str, tuple[Array, Array]]]:
    """The rows of one call, paired in every way that is tested; in none is a row used twice."""
    for lag in LAGS:
        for start in (0, lag):
            yield f"rows {lag} apart" if lag > 1 else "neighbouring rows", _apart(rows, lag, start)
    middle = len(rows) // 2
    yield "mirrored rows", (rows[:middle], rows[::-1][:middle])
    yield "the two halves of a batch", (rows[:middle], rows[middle : 2 * middle])


def _apart(rows: Array, lag: int, start: int) -> tuple[Array, Array]:
    """Pairs (i, i + lag): blocks of rows, each with the next; ``start`` shifts the blocks by one."""
    whole = (len(rows) - start) // (2 * lag) * (2 * lag)
    blocks = rows[start : start + whole].reshape(-1, 2, lag)
    return blocks[:, 0].ravel(), blocks[:, 1].ravel()


def dependence(a: Array, b: Array, classes: int) -> float | None:
    """Likelihood ratio of paired classes to independence; None where a side has classes too rare to tell.

    The margins are those observed, so that a wrong distribution does not count.
    """
    table = np.bincount(a * classes + b, minlength=classes**2).reshape(classes, classes)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() < 5:
        return None
    return 2 * float(special.xlogy(table, table / expected).sum())
