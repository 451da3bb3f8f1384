"""Independent draws: fresh ones in every call and every row, and no correlation between them."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.draws import sizes
from verify.conformance.error_rates import (
    FALSE_ALARM,
    MISS,
    contingency,
    dependence,
    detectable,
    level,
    threshold,
)
from verify.conformance.inputs import ROWS, forward, new_seed
from verify.conformance.report import Outcome
from verify.typing import Array

__all__ = ["check_freshness", "check_row_correlation"]

#: Calls whose rows are paired in each way; each call is paired with one other.
CALLS = 4

#: Neighbouring classes are put together where there are more than this, to be frequent enough in pairs.
GROUPS = 5

#: Distances between rows that are tested, with blocks that start at either of two places.
LAGS = (1, 2, 3, 4, 8)


def mild(classes: int) -> Array:
    """Logits whose least likely class has more than half the mass of a uniform one."""
    return np.linspace(0.5, -0.5, classes)


def check_freshness(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Two calls with other seeds differ, and the rows of one call differ."""
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    logits = np.zeros((ROWS, candidate.classes))
    first, second = (forward(candidate, logits, seed=new_seed(rng)).hard.argmax(axis=-1) for _ in range(2))
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
    tables: list[tuple[str, Array]] = []
    groups = min(candidate.classes, GROUPS)
    for axes in (3, 2) if candidate.rank != 1 else (2,):
        tables += _tables(_draws(candidate, rng, axes, groups), groups)
    rate, freedom = level("row-correlation", len(tables)), (groups - 1) ** 2
    most, worst = threshold(rate, freedom), 0.0
    for name, table in tables:
        statistic = dependence(table)
        if statistic is None:
            return Outcome("inconclusive", "too few classes appear to tell whether rows are independent")
        if not statistic <= most:
            detail = f"{name} are dependent: chi-square {statistic:.3g}, at most {most:.3g} if not"
            return Outcome("fail", detail, statistic, most)
        worst = max(worst, statistic)
    fewest = min(int(table.sum()) for _, table in tables)
    told = _independent(sizes(candidate).at_once, worst, detectable(rate, freedom, fewest))
    return Outcome("pass", told, worst, most)


def _independent(rows: int, worst: float, least: float) -> str:
    """What a pass shows."""
    return (
        f"rows {', '.join(map(str, LAGS))} apart, mirrored rows, the halves of a batch, and two calls, in "
        f"{CALLS} calls of {rows} rows for each number of axes, are independent: likelihood-ratio chi-square "
        f"{worst:.3g}; independent rows fail in less than one of {1 / FALSE_ALARM['row-correlation']:.0e} "
        f"runs, a mean square contingency of {least:.2g} is missed once in {1 / MISS:.0e}"
    )


def _draws(candidate: Candidate, rng: np.random.Generator, axes: int, groups: int) -> list[Array]:
    """Groups of classes of equal rows in several calls, with two rows along the second axis in 3-D."""
    flat = np.tile(mild(candidate.classes), (sizes(candidate).at_once, 1))
    shaped = flat if axes == 2 else flat.reshape(-1, 2, candidate.classes)
    try:
        calls = [candidate.observe(shaped, seed=new_seed(rng)) for _ in range(CALLS)]
    except Exception:
        if axes == 2:
            raise
        return []  # it takes one batch axis only
    return [seen.hard.argmax(axis=-1).ravel() * groups // candidate.classes for seen in calls]


def _tables(calls: list[Array], groups: int) -> Iterator[tuple[str, Array]]:
    """Counts of paired groups of classes, for every way in which rows and calls are paired."""
    for pairing in zip(*(_pairs(rows) for rows in calls), strict=True):
        name = pairing[0][0]
        yield name, sum((contingency(a, b, groups) for _, a, b in pairing), start=np.zeros((), int))
    if calls:
        firsts, seconds = np.concatenate(calls[::2]), np.concatenate(calls[1::2])
        yield "two calls", contingency(firsts, seconds, groups)


def _pairs(rows: Array) -> Iterator[tuple[str, Array, Array]]:
    """The rows of one call, paired in every way that is tested; in none is a row used twice."""
    for lag in LAGS:
        for start in (0, lag):
            yield f"rows {lag} apart" if lag > 1 else "neighbouring rows", *_apart(rows, lag, start)
    middle = len(rows) // 2
    yield "mirrored rows", rows[:middle], rows[::-1][:middle]
    yield "the two halves of a batch", rows[:middle], rows[middle : 2 * middle]


def _apart(rows: Array, lag: int, start: int) -> tuple[Array, Array]:
    """Pairs (i, i + lag): blocks of rows, each with the next; ``start`` shifts the blocks by one."""
    whole = (len(rows) - start) // (2 * lag) * (2 * lag)
    blocks = rows[start : start + whole].reshape(-1, 2, lag)
    return blocks[:, 0].ravel(), blocks[:, 1].ravel()
