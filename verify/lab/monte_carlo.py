"""Moments by sampling, where the corners are too many to enumerate; the error stands beside each value.

Each draw D is used for all variables by local expectation: with the others
held at D, variable l runs through its K classes, which gives both the true
gradient's and the estimator's share exactly,

    Σ_k f(D_{−l}, k) p_k (I_k − p)    and    Σ_k p_k A_k ∂f/∂D_l(D_{−l}, k),

whose means over D_{−l} are the true gradient and E[ĝ]. Only the other
variables are left to chance, and the difference of the two, the bias, shares
their noise.

The intervals rest on the central limit theorem. With a stated number of
samples they are normal ones. With a tolerance they are asymptotic confidence
sequences, valid at whatever sample the run stops: Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 2024, arXiv:2103.06476, equation (5). They ask
that draws be independent with more than two finite moments, which an objective
bounded on the corners has. Peaked probabilities hide rare events from few
draws, so that every interval is widened by what an unseen event would add.
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any, SupportsFloat

import numpy as np
from scipy.special import ndtri

from reinmax_ref.protocol import name_of, needs_of
from verify.lab.moments import Estimator, Forced, find_estimator, require_function, sampling_law
from verify.objectives import Objective, evaluate
from verify.oracle.enumeration import softmax
from verify.typing import Array

__all__ = ["Estimate", "MonteCarlo", "estimate", "half_width_factor"]

BATCH_NUMBERS = 2**20
"""Numbers in one batch of points (8 MB)."""

FIRST_LOOK = 100
"""Fewest draws before a run may stop: the intervals are asymptotic."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A sampled array with its error; shapes are those of the logits.

    Attributes
    ----------
    value : array
    standard_error : array
    half_width : array
        The interval is value ± half_width, all coordinates together at the
        stated confidence.
    """

    value: Array
    standard_error: Array
    half_width: Array

    @property
    def interval(self) -> tuple[Array, Array]:
        """Lower and upper ends."""
        return self.value - self.half_width, self.value + self.half_width


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Sampled moments of an estimator.

    Attributes
    ----------
    estimator : str
    tau : float
    exact_gradient, mean, bias : Estimate
    second_moment : Estimate
        E[ĝ²] for each coordinate.
    samples : int
        Independent draws of the other variables.
    confidence : float
        That all coordinates of one estimate lie within their intervals.
    intervals : str
        Which kind they are, and what they ask for.
    """

    estimator: str
    tau: float
    exact_gradient: Estimate
    mean: Estimate
    bias: Estimate
    second_moment: Estimate
    samples: int
    confidence: float
    intervals: str

    @property
    def variance(self) -> Array:
        """E[ĝ²] − E[ĝ]² for each coordinate; its error is that of the two terms."""
        return np.asarray(np.maximum(self.second_moment.value - self.mean.value**2, 0))


