"""Exact moments of leave-one-out with any number of samples, from sums over single corners.

With M samples the estimator is the mean over all pairs of the kernel
h(a, b) = ½ (f(a) − f(b))(a − b), a U-statistic of order two, whose covariance is

    2/(M(M − 1)) · [2(M − 2) ζ₁ + ζ₂]

(Hoeffding, Annals of Mathematical Statistics 1948). For one variable, with
f̃ = f − E[f], m = E[f̃ D], q = E[f̃² D] and s = E[f̃²],

    ζ₁ = ¼ (diag q − q pᵀ − p qᵀ + s p pᵀ − m mᵀ)
    ζ₂ = ½ (diag q − q pᵀ − p qᵀ + s diag p)
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.protocol import Needs, name_of
from verify.lab.results import Moments
from verify.objectives import Objective
from verify.oracle.enumeration import Statistics, statistics
from verify.oracle.parallel import Workers
from verify.typing import Array

__all__ = ["follows_leave_one_out", "leave_one_out_moments"]


@dataclass(frozen=True)
class SquaredDeviation:
    """(f − mean)², whose sums over the strata the variance needs."""

    objective: Objective
    mean: float

    def value(self, x: Array) -> Array:
        """Give (f(x) − mean)² at points (n, L, K)."""
        return np.asarray((self.objective.value(x) - self.mean) ** 2)

    def gradient(self, x: Array) -> Array:
        """Refuse: the variance needs values alone."""
        raise NotImplementedError


def follows_leave_one_out(
    estimator: Callable[..., Any], needs: Needs, logits: Array, tau: SupportsFloat
) -> bool:
    """Whether the gradient at forced samples is Σ_m (f_m − mean f) D_m/(M − 1), tried on random samples."""
    count = samples_of(estimator, needs)
    if count < 2 or needs.distinct or needs.noise or needs.binary or needs.slope:
        return False
    source = np.random.default_rng(0)
    index = source.integers(logits.shape[1], size=(count, 4, len(logits)))
    slopes = source.standard_normal(logits.shape)

    def value(x: Array) -> Array:
        return np.asarray((x * slopes).sum(axis=(-1, -2)))

    points = np.eye(logits.shape[1])[index]
    f = value(points)
    expected = ((f - f.mean(axis=0))[..., None, None] * points).sum(axis=0) / (count - 1)
    found = estimator(np.broadcast_to(logits, (4, *logits.shape)), tau, index=index).gradient(value, None)
    return bool(np.abs(found - expected).max() <= 1e-12 * np.abs(slopes).sum())


def samples_of(estimator: Callable[..., Any], needs: Needs) -> int:
    """How many joint samples the estimator takes."""
    options = signature(estimator).parameters
    return int(options["samples"].default) if "samples" in options else needs.samples


def leave_one_out_moments(
    estimator: Callable[..., Any],
    objective: Objective,
    logits: Array,
    *,
    tau: SupportsFloat,
    samples: int,
    total: Statistics,
    workers: Workers = 1,
) -> Moments:
    """Compute mean and covariance exactly for every number of samples, by one more pass over f."""
    p, count = total.probabilities, samples
    squared = statistics(
        SquaredDeviation(objective, float(total.value[0].sum())),
        p,
        degree=0,
        workers=workers,
        max_corners=max(total.corners, 1),
    )
    q, m = squared.value, total.exact_gradient
    s = q.sum(axis=1)[:, None, None]
    crossed = q[:, :, None] * p[:, None, :]
    common = _diagonal(q) - crossed - crossed.swapaxes(1, 2)
    one = (common + s * p[:, :, None] * p[:, None, :] - m[:, :, None] * m[:, None, :]) / 4
    two = (common + s * _diagonal(p)) / 2
    covariance = 2 / (count * (count - 1)) * (2 * (count - 2) * one + two)
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
    shape = logits.shape
    return Moments(
        name_of(estimator),
        float(tau),
        m.reshape(shape),
        m.reshape(shape).copy(),
        variance.reshape(shape),
        covariance.reshape(*shape, shape[-1]),
        total.corners,
    )


def _diagonal(rows: Array) -> Array:
    return np.asarray(rows[:, :, None] * np.eye(rows.shape[1]))
