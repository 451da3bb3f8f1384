"""Moments of every estimator: exact by enumeration, or with their error beside them.

One door, and behind it a route for each kind: :mod:`verify.lab.linear` for
estimators that the sample settles, :mod:`verify.lab.noise` for those that
draw further noise, :mod:`verify.lab.score_function` for those that call f.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from inspect import signature
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.categorical import softmax as tempered_softmax
from reinmax_ref.protocol import name_of, needs_of
from verify.lab.linear import AsPairs, Estimator, Forced, estimator_moments, find_estimator
from verify.lab.noise import noisy_moments
from verify.lab.results import Moments
from verify.lab.score_function import sample_moments
from verify.objectives import Objective, evaluate
from verify.oracle.enumeration import MAX_CORNERS, Statistics, softmax, statistics
from verify.oracle.parallel import Progress, Workers
from verify.typing import Array

__all__ = [
    "Estimator",
    "Forced",
    "Moments",
    "OnePass",
    "estimator_moments",
    "find_estimator",
    "moments",
    "require_function",
    "sampling_law",
    "why_not",
]


def moments(
    estimator: str | Callable[..., Any],
    objective: Objective,
    logits: Any,
    tau: SupportsFloat = 1.0,
    *,
    total: Statistics | None = None,
    workers: Workers = 1,
    max_corners: int = MAX_CORNERS,
    progress: Progress | None = None,
) -> Moments:
    """Compute an estimator's moments: exact over all K^L corners, or with their error stated.

    Parameters
    ----------
    estimator : str or callable
        ``"reinmax"``, ``"straight_through"``, another file name under
        ``reinmax_ref/estimators``, a :func:`functools.partial` of such an
        estimator, or a callable ``(logits, tau, index=...)`` whose result has
        ``vjp(grad_hard)``; one that says more of what it needs follows
        :mod:`reinmax_ref.protocol`.
    objective : Objective
        See :mod:`verify.objectives`.
    logits : array, shape (K,) or (L, K)
        θ. For an estimator of bits K is 2, and its logit is θ_1 − θ_0.
    tau : float
    total : Statistics, optional
        Of degree 2, for these logits and this objective, to share among
        estimators.
    workers, max_corners, progress
        As in :func:`verify.oracle.enumeration.statistics`.

    Returns
    -------
    Moments
        Exact, with ``standard_error`` 0, where nothing but the sample is
        random, the samples can be enumerated, and the noise is a finite set of
        cases; a :class:`Moments` with its errors where noise was integrated numerically.

    Raises
    ------
    ValueError
        For an unknown name, an estimator that is not linear in the cotangent
        given the sample, one of bits with K ≠ 2, or whatever
        :func:`verify.oracle.enumeration.statistics` refuses.

    Examples
    --------
    >>> from verify.lab.moments import moments
    >>> from verify.objectives import quadratic
    >>> f = quadratic([[1.0, 0.0], [0.0, 3.0]], [0.0, 0.0])
    >>> moments("reinmax", f, [0.0, 1.0]).relative_bias < 1e-15
    True
    >>> round(moments("straight_through", f, [0.0, 1.0]).relative_bias, 3)
    0.924
    >>> moments("leave_one_out", f, [0.0, 1.0]).relative_bias < 1e-14
    True
    >>> found = moments("gumbel_rao", f, [0.0, 1.0], 0.5)
    >>> bool(0 < found.standard_error < 0.01)
    True
    """
    needs, theta = needs_of(estimator), np.asarray(logits, np.float64)
    p = softmax(theta)
    if needs.binary and theta.shape[-1] != 2:
        raise ValueError(
            f"{name_of(estimator)} is for bits, but the logits have {theta.shape[-1]} classes, not 2"
        )
    run = partial(statistics, objective, workers=workers, max_corners=max_corners, progress=progress)
    by_sample = needs.value or not needs.linear
    if total is None:
        require_function(objective, p)
        total = run(p, degree=0 if by_sample else 2)
    function = find_estimator(estimator)
    if by_sample:
        found = sample_moments(
            function,
            needs,
            objective,
            theta,
            tau=tau,
            total=total,
            max_corners=max_corners,
            workers=workers,
        )
    elif needs.noise:
        found = noisy_moments(function, total, theta, tau)
    elif needs.forward_tau:
        found = estimator_moments(function, run(sampling_law(estimator, theta), degree=2), theta, tau)
        found = replace(found, exact_gradient=total.exact_gradient.reshape(theta.shape))
    else:
        found = estimator_moments(AsPairs(function) if needs.binary else function, total, theta, tau)
    if not (np.isfinite(found.mean).all() and np.isfinite(found.covariance).all()):
        raise ValueError(
            f"{name_of(estimator)} at τ = {float(tau):g} gives a gradient that is NaN or infinite at a "
            "sample of positive probability; its moments do not exist"
        )
    return replace(found, estimator=name_of(estimator))


def sampling_law(estimator: str | Callable[..., Any], logits: Array) -> Array:
    """Give the probabilities (L, K) of an estimator that samples at a temperature of its own."""
    options = signature(find_estimator(estimator)).parameters
    return tempered_softmax(np.atleast_2d(logits), options["forward_tau"].default)


def require_function(objective: Objective, probabilities: Array) -> None:
    """Refuse an objective whose value at a point changes from call to call, or with the points beside it.

    Dropout and batch normalisation in training mode are of that kind.
    """
    p = np.atleast_2d(probabilities)
    source, points = np.random.default_rng(0), np.zeros((8, *p.shape))
    for variable, row in enumerate(p):
        points[np.arange(8), variable, source.choice(len(row), 8, p=row / row.sum())] = 1
    part = np.arange(8)[:3:-1]
    first, second, alone = (evaluate(objective, x) for x in (points, points.copy(), points[part]))
    for one, again, beside in zip(first, second, alone, strict=True):
        values = [np.asarray(v, float) for v in (one, again, beside)]
        if not all(np.isfinite(v).all() for v in values):
            continue  # the pass over the corners says so
        size = 1e-4 * np.abs(values[0]).max()
        if np.abs(values[0] - values[1]).max() > size:
            raise ValueError(
                "the objective gives another value at the same point each time, as with dropout in training "
                "mode; make it a function: call eval() on the model, or fix the noise"
            )
        if np.abs(values[0][part] - values[2]).max() > size:
            raise ValueError(
                "the objective at a point changes with the points beside it, as with batch normalisation in "
                "training mode; make it a function of each point: call eval() on the model"
            )


@dataclass(frozen=True, eq=False)
class OnePass:
    """An objective and logits, with the sums over the corners.

    Attributes
    ----------
    objective : Objective
    logits : array, shape (K,) or (L, K)
    workers : int or map-like callable
        For the pass over the corners.

    Examples
    --------
    >>> from verify.objectives import linear
    >>> point = OnePass(linear([0.0, 4.0]), np.zeros(2))
    >>> [round(point.moments("straight_through", tau).relative_bias, 3) for tau in (1.0, 2.0)]
    [0.0, 0.5]
    """

    objective: Objective
    logits: Array
    workers: Workers = 1

    @cached_property
    def total(self) -> Statistics:
        """Sums over the corners, of the second degree."""
        p = softmax(self.logits)
        require_function(self.objective, p)
        return statistics(self.objective, p, degree=2, workers=self.workers)

    def moments(self, estimator: str | Callable[..., Any], tau: float) -> Moments:
        """Give the moments of one estimator at one temperature."""
        return moments(estimator, self.objective, self.logits, tau, total=self.total, workers=self.workers)


def why_not(estimator: str | Callable[..., Any], classes: int) -> str | None:
    """Say why an estimator does not apply to variables of so many classes; None where it does.

    Raises
    ------
    ValueError
        Where no estimator has that name.

    Examples
    --------
    >>> why_not("reinmax", 8) is None
    True
    """
    if needs_of(estimator).binary and classes != 2:
        return f"for variables of 2 classes, not {classes}"
    return None