def estimate(
    estimator: str | Estimator,
    objective: Objective,
    logits: Any,
    tau: SupportsFloat = 1.0,
    *,
    samples: int = 1000,
    tolerance: float | None = None,
    confidence: float = 0.95,
    rng: Any = None,
) -> MonteCarlo:
    """Estimate the true gradient and an estimator's mean, bias and second moment.

    Parameters
    ----------
    estimator, objective, logits, tau
        As in :func:`verify.lab.moments.moments`.
    samples : int
        How many draws; with a tolerance, the most.
    tolerance : float, optional
        Stop once the half-widths of the bias, as a vector, are this fraction
        of the true gradient's norm. ``half_width`` tells whether that was
        reached within ``samples``.
    confidence : float
        For all coordinates of one estimate together (Bonferroni).
    rng : optional
        Anything :func:`numpy.random.default_rng` takes.

    Returns
    -------
    MonteCarlo

    Notes
    -----
    A draw costs L·K evaluations of f and ∇f.

    Raises
    ------
    ValueError
        For unusable settings, an objective that is no function, or an estimator
        that is not linear in the cotangent given its sample.

    Examples
    --------
    >>> from verify.objectives import tanh_network
    >>> f = tanh_network(30, 4, scale=0.3, rng=0)
    >>> found = estimate("reinmax", f, np.zeros((30, 4)), samples=20, rng=1)
    >>> found.samples, found.bias.value.shape
    (20, (30, 4))
    """
    _check(samples, tolerance, confidence)
    theta = np.asarray(logits, dtype=np.float64)
    p = np.atleast_2d(softmax(theta))
    forced = Forced(find_estimator(estimator), np.atleast_2d(theta), p, tau)
    forced.require_linear()
    require_function(objective, p)
    law = p if not needs_of(estimator).forward_tau else sampling_law(estimator, theta)
    source, tally = np.random.default_rng(rng), _Tally.empty(p.shape)
    batch = max(1, min(FIRST_LOOK, BATCH_NUMBERS // (p.size * p.shape[1])))
    while tally.count < samples:
        tally = tally.updated(_draws(forced, objective, (p, law), min(batch, samples - tally.count), source))
        if tolerance is not None and tally.count >= min(FIRST_LOOK, samples):
            width = tally.half_width(confidence, anytime=True)[2]
            if np.linalg.norm(width) <= tolerance * np.linalg.norm(tally.mean[0]):
                break
    return _record(estimator, theta.shape, tau, tally, confidence, anytime=tolerance is not None)


def half_width_factor(count: int, confidence: float, coordinates: int, *, anytime: bool) -> float:
    """Give the half-width of an interval in standard deviations of one draw.

    Parameters
    ----------
    count : int
        Draws so far.
    confidence : float
        For all coordinates together.
    coordinates : int
    anytime : bool
        Whether the interval must hold at every count at once. The sequence is
        tightest near a thousand draws.

    Examples
    --------
    >>> round(half_width_factor(100, 0.95, 1, anytime=False), 3)
    0.196
    >>> round(half_width_factor(100, 0.95, 1, anytime=True), 3)
    0.386
    """
    alpha = (1 - confidence) / coordinates
    if not anytime:
        return float(-ndtri(alpha / 2)) / sqrt(count)
    rho2 = (-2 * log(alpha) + log(1 - 2 * log(alpha))) / 1000
    spread = count * rho2 + 1
    return sqrt(2 * spread / (count**2 * rho2) * log(sqrt(spread) / alpha))


def _check(samples: int, tolerance: float | None, confidence: float) -> None:
    if samples < 2:
        raise ValueError(f"samples is {samples}; at least 2 are needed for an error")
    if tolerance is not None and not tolerance > 0:
        raise ValueError(f"tolerance is {tolerance}; it must be a positive fraction of the gradient's norm")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1")


def _draws(
    forced: Forced,
    objective: Objective,
    laws: tuple[Array, Array],
    count: int,
    source: np.random.Generator,
) -> Array:
    """Give true gradient (first law), mean, bias and second moment (second law), shape (4, count, L, K)."""
    p, law = laws
    uniforms = source.random((count, len(p), 1))
    found = np.empty((4, count, *p.shape))
    same = law is p
    for variable, row in enumerate(p):
        f, g = _neighbours(objective, p, uniforms, variable)
        found[0, :, variable] = row * (f - (f @ row)[:, None])
        own = row if same else law[variable]
        g = g if same else _neighbours(objective, law, uniforms, variable)[1]
        pulled = forced.for_variable(variable, g.swapaxes(0, 1)).swapaxes(0, 1)
        found[1, :, variable] = np.einsum("k,nkj->nj", own, pulled)
        found[3, :, variable] = np.einsum("k,nkj->nj", own, pulled**2)
    found[2] = found[1] - found[0]
    return found


def _neighbours(objective: Objective, p: Array, uniforms: Array, variable: int) -> tuple[Array, Array]:
    """Give f and its slope at every class of one variable, the others drawn: (n, K) and (n, K, K)."""
    count, (variables, classes) = len(uniforms), p.shape
    below = np.cumsum(p, axis=1)[None, :, :-1] <= uniforms
    # Rounding in the sum must not reach a class of probability 0 behind the last possible one.
    last = classes - 1 - np.argmax(p[:, ::-1] > 0, axis=1)
    points = np.repeat(np.eye(classes)[np.minimum(below.sum(axis=2), last)][:, None], classes, axis=1)
    points[:, :, variable] = np.eye(classes)
    f, g = evaluate(objective, points.reshape(-1, variables, classes))
    row = p[variable]
    f = np.where(row > 0, f.reshape(count, classes), 0)
    own = np.where(row[:, None] > 0, np.asarray(g)[:, variable].reshape(count, classes, classes), 0)
    return f, own


@dataclass(frozen=True)
class _Tally:
    """Running mean and sum of squared deviations over draws (Chan, Golub and LeVeque's update)."""

    count: int
    mean: Array
    squares: Array
    peak: Array

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> "_Tally":
        return cls(0, np.zeros((4, *shape)), np.zeros((4, *shape)), np.zeros((4, *shape)))

    def updated(self, draws: Array) -> "_Tally":
        new, mean = draws.shape[1], draws.mean(axis=1)
        count, shift = self.count + new, mean - self.mean
        squares = self.squares + ((draws - mean[:, None]) ** 2).sum(axis=1)
        squares = squares + shift**2 * (self.count * new / count)
        peak = np.maximum(self.peak, np.abs(draws).max(axis=(1, 3))[:, :, None])
        return _Tally(count, self.mean + shift * (new / count), squares, peak)

    def half_width(self, confidence: float, *, anytime: bool) -> Array:
        """Give half-widths, with room for an event that so many draws may have missed.

        An event of probability log(1/α)/n stays unseen in n draws with probability α.
        """
        coordinates = self.mean[0].size
        factor = half_width_factor(self.count, confidence, coordinates, anytime=anytime)
        missed = log(coordinates / (1 - confidence)) / self.count
        return np.asarray(np.hypot(self.deviation * factor, self.peak * missed))

    @property
    def deviation(self) -> Array:
        return np.asarray(np.sqrt(self.squares / max(1, self.count - 1)))


def _record(
    estimator: str | Estimator,
    shape: tuple[int, ...],
    tau: SupportsFloat,
    tally: _Tally,
    confidence: float,
    *,
    anytime: bool,
) -> MonteCarlo:
    error, width = tally.deviation / sqrt(tally.count), tally.half_width(confidence, anytime=anytime)
    exact, mean, bias, second = (
        Estimate(*(a[i].reshape(shape) for a in (tally.mean, error, width))) for i in range(4)
    )
    name = name_of(estimator)
    kind = "asymptotic confidence sequence, valid at any stopping time" if anytime else "normal, fixed sample"
    kind += ", widened for events not yet seen"
    return MonteCarlo(name, float(tau), exact, mean, bias, second, tally.count, confidence, kind)
