"""Independent draws: fresh ones in every call, and no dependence between rows, axes and calls."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from verify.candidate import Candidate
from verify.candidate.frameworks import Query
from verify.conformance.draws import sizes
from verify.conformance.error_rates import contingency, dependence, level, threshold
from verify.conformance.inputs import ROWS, forward, new_seed
from verify.conformance.report import Outcome
from verify.typing import Array

__all__ = ["check_freshness", "check_row_correlation"]

#: Calls of each shape; fewer where every row is a call.
CALLS, FEW_CALLS = 16, 4

#: Calls in a row on one random state.
IN_A_ROW = 4

#: Neighbouring classes are put together where there are more than this, to be frequent enough in pairs.
GROUPS = 5

#: Distances between rows that are tested, with blocks that start at either of two places.
LAGS = (1, 2, 3, 4, 8, 16, 32, 64, 1024)

#: Pearson's sum of squares is above the far tail of χ² this many times too often, at the counts here.
PEARSON = 20


def mild(classes: int) -> Array:
    """Logits whose least likely class has more than half the mass of a uniform one."""
    return np.linspace(0.5, -0.5, classes)


def check_freshness(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Calls with other seeds differ, calls on one random state differ, and the rows of a call differ."""
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    logits = np.zeros((ROWS, candidate.classes))
    first, second = (forward(candidate, logits, seed=new_seed(rng)).hard.argmax(axis=-1) for _ in range(2))
    if np.array_equal(first, second):
        return Outcome("fail", f"two calls with other seeds give the same {ROWS} samples")
    if (first == first[0]).all():
        return Outcome("fail", f"{ROWS} rows of equal logits all give class {first[0]} in one call")
    again = _again(candidate, rng)
    if again:
        return Outcome("fail", again)
    same = float((first == second).mean())
    return Outcome("pass", f"two calls agree in {same:.0%} of {ROWS} rows, and the rows of a call differ")


def _again(candidate: Candidate, rng: np.random.Generator) -> str:
    """What is wrong with calls on a random state that goes on from call to call; empty where nothing is."""
    given = candidate.framework.randomness(candidate.convention.known or {}, 0)
    if candidate.framework.name == "jax" or "seed" in given:
        return ""  # the same key or seed is to give the same sample
    with candidate.calling(1.0, candidate.dtype):
        calls = [c for _ in range(2) for c in _in_a_row(candidate, new_seed(rng))]
    if len({call.tobytes() for call in calls}) < len(calls):
        return "a later call gives the same samples again, though the random state has moved on"
    name = next(iter(given), None)
    with candidate.calling(1.0, candidate.dtype):
        restarts = name is not None and _restarts(candidate, new_seed(rng))
    if restarts:
        return f"two calls with one {name} give the same samples: it is ignored, copied or put back"
    return ""


def _query(candidate: Candidate, seed: int) -> Query:
    """A call on equal logits, whose generator stays one object however often it is called."""
    batch = () if candidate.rank == 1 else (*[1] * (candidate.rank - 2), ROWS)
    logits = np.zeros((*batch, candidate.classes))
    return candidate.query(candidate.fn, logits, 1.0, seed, candidate.dtype)


def _in_a_row(candidate: Candidate, seed: int) -> list[Array]:
    """The samples of several calls on one random state."""
    query, n = _query(candidate, seed), IN_A_ROW * (ROWS if candidate.rank == 1 else 1)
    results = candidate.framework.result(replace(query, call=lambda x: [query.call(x) for _ in range(n)]))
    return np.split(np.stack([_hard(candidate, query, result) for result in results]), IN_A_ROW)


def _restarts(candidate: Candidate, seed: int) -> bool:
    """Whether two calls with one generator agree, where the framework's own is put back before each."""
    query, n = _query(candidate, seed), ROWS if candidate.rank == 1 else 1
    first, second = (
        np.stack([_hard(candidate, query, candidate.framework.result(query)) for _ in range(n)])
        for _ in range(2)
    )
    return np.array_equal(first, second)


def _hard(candidate: Candidate, query: Query, result: Any) -> Array:
    return candidate.framework.numpy(query.split(result)["hard"]).round()


