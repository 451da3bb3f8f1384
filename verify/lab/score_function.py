"""Exact moments of the estimators that call f: all samples, pairs, sets or antithetic pairs enumerated.

The gradient is the estimator's own at every case, so nothing of its formula is
known here, only the law of its samples: independent vectors, distinct vectors,
or bits with their uniform number. Where there are more cases than the limit,
they are sampled and the standard error is reported.
"""

from collections.abc import Callable
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.protocol import Needs, name_of
from verify.lab.cases import MAX_CASES, Cases, cases_of
from verify.lab.leave_one_out import follows_leave_one_out, leave_one_out_moments, samples_of
from verify.lab.noise import from_replicates
from verify.lab.results import Moments
from verify.objectives import Objective
from verify.oracle.bits import widen
from verify.oracle.corners import Corners
from verify.oracle.enumeration import MAX_CORNERS, Statistics
from verify.oracle.parallel import Workers
from verify.typing import Array

__all__ = ["sample_moments"]


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
    cases = cases_of(estimator, needs, objective, corners, theta=theta, max_cases=max_cases)
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
