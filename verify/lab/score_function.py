"""Exact moments of the estimators that call f: all samples, pairs, sets or antithetic pairs enumerated.

The gradient is the estimator's own at every case, so nothing of its formula is
known here, only the law of its samples: independent vectors, distinct vectors,
or bits with their uniform number. Where there are more cases than the limit,
they are sampled and the standard error is reported.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from inspect import signature
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.protocol import Needs, name_of
from verify.lab.results import Moments
from verify.objectives import Objective
from verify.oracle.bits import narrow, widen
from verify.oracle.corners import Corners
from verify.oracle.enumeration import MAX_CORNERS, Statistics
from verify.typing import Array

__all__ = ["MAX_CASES", "sample_moments"]

MAX_CASES = 2**21
"""Pairs, sets or antithetic cases past which they are sampled instead."""

SAMPLED_CASES = 2**17

CHUNK = 2**18
"""Numbers in the points of one chunk."""


@dataclass(frozen=True)
class Cases:
    """Cases (weight, options of the estimator) in chunks, and how they came about.

    Attributes
    ----------
    chunks : iterator of (weights, options)
    value, slope : callable
        What the draw's ``gradient`` is called with.
    logits : array
        Those the estimator takes.
    sampled : int
        How many cases were drawn at random; 0 if they are all there are.
    """

    chunks: Iterator[tuple[Array, dict[str, Any]]]
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None
    logits: Array
    sampled: int = 0


def sample_moments(
    estimator: Callable[..., Any],
    needs: Needs,
    objective: Objective,
    logits: Array,
    *,
    tau: SupportsFloat,
    total: Statistics,
    max_corners: int = MAX_CORNERS,
    max_cases: int = MAX_CASES,
) -> Moments:
    """Compute the moments of an estimator that calls f.

    Parameters
    ----------
    estimator : callable
        Returns a draw with ``gradient(value, slope)``.
    needs : Needs
        Its own.
    objective : Objective
    logits : array, shape (K,) or (L, K)
    tau : float
    total : Statistics
        Of any degree, for the true gradient.
    max_corners, max_cases : int
        Refuse more corners, and sample where there are more cases.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        For more corners than ``max_corners``.

    Examples
    --------
    >>> from reinmax_ref.estimators.reinforce import NEEDS, reinforce
    >>> from verify.oracle.enumeration import statistics
    >>> from verify.objectives import linear
    >>> f = linear([0.0, 4.0])
    >>> total = statistics(f, [0.5, 0.5])
    >>> sample_moments(reinforce, NEEDS, f, np.zeros(2), tau=1.0, total=total).mean
    array([-1.,  1.])
    """
    theta = np.atleast_2d(logits)
    corners = Corners(total.probabilities)
    if corners.count > max_corners:
        raise ValueError(f"{corners.count:.4g} corners are more than max_corners, {max_corners:.4g}")
    if needs.binary:
        cases = _antithetic_cases(theta, objective, max_cases, total.probabilities)
    elif needs.samples == 1:
        cases = Cases(_single(corners), objective.value, objective.gradient, theta)
    else:
        cases = _tuple_cases(estimator, needs, objective, corners, theta=theta, max_cases=max_cases)
    return _accumulate(estimator, cases, logits, tau, total)


def _accumulate(
    estimator: Callable[..., Any], cases: Cases, logits: Array, tau: SupportsFloat, total: Statistics
) -> Moments:
    shape, name = logits.shape, name_of(estimator)
    rows = total.probabilities.shape
    mean, second = np.zeros(rows), np.zeros((*rows, rows[1]))
    for weights, options in cases.chunks:
        many = np.broadcast_to(cases.logits, (len(weights), *cases.logits.shape))
        found = estimator(many, tau, **options).gradient(cases.value, cases.slope)
        if found.ndim == 2:  # bits
            found = widen(found, total=0)
        by_variable = found.swapaxes(0, 1)
        mean += np.einsum("n,lnk->lk", weights, by_variable)
        second += (by_variable * weights[:, None]).swapaxes(1, 2) @ by_variable
    covariance = second - mean[:, :, None] * mean[:, None, :]
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
    return Moments(
        name,
        float(tau),
        total.exact_gradient.reshape(shape),
        mean.reshape(shape),
        variance.reshape(shape),
        covariance.reshape(*shape, shape[-1]),
        total.corners,
        float(np.sqrt(variance.sum() / cases.sampled)) if cases.sampled else 0.0,
    )


def _single(corners: Corners) -> Iterator[tuple[Array, dict[str, Any]]]:
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
    options = signature(estimator).parameters
    samples = int(options["samples"].default) if "samples" in options else needs.samples
    step = max(1, CHUNK // theta.size)
    if corners.count**samples > max_cases:
        return Cases(_own_samples(step), objective.value, None, theta, SAMPLED_CASES)
    classes, weights = _all_corners(corners)
    chunks = _all_tuples(classes, weights, samples, needs, step)
    return Cases(chunks, _table(objective, classes, theta.shape), None, theta)


def _own_samples(step: int) -> Iterator[tuple[Array, dict[str, Any]]]:
    """Let the estimator draw by itself, from one generator with a fixed seed."""
    source = np.random.default_rng(0)
    for start in range(0, SAMPLED_CASES, step):
        size = min(step, SAMPLED_CASES - start)
        yield np.full(size, 1 / SAMPLED_CASES), {"rng": source}


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


def _all_tuples(
    classes: Array, p: Array, samples: int, needs: Needs, step: int
) -> Iterator[tuple[Array, dict[str, Any]]]:
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
        return Cases(_own_samples(step), value, None, logit, SAMPLED_CASES)
    every = range(0, count, step)
    chunks = (_cells(np.arange(s, min(s + step, count)), edges, p, rest) for s in every)
    return Cases((chunk for pair in chunks for chunk in pair), value, None, logit)


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
