"""The cases of an estimator that calls f: all samples, pairs, sets or antithetic pairs, or draws of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from inspect import signature
from typing import Any

import numpy as np

from reinmax_ref.protocol import Needs
from verify.lab.leave_one_out import samples_of
from verify.objectives import Objective
from verify.oracle.bits import narrow, widen
from verify.oracle.corners import Corners
from verify.typing import Array

__all__ = ["MAX_CASES", "Cases", "cases_of"]

MAX_CASES = 2**21
"""Pairs, sets or antithetic cases past which they are sampled instead."""

SAMPLED_CASES = 2**17

REPLICATES = 32
"""Independent parts of what is sampled; their spread is the error."""

CHUNK = 2**18
"""Numbers in the points of one chunk."""

Chunk = tuple[Array, dict[str, Any]]


@dataclass(frozen=True)
class Cases:
    """Cases (weight, options of the estimator) in chunks: once where they are all, or in replicates.

    Attributes
    ----------
    replicates : sequence of iterators of (weights, options)
        One where the cases are all there are; several where they are drawn.
    value, slope : callable
        What the draw's ``gradient`` is called with.
    logits : array
        Those the estimator takes.
    """

    replicates: Sequence[Iterator[Chunk]]
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None
    logits: Array


def cases_of(
    estimator: Callable[..., Any],
    needs: Needs,
    objective: Objective,
    corners: Corners,
    *,
    theta: Array,
    max_cases: int,
) -> Cases:
    """Enumerate what an estimator may draw, or draw it where that is too much."""
    if needs.binary:
        return _antithetic_cases(theta, objective, max_cases, corners.probabilities)
    if needs.samples == 1:
        parts = _noisy(corners, estimator) if needs.noise else [_single(corners)]
        return Cases(parts, objective.value, objective.gradient, theta)
    return _tuple_cases(estimator, needs, objective, corners, theta=theta, max_cases=max_cases)


def _noisy(corners: Corners, estimator: Callable[..., Any]) -> list[Iterator[Chunk]]:
    """Enumerate the corners in every replicate, each corner with further noise of its own."""
    repeats = max(1, -(-SAMPLED_CASES // (REPLICATES * corners.count)))
    seeded = "rng" in signature(estimator).parameters

    def chunks(part: int) -> Iterator[Chunk]:
        source = np.random.default_rng([0, part])
        for weights, options in _single(corners):
            index = options["index"]
            step = max(1, CHUNK // (index.size * corners.probabilities.shape[1]))
            for start in range(0, repeats, step):
                times = min(step, repeats - start)
                noise = {"rng": source} if seeded else {}
                yield np.tile(weights / repeats, times), {"index": np.tile(index, (times, 1)), **noise}

    return [chunks(part) for part in range(REPLICATES)]


def _single(corners: Corners) -> Iterator[Chunk]:
    for number in range(corners.blocks):
        block = corners.block(number)
        yield block.weights, {"index": block.points.argmax(axis=-1)}


def _tuple_cases(
    estimator: Callable[..., Any],
    needs: Needs,
    objective: Objective,
    corners: Corners,
    *,
    theta: Array,
    max_cases: int,
) -> Cases:
    samples = samples_of(estimator, needs)
    step = max(1, CHUNK // theta.size)
    if corners.count**samples > max_cases or needs.noise:
        return Cases(_own_samples(step), objective.value, objective.gradient, theta)
    classes, weights = _all_corners(corners)
    chunks = _all_tuples(classes, weights, samples, needs, step)
    return Cases([chunks], _table(objective, classes, theta.shape), None, theta)


def _own_samples(step: int) -> list[Iterator[Chunk]]:
    """Let the estimator draw by itself, each replicate from a generator with a fixed seed."""
    each = SAMPLED_CASES // REPLICATES

    def chunks(part: int) -> Iterator[Chunk]:
        source = np.random.default_rng([0, part])
        for start in range(0, each, step):
            size = min(step, each - start)
            yield np.full(size, 1 / each), {"rng": source}

    return [chunks(part) for part in range(REPLICATES)]


def _all_corners(corners: Corners) -> tuple[Array, Array]:
    """Give the classes (N, L) and probabilities (N,) of all corners."""
    blocks = [corners.block(number) for number in range(corners.blocks)]
    classes = np.concatenate([block.points.argmax(axis=-1) for block in blocks])
    return classes, np.concatenate([block.weights for block in blocks])


def _table(objective: Objective, classes: Array, shape: tuple[int, ...]) -> Callable[[Array], Array]:
    """Give f by looking it up, so that N^M cases cost N evaluations."""
    strides = shape[1] ** np.arange(shape[0])
    values = np.zeros(shape[1] ** shape[0])
    for part in np.array_split(classes, 1 + classes.size * shape[1] // CHUNK):
        values[part @ strides] = objective.value(np.eye(shape[1])[part])
    return lambda points: values[points.argmax(axis=-1) @ strides]


def _all_tuples(classes: Array, p: Array, samples: int, needs: Needs, step: int) -> Iterator[Chunk]:
    rest = _others(p)
    for start in range(0, len(p) ** samples, step):
        flat = np.arange(start, min(start + step, len(p) ** samples))
        number = np.stack(np.unravel_index(flat, (len(p),) * samples))
        weights = p[number].prod(axis=0)
        if needs.distinct:
            number, weights = _distinct(number, weights, rest)
        if len(weights):
            yield weights, {"index": classes[number]}


def _others(p: Array) -> Array:
    """Give 1 − p from the other probabilities, so that it does not cancel."""
    before = np.concatenate([[0.0], np.cumsum(p)[:-1]])
    behind = np.concatenate([np.cumsum(p[::-1])[-2::-1], [0.0]])
    return np.asarray(before + behind)


def _distinct(number: Array, weights: Array, rest: Array) -> tuple[Array, Array]:
    """Keep distinct pairs; the second is drawn from what the first leaves over."""
    kept = number[0] != number[1]
    return number[:, kept], weights[kept] / rest[number[0, kept]]


def _antithetic_cases(theta: Array, objective: Objective, max_cases: int, probabilities: Array) -> Cases:
    """Enumerate which of the three cells each bit's u falls in, with two Gauss points in each.

    The cells are cut at p and 1 − p. Within them both bits are fixed and the
    gradient of a bit is linear in its own u, so that two points per cell, taken
    for all bits at once, integrate its first two moments exactly.
    """
    logit = narrow(theta)
    rest, p = probabilities.T
    edges = np.stack([0 * p, np.minimum(p, rest), np.maximum(p, rest), 0 * p + 1])
    count, step = 3 ** len(p), max(1, CHUNK // theta.size)

    def value(z: Array) -> Array:
        return objective.value(widen(z, total=1))

    if count > max_cases:
        return Cases(_own_samples(step), value, None, logit)
    every = range(0, count, step)
    chunks = (_cells(np.arange(s, min(s + step, count)), edges, p, rest) for s in every)
    return Cases([(chunk for pair in chunks for chunk in pair)], value, None, logit)


def _cells(flat: Array, edges: Array, p: Array, rest: Array) -> list[tuple[Array, dict[str, Any]]]:
    cell = np.stack(np.unravel_index(flat, (3,) * len(p)), axis=-1)
    low, high = (edges[cell + i, np.arange(len(p))] for i in (0, 1))
    weights = reduce(np.multiply, (high - low).T)
    kept = weights > 0
    found = []
    for node in (-1, 1):
        u = ((low + high) / 2 + node * (high - low) / np.sqrt(12))[kept]
        b = u > rest
        v = np.where(b, (1 - u) / p, u / rest)
        found.append((weights[kept] / 2, {"index": b.astype(int), "noise": v[None]}))
    return found
