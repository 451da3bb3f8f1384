"""Decoupled Straight-Through: one temperature to sample, another to differentiate."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.categorical import choose, softmax
from reinmax_ref.estimators.straight_through import straight_through
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import Rows, check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource

__all__ = ["NEEDS", "decoupled_straight_through"]

NEEDS = Needs(forward_tau=True)


def decoupled_straight_through(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    forward_tau: SupportsFloat = 0.5,
) -> Draw:
    """Sample D ~ softmax(θ/τ_f), with the gradient (1/τ_b) J(softmax(θ/τ_b))g + J(p)h.

    Needs ∇f at D, once.

    Bias: the sample is not from p. On linear f the mean does not depend on the
    sample and is exact at τ_b = 1; on every other f it approximates the
    gradient of an objective with sharper (τ_f < 1) or flatter samples.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Temperature τ_b of the backward pass, above 0.
    forward_tau : float
        Temperature τ_f of the sample, above 0; at 1 this is
        :func:`reinmax_ref.straight_through`.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`; the same for forward_tau.

    References
    ----------
    Shah, Yan, Mozer and Liu, "Improving Discrete Optimisation Via Decoupled
    Straight-Through Estimator", 2024, arXiv:2410.13331.

    Examples
    --------
    >>> decoupled_straight_through([0.0, 0.0], 2.0, index=0).vjp([3.0, 1.0])
    array([ 0.25, -0.25])
    """
    forward_tau = check_tau(forward_tau)
    if index is None:
        rows = Rows.from_logits(logits, axis)
        source = np.random.default_rng(rng)  # type: ignore[arg-type]
        mass = softmax(rows.matrix, forward_tau)
        index = choose(mass, source.random(len(mass))).reshape(rows.batch)
    return straight_through(logits, tau, axis=axis, index=index)