def check_row_correlation(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Rows at several distances along each axis, mirrored ones, halves and calls are independent."""
    if candidate.convention.injected is not None:
        return Outcome("skip", "the sample is an argument")
    groups, pairs = min(candidate.classes, GROUPS), 0
    tables: list[tuple[str, Array]] = []
    spreads: list[tuple[str, Array]] = []
    for batch in _shapes(candidate):
        drawn = _draws(candidate, rng, batch, groups)
        tables += _paired(drawn, groups)
        spreads += _spread(drawn, groups)
    rate = level("row-correlation", len(tables) + len(spreads))
    most, worst = threshold(rate, (groups - 1) ** 2), 0.0
    for name, table in tables:
        statistic = dependence(table)
        if statistic is None:
            return Outcome("inconclusive", "too few classes appear to tell whether rows are independent")
        if not statistic <= most:
            detail = f"{name} are dependent: chi-square {statistic:.3g}, at most {most:.3g} if not"
            return Outcome("fail", detail, statistic, most)
        worst, pairs = max(worst, statistic), pairs + int(table.sum())
    for name, counts in spreads:
        told = _uneven(counts, rate / PEARSON / 2)
        if told:
            return Outcome("fail", f"the classes are spread too {told} over {name} for independent rows")
    return Outcome("pass", f"{pairs:,} pairs of rows, axes and calls are independent", worst, most)


def _shapes(candidate: Candidate) -> list[tuple[int, ...]]:
    """Batches of equal rows; the first is one that every candidate takes."""
    rows = sizes(candidate).at_once
    more = [] if candidate.rank == 1 else [(64, 64)]
    return [(rows,), *more, *([(16, 16, 16)] if more and candidate.framework.name != "jax" else [])]


def _draws(candidate: Candidate, rng: np.random.Generator, batch: tuple[int, ...], groups: int) -> Array:
    """Groups of classes of equal rows, shape (calls, *batch); no calls where the batch is refused."""
    logits = np.tile(mild(candidate.classes), (*batch, 1))
    calls = FEW_CALLS if candidate.rank == 1 else CALLS
    try:
        seen = [candidate.observe(logits, seed=new_seed(rng)) for _ in range(calls)]
    except Exception:
        if len(batch) == 1:
            raise
        return np.zeros((0, *batch), int)  # it takes one batch axis only
    return np.stack([each.hard.argmax(axis=-1) for each in seen]) * groups // candidate.classes


def _paired(drawn: Array, groups: int) -> Iterator[tuple[str, Array]]:
    """Counts of paired groups of classes, for every way in which rows and calls are paired."""
    if not len(drawn):
        return
    for axis in range(1, drawn.ndim):
        along = np.moveaxis(drawn, axis, -1)
        where = f" along axis {axis - 1}" if drawn.ndim > 2 else ""
        for name, a, b in _pairs(along):
            yield name + where, contingency(a.ravel(), b.ravel(), groups)
    calls = drawn.reshape(len(drawn), -1)
    turned = calls.copy()
    turned[1::2] = calls[1::2, ::-1]
    for name, each in (("calls", calls), ("mirrored calls", turned)):
        for lag, start in ((1, 0), (1, 1), (2, 0)):
            yield f"{name} {lag} apart", contingency(*_apart(each.T, lag, start), groups)


def _pairs(rows: Array) -> Iterator[tuple[str, Array, Array]]:
    """Rows paired along the last axis in every way that is tested; in none is a row used twice."""
    n = rows.shape[-1]
    for lag in (lag for lag in LAGS if 3 * lag <= n):
        for start in (0, lag):
            yield f"rows {lag} apart" if lag > 1 else "neighbouring rows", *_apart(rows, lag, start)
    middle = n // 2
    yield "mirrored rows", rows[..., :middle], rows[..., ::-1][..., :middle]
    yield "the two halves of a batch", rows[..., :middle], rows[..., middle : 2 * middle]


def _apart(rows: Array, lag: int, start: int) -> tuple[Array, Array]:
    """Pairs (i, i + lag): blocks of rows, each with the next; ``start`` shifts the blocks by one."""
    whole = (rows.shape[-1] - start) // (2 * lag) * (2 * lag)
    blocks = rows[..., start : start + whole].reshape(-1, 2, lag)
    return blocks[:, 0].ravel(), blocks[:, 1].ravel()


def _spread(drawn: Array, groups: int) -> Iterator[tuple[str, Array]]:
    """The counts of the groups in each slice along each axis, shape (tables, slices, groups)."""
    if not len(drawn):
        return
    onehot = np.eye(groups, dtype=int)[drawn]
    yield "calls", onehot.reshape(1, len(drawn), -1, groups).sum(axis=2)
    for axis in range(1, drawn.ndim) if drawn.ndim > 2 else ():
        moved = np.moveaxis(onehot, axis, 1)
        yield f"the places along axis {axis - 1}", moved.reshape(*moved.shape[:2], -1, groups).sum(axis=2)


def _uneven(tables: Array, rate: float) -> str:
    """Whether Pearson's sum of squares of all tables is out of the range of independent rows, and where."""
    due = tables.sum(axis=1, keepdims=True) / tables.shape[1]
    freedom = (tables.shape[1] - 1) * (tables.shape[2] - 1) * len(tables)
    statistic = float(((tables - due) ** 2 / due).sum())
    if statistic < stats.chi2.ppf(rate, freedom):
        return "evenly"
    return "" if statistic <= threshold(rate, freedom) else "unevenly"
