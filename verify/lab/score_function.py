"""Exact moments of the estimators that call f: all samples, pairs, sets or antithetic pairs enumerated.

The gradient is the estimator's own at every case, so nothing of its formula is
known here, only the law of its samples: independent vectors, distinct vectors,
or bits with their uniform number. Where there are more cases than the limit,
they are sampled and the standard error is reported.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from inspect import signature
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.protocol import Needs, name_of
from verify.lab.leave_one_out import follows_leave_one_out, leave_one_out_moments, samples_of
from verify.lab.noise import from_replicates
from verify.lab.results import Moments
from verify.objectives import Objective
from verify.oracle.bits import narrow, widen
from verify.oracle.corners import Corners
from verify.oracle.enumeration import MAX_CORNERS, Statistics
from verify.oracle.parallel import Workers
from verify.typing import Array

__all__ = ["MAX_CASES", "sample_moments"]

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
    workers: Workers = 1,
) -> Moments:
    """Compute the moments of an estimator that calls f, or whose gradient is not linear in ∇f.

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
    workers : int or map-like callable
        For a further pass over the corners, where there is one.

    Returns
    -------
    Moments
        With errors where samples or noise were drawn.

    Raises
    ------
    ValueError
        For more corners than ``max_corners``, and an estimator that couples
        the members of a batch.

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
    if follows_leave_one_out(estimator, needs, theta, tau):
        samples = samples_of(estimator, needs)
        return leave_one_out_moments(
            estimator, objective, logits, tau=tau, samples=samples, total=total, workers=workers
        )
    if needs.binary:
        cases = _antithetic_cases(theta, objective, max_cases, total.probabilities)
    elif needs.samples == 1:
        parts = _noisy(corners, estimator) if needs.noise else [_single(corners)]
        cases = Cases(parts, objective.value, objective.gradient, theta)
    else:
        cases = _tuple_cases(estimator, needs, objective, corners, theta=theta, max_cases=max_cases)
    return _accumulate(estimator, cases, logits, tau, total)


def _accumulate(
    estimator: Callable[..., Any], cases: Cases, logits: Array, tau: SupportsFloat, total: Statistics
) -> Moments:
    shape, name = logits.shape, name_of(estimator)
    rows, parts = total.probabilities.shape, len(cases.replicates)
    means, seconds = np.zeros((parts, *rows)), np.zeros((parts, *rows, rows[1]))
    for part, chunks in enumerate(cases.replicates):
        for number, (weights, options) in enumerate(chunks):
            found = _gradients(estimator, cases, tau, options, len(weights))
            if number == 0 and parts == 1 and len(weights) > 1:
                _require_uncoupled(estimator, cases, tau, options, found)
            by_variable = found.swapaxes(0, 1)
            means[part] += np.einsum("n,lnk->lk", weights, by_variable)
            seconds[part] += (by_variable * weights[:, None]).swapaxes(1, 2) @ by_variable
    if parts > 1:
        return from_replicates(name, tau, shape, total, (means, seconds))
    mean, second = means[0], seconds[0]
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
    )


def _gradients(
    estimator: Callable[..., Any], cases: Cases, tau: SupportsFloat, options: dict[str, Any], count: int
) -> Array:
    """Give the estimator's own gradients (n, L, K) of a chunk of cases."""
    many = np.broadcast_to(cases.logits, (count, *cases.logits.shape))
    draw = estimator(many, tau, **options)
    if hasattr(draw, "gradient"):
        found = np.asarray(draw.gradient(cases.value, cases.slope))
    else:
        points = np.eye(cases.logits.shape[-1])[options["index"]]
        found = np.asarray(draw.vjp(cases.slope(points) if cases.slope else points))
    return widen(found, total=0) if found.ndim == 2 else found  # bits have no class axis


def _require_uncoupled(
    estimator: Callable[..., Any], cases: Cases, tau: SupportsFloat, options: dict[str, Any], whole: Array
) -> None:
    """Refuse an estimator whose gradient at a row changes with the rows beside it, or with their order."""
    part = np.arange(len(whole))[: len(whole) // 2 : -1] if len(whole) > 2 else np.array([1])
    own = {name: np.take(values, part, axis=-2) for name, values in options.items()}
    found = _gradients(estimator, cases, tau, own, len(part))
    size = np.abs(whole).max()
    if np.isfinite(whole).all() and not (np.abs(found - whole[part]) <= 1e-6 * size + 1e-12).all():
        raise ValueError(
            f"{name_of(estimator)} couples the members of a batch: the gradient of a row changes with the "
            "rows beside it, so that its moments depend on the batch; give each row its own gradient"
        )


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
