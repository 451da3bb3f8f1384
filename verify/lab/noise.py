"""Moments of estimators with noise beyond the sample, with the error of quasi-Monte-Carlo beside them.

An estimator that is linear in the cotangent but draws further noise given its
sample has a random matrix A_k for each class k, and

    E[ĝ]   = Σ_k E[A_k] E[g 1[d = k]] = Σ_kj c_kj E[A_k v_kj]
    E[ĝĝᵀ] = Σ_k E[A_k E[g gᵀ 1[d = k]] A_kᵀ] = Σ_kj E[A_k v_kj (A_k v_kj)ᵀ]

with E[(1, g)(1, g)ᵀ 1[d = k]] = Σ_j (c_kj, v_kj)(c_kj, v_kj)ᵀ from the sums over
the corners of :mod:`verify.oracle.enumeration`. The expectations over the noise are
means over scrambled Sobol' points, and the spread over independent scrambles
gives their standard error (Owen, "Scrambled net variance for integrals of
smooth functions", Annals of Statistics 1997).
"""

from collections.abc import Callable
from functools import lru_cache
from inspect import signature
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.protocol import Needs, name_of, needs_of
from verify.lab.linear import Estimator
from verify.lab.results import Moments
from verify.oracle.enumeration import Statistics
from verify.typing import Array

__all__ = ["from_replicates", "noisy_moments", "require_linear_draws"]

SCRAMBLES = 8
"""Independent randomisations of the Sobol' points; their spread is the error."""

WORK = 2**18
"""Numbers that one array over all points may hold, where 2**7 points a scramble allow it."""


def noisy_moments(
    estimator: Estimator | Callable[..., Any],
    total: Statistics,
    logits: Any,
    tau: SupportsFloat = 1.0,
    *,
    log2_points: int | None = None,
    scrambles: int = SCRAMBLES,
) -> Moments:
    """Integrate an estimator's noise over scrambled Sobol' points.

    Parameters
    ----------
    estimator : callable
        Linear in the cotangent given its sample and ``noise=``.
    total : Statistics
        Of degree 2.
    logits : array, shape (K,) or (L, K)
    tau : float
    log2_points : int, optional
        2**log2_points points in each scramble; absent means from 2**7 to 2**12,
        the more the fewer classes and variables there are. The points are the
        same at every call.
    scrambles : int

    Returns
    -------
    Moments

    Examples
    --------
    >>> from reinmax_ref.estimators.gumbel_softmax import gumbel_softmax
    >>> from verify.oracle.enumeration import statistics
    >>> from verify.objectives import linear
    >>> total = statistics(linear([0.0, 4.0]), [0.5, 0.5])
    >>> found = noisy_moments(gumbel_softmax, total, [0.0, 0.0], 1.0)
    >>> bool(abs(found.mean[1] - 2 / 3) < 4 * found.mean_error[1])  # E[y(1 − y)] = 1/6 for a logistic y
    True
    """
    theta, needs = np.asarray(logits, np.float64), needs_of(estimator)
    rows = np.atleast_2d(theta)
    copies = int(signature(estimator).parameters["samples"].default) if needs.copies else 1
    # Copies that share noise are correlated, which takes two of them to see.
    arrays = needs.shared_noise + (2 if needs.shared_noise and copies > 1 else 1)
    factors = _factors(total)
    points = (
        _choose(rows.shape[1], max(f.shape[1] for _, f in factors)) if log2_points is None else log2_points
    )
    uniforms = _points(arrays * rows.shape[1], points, scrambles)
    mean, second = np.zeros((scrambles, *rows.shape)), np.zeros((scrambles, *rows.shape, rows.shape[1]))
    largest = np.zeros(len(rows))
    for variable, (classes, factor) in enumerate(factors):
        draws = _draws(estimator, needs, (rows[variable], classes), tau=tau, uniforms=uniforms)
        if variable == 0:
            require_linear_draws(draws, name_of(estimator))
        for column in factor.swapaxes(0, 1):
            first, square, peak = _pull(draws, column, copies)
            largest[variable] = max(largest[variable], peak)
            mean[:, variable] += first
            second[:, variable] += square
    unseen = largest[:, None] / (scrambles * 2**points)
    return from_replicates(name_of(estimator), tau, theta.shape, total, (mean, second), unseen=unseen)


def _choose(classes: int, rank: int) -> int:
    """Choose the points of a scramble for a bounded amount of work."""
    return int(np.clip(np.log2(WORK / (SCRAMBLES * classes**2 * rank)), 7, 12))


def _factors(total: Statistics) -> list[tuple[Array, Array]]:
    """Split E[(1, g)(1, g)ᵀ 1[d = k]] into columns: for each variable its classes and (k, r, 1 + K).

    The fewer values g has given d = k, the fewer columns; one variable alone
    has one value and one column.
    """
    if total.gradient is None or total.second is None:
        raise ValueError("the statistics lack second moments; collect them with degree=2")
    found = []
    for p, first, square in zip(total.probabilities, total.gradient, total.second, strict=True):
        classes = np.flatnonzero(p > 0)
        size = np.sqrt(max(np.trace(square[classes].sum(axis=0)), np.finfo(float).tiny))
        moment = np.empty((len(classes), *np.add(square.shape[1:], 1)))
        moment[:, 0, 0] = p[classes]
        moment[:, 0, 1:] = moment[:, 1:, 0] = first[classes] / size
        moment[:, 1:, 1:] = square[classes] / size**2
        weight, vectors = np.linalg.eigh(moment)
        kept = (weight > len(p) * np.finfo(float).eps * weight[:, -1:]).any(axis=0)
        columns = (vectors * np.sqrt(np.maximum(weight, 0))[:, None])[:, :, kept].swapaxes(1, 2)
        columns[:, :, 1:] *= size
        found.append((classes, columns))
    return found


