"""The oracle: the true gradient, and what every estimator's moments need, over all corners.

For L independent variables with K classes, D_l ~ Categorical(p_l), the true
gradient of E[f(D)] with respect to the logits of variable l is

    Σ_k f(I_k) p_k (I_k − p)        where f(I_k) = E[f | D_l = k].

All K^L corners are visited once, in fixed blocks: leading variables are held
while the last ones run, so that memory does not grow with the number of
corners. No estimator's formula is known here; the sums collected are those
that any estimator linear in the cotangent needs (`verify.lab.moments`).

The arithmetic is that of the probabilities: float64, or exact on object arrays
of :class:`fractions.Fraction`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial, reduce
from math import log10
from time import perf_counter
from typing import Any

import numpy as np

from verify.objectives import Objective, evaluate
from verify.oracle import definitions
from verify.oracle.corners import BLOCK_NUMBERS, Block, Corners
from verify.oracle.parallel import Progress, Workers, count_workers, run_tasks
from verify.typing import Array

__all__ = ["Statistics", "exact_gradient", "softmax", "statistics"]

BLOCKS_PER_TASK = 64

MAX_CORNERS = 2**27
"""Corners (134 million, minutes of work) past which the oracle refuses unless told otherwise."""

MAX_BYTES = 2 * 10**9

WORKING_NUMBERS = 8 * BLOCK_NUMBERS
"""What one block and the arrays made from it may hold."""


@dataclass(frozen=True)
class Statistics:
    """Sums over the corners, weighted by probability; 1[·] is the indicator of a stratum.

    Attributes
    ----------
    probabilities : array, shape (L, K)
    value : array, shape (L, K)
        E[f 1[D_l = k]].
    gradient : array, shape (L, K, K), or None
        E[g_l 1[D_l = k]] with g_l = ∂f/∂D_l: stratum, then coordinate.
    second : array, shape (L, K, K, K), or None
        E[g_l g_lᵀ 1[D_l = k]]: stratum, then two coordinates.
    corners : int
        How many corners of positive probability were visited.
    """

    probabilities: Array
    value: Array
    gradient: Array | None
    second: Array | None
    corners: int

    @property
    def exact_gradient(self) -> Array:
        """E[f 1[D_l = k]] − p_lk E[f], the true gradient, shape (L, K)."""
        return np.asarray(self.value - self.probabilities * self.value.sum(axis=1, keepdims=True))

    def __add__(self, other: "Statistics") -> "Statistics":
        return Statistics(
            self.probabilities,
            self.value + other.value,
            None if self.gradient is None or other.gradient is None else self.gradient + other.gradient,
            None if self.second is None or other.second is None else self.second + other.second,
            self.corners + other.corners,
        )


@dataclass(frozen=True)
class Problem:
    """What is summed over which corners; ``degree`` is the highest power of the cotangent kept."""

    objective: Objective
    corners: Corners
    degree: int


def softmax(logits: Any) -> Array:
    """Give the probabilities of checked logits, over the last axis.

    Examples
    --------
    >>> softmax([0.0, 0.0])
    array([0.5, 0.5])
    """
    theta = np.asarray(logits)
    if theta.ndim not in (1, 2) or theta.size == 0:
        raise ValueError(f"logits have shape {theta.shape}; expected (K,) or (L, K) with at least one class")
    theta = theta.astype(np.result_type(theta.dtype, np.float64), copy=False)
    if not np.isfinite(theta.max(axis=-1)).all():
        raise ValueError(
            "logits hold NaN, +inf, or a row of −inf alone; each row needs a finite largest logit"
        )
    return definitions.softmax(theta).astype(theta.dtype)


def exact_gradient(
    objective: Objective, logits: Any, *, workers: Workers = 1, max_corners: int = MAX_CORNERS
) -> Array:
    """Give the true gradient of E[f(D)] with respect to the logits, from f alone.

    Parameters
    ----------
    objective : Objective
        Only its ``value`` is used.
    logits : array, shape (K,) or (L, K)
        θ; a class at −inf is masked.
    workers, max_corners
        As in :func:`statistics`.

    Returns
    -------
    array, in the shape of ``logits``
        Σ_k E[f | D_l = k] p_lk (I_k − p_l), equation (1) of arXiv:2304.08612.

    Raises
    ------
    ValueError
        For logits or objective values of another shape, NaN or +inf logits, or
        a row with every class masked.

    Examples
    --------
    >>> from verify.objectives import linear
    >>> exact_gradient(linear([0.0, 4.0]), [0.0, 0.0])
    array([-1.,  1.])
    """
    p = softmax(logits)
    total = statistics(objective, p, degree=0, workers=workers, max_corners=max_corners)
    return total.exact_gradient.reshape(p.shape)


def statistics(
    objective: Objective,
    probabilities: Any,
    *,
    degree: int = 2,
    workers: Workers = 1,
    max_corners: int = MAX_CORNERS,
    progress: Progress | None = None,
) -> Statistics:
    """Collect the sums over all corners in one pass.

    Parameters
    ----------
    objective : Objective
        With worker processes it must be picklable.
    probabilities : array, shape (K,) or (L, K)
        Floats, or Fraction objects for an exact result.
    degree : {0, 1, 2}
        Highest power of the cotangent kept: 0 is enough for the true gradient,
        1 for every estimator's mean, 2 for variances.
    workers : int or map-like callable
        See :func:`verify.oracle.parallel.run_tasks`; the result is the same to the
        last bit for each.
    max_corners : int
        Refuse more corners than this.
    progress : callable, optional
        Called with (tasks done, tasks in all).

    Returns
    -------
    Statistics

    Raises
    ------
    ValueError
        For more corners than ``max_corners`` or more memory than 2 GB, with an
        estimate of both, and when the objective is not finite.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from verify.objectives import linear
    >>> half = np.array([Fraction(1, 2), Fraction(1, 2)])
    >>> statistics(linear(np.array([Fraction(1), Fraction(2)])), half, degree=0).exact_gradient
    array([[Fraction(-1, 4), Fraction(1, 4)]], dtype=object)
    """
    corners = Corners(np.atleast_2d(np.asarray(probabilities)))
    problem = Problem(objective, corners, degree)
    _refuse_excess(problem, count_workers(workers) or 1, max_corners)
    starts = range(0, corners.blocks, BLOCKS_PER_TASK)
    total = pairwise_sum(run_tasks(partial(_run_task, problem), starts, workers, progress))
    sums = [total.value, *(s for s in (total.gradient, total.second) if s is not None)]
    if corners.probabilities.dtype != object and not all(np.isfinite(s).all() for s in sums):
        raise ValueError(
            "the objective or its gradient is NaN or infinite at a corner of positive probability; "
            "make it finite there, or mask the class with a logit of −inf"
        )
    return total


def _refuse_excess(problem: Problem, workers: int, max_corners: int) -> None:
    corners = problem.corners
    size = sum(
        corners.probabilities.size * corners.probabilities.shape[1] ** d for d in range(problem.degree + 1)
    )
    memory = 8 * (size * (2 + corners.blocks.bit_length() + workers) + WORKING_NUMBERS * workers)
    if corners.count <= max_corners and memory <= MAX_BYTES:
        return
    time_told = ""
    if memory <= MAX_BYTES:
        start = perf_counter()
        _run_blocks(problem, 0, 1)
        seconds = (perf_counter() - start) / workers
        time_told = f" and about {_power_of_ten(corners.blocks, seconds)} s with {workers} worker(s)"
    raise ValueError(
        f"{_power_of_ten(corners.count)} corners need about {memory / 1e6:.4g} MB{time_told}; the limits are "
        f"{max_corners:.4g} corners and {MAX_BYTES / 1e6:.4g} MB. Raise max_corners=, or sample with "
        "verify.lab.monte_carlo.estimate, which reports its error"
    )


def _power_of_ten(count: int, unit: float = 1.0) -> str:
    """Write count·unit, where the count may be beyond the largest float."""
    decades = log10(count) + log10(unit)
    return f"{count * unit:.3g}" if decades < 6 else f"10^{decades:.1f}"


def _run_task(problem: Problem, start: int) -> Statistics:
    return _run_blocks(problem, start, min(start + BLOCKS_PER_TASK, problem.corners.blocks))


def _run_blocks(problem: Problem, start: int, stop: int) -> Statistics:
    _hold_memory()
    p = problem.corners.probabilities
    sums = [np.zeros(p.shape + (p.shape[1],) * power, p.dtype) for power in range(problem.degree + 1)]
    block, visited = None, 0
    for number in range(start, stop):
        block = problem.corners.block(number, block)
        visited += len(block.points)
        f, g = evaluate(problem.objective, block.readonly_points, gradient=problem.degree > 0)
        _add_strata(sums[0], block, (block.weights * f)[:, None, None])
        if g is not None:
            weighted = block.weights[:, None, None] * g
            _add_strata(sums[1], block, weighted)
            if problem.degree > 1:
                _add_second(sums[2], block, weighted, g)
    value, gradient, second, *_ = [*sums, None, None]
    return Statistics(p, np.asarray(value), gradient, second, visited)


def _hold_memory() -> None:
    """Free a large array, after which glibc keeps what a block frees for the next block.

    Until something larger was freed it hands every block's arrays back to the
    system and fetches them anew: a fifth of the time, and more for two workers.
    """
    np.empty(WORKING_NUMBERS)


def _add_strata(total: Array, block: Block, terms: Array) -> None:
    """Add Σ terms 1[d_l = k] for each l: running variables are summed away from the last, one by one."""
    shared = terms.shape[1] == 1
    left = terms
    for variable in reversed(range(len(block.classes))):
        own = block.classes[variable]
        column = left[:, 0 if shared else variable].reshape(-1, len(own), left.shape[2])
        total[variable, own] += column.sum(axis=0).reshape(len(own), *total.shape[2:])
        if len(own) > 1:
            left = left.reshape(-1, len(own), *left.shape[1:]).sum(axis=1)


def _add_second(total: Array, block: Block, weighted: Array, g: Array) -> None:
    """Add Σ weighted gᵀ 1[d_l = k] for each l, as products over the longer free side of the grid."""
    for variable, own in enumerate(block.classes):
        before, at, after = block.split(variable)
        grids = (a[:, variable].reshape(before, at, after, -1) for a in (weighted, g))
        axes = (0, 1, 2, 3) if before <= after else (2, 1, 0, 3)
        left, right = (grid.transpose(axes) for grid in grids)
        total[variable, own] += (left.swapaxes(2, 3) @ right).sum(axis=0)


def pairwise_sum(parts: Iterator[Statistics]) -> Statistics:
    """Add in a fixed binary tree, so that rounding does not grow with the number of parts."""
    stack: list[tuple[int, Statistics]] = []
    for part in parts:
        level, total = 0, part
        while stack and stack[-1][0] == level:
            total, level = stack.pop()[1] + total, level + 1
        stack.append((level, total))
    return reduce(lambda right, left: left + right, [total for _, total in reversed(stack)])