@lru_cache(maxsize=16)
def _points(dimensions: int, log2_points: int, scrambles: int) -> Array:
    """Scrambled Sobol' points, shape (scrambles, 2**log2_points, dimensions)."""
    from scipy.stats import qmc  # noqa: PLC0415  (it takes a second that estimators without noise need not wait)

    seeds = np.random.SeedSequence(dimensions).spawn(scrambles)
    points = [
        qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed)).random_base2(log2_points)
        for seed in seeds
    ]
    return np.asarray(np.minimum(np.stack(points), np.nextafter(1.0, 0.0)))


def _draws(
    estimator: Callable[..., Any],
    needs: Needs,
    variable: tuple[Array, Array],
    *,
    tau: SupportsFloat,
    uniforms: Array,
) -> list[Any]:
    """Draw with every class forced at every point, once for each array of noise that is not shared."""
    theta, classes = variable
    arrays = np.moveaxis(uniforms.reshape(*uniforms.shape[:2], -1, len(theta)), 2, 0)
    shared, own = arrays[: needs.shared_noise], arrays[needs.shared_noise :]
    shape = (len(classes), *uniforms.shape[:2], len(theta))
    index = np.broadcast_to(classes[:, None, None], shape[:3])
    single = {"samples": 1} if needs.copies else {}
    noises = (np.stack([*shared, each])[:, None] for each in own)
    return [
        estimator(
            np.broadcast_to(theta, shape),
            tau,
            index=index,
            noise=np.broadcast_to(noise, (len(noise), *shape)),
            **single,
        )
        for noise in noises
    ]


def _pull(draws: list[Any], column: Array, copies: int) -> tuple[Array, Array, float]:
    """Give what one column (k, 1 + K) adds to mean and second moment, for each scramble, and its peak."""
    found = [d.vjp(np.broadcast_to(column[:, None, None, 1:], d.hard.shape)) for d in draws]
    points = found[0].shape[2]
    averages = [pulled.mean(axis=2) for pulled in found]
    average = sum(averages[1:], averages[0]) / len(averages)
    square = sum((each.swapaxes(2, 3) @ each for each in found), np.zeros(())) / (points * len(found))
    if copies > 1:
        if len(found) > 1:
            cross = found[0].swapaxes(2, 3) @ found[1] / points
            cross = (cross + cross.swapaxes(2, 3)) / 2
        else:  # independent given the sample, so that the mean of the product is the product of means
            cross = average[..., None] * average[..., None, :]
        square = square / copies + (1 - 1 / copies) * cross
    peak = max(float((np.abs(f).max(axis=(1, 2, 3)) * np.abs(column[:, 0])).max()) for f in found)
    return np.asarray(np.einsum("k,krc->rc", column[:, 0], average)), np.asarray(square.sum(axis=0)), peak


def from_replicates(
    name: str,
    tau: SupportsFloat,
    shape: tuple[int, ...],
    total: Statistics,
    sums: tuple[Array, Array],
    *,
    unseen: Array | float = 0.0,
) -> Moments:
    """Average independent replicates of mean (R, L, K) and second moment; their spread is the error.

    ``unseen`` (L, 1) is the size of a gradient that so many points may have
    missed, divided by their number: what the spread cannot show.
    """
    mean, second = sums
    root = np.sqrt(len(mean))
    center, exact = mean.mean(axis=0), total.exact_gradient
    covariance = second.mean(axis=0) - center[:, :, None] * center[:, None, :]
    square = np.diagonal(second, axis1=2, axis2=3)
    # The spread of square − 2·mean·center is that of the variance, to first order in the error of the mean.
    variances, errors = square - 2 * mean * center, square - 2 * mean * exact
    mean_error = np.hypot(mean.std(axis=0, ddof=1) / root, unseen)
    return Moments(
        name,
        float(tau),
        exact.reshape(shape),
        center.reshape(shape),
        np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0).reshape(shape),
        covariance.reshape(*shape, shape[-1]),
        total.corners,
        float(np.linalg.norm(mean_error)),
        mean_error.reshape(shape),
        (variances.std(axis=0, ddof=1) / root).reshape(shape),
        float(variances.sum(axis=(1, 2)).std(ddof=1) / root),
        float(errors.sum(axis=(1, 2)).std(ddof=1) / root),
    )


def require_linear_draws(draws: list[Any], name: str) -> None:
    """Refuse draws whose pull-back, noise held, is not linear in the cotangent."""
    for draw in draws:
        shape = draw.hard.shape
        one, two = (np.broadcast_to(np.cos(w * np.arange(1, shape[-1] + 1)), shape) for w in (1.0, 2.0))
        first, second, both = (np.asarray(draw.vjp(g)) for g in (one, two, one - 2 * two))
        scale = np.abs(first).max() + 2 * np.abs(second).max()
        if not (np.abs(both - (first - 2 * second)) <= 1e-6 * scale + 1e-12).all():
            raise ValueError(
                f"{name} is not linear in the cotangent given its sample and noise; state it as "
                "Needs(noise=True, linear=False), and its noise is drawn at every corner"
            )
