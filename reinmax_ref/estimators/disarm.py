"""DisARM: ARM with its uniform numbers averaged out."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.binary import Antithetic, antithetic_draw
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array
    from reinmax_ref.score import ScoreDraw

__all__ = ["NEEDS", "disarm"]

NEEDS = Needs(slope=False, value=True, evaluations=2, noise=True, binary=True, tempered=False)


def disarm(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    noise: ArrayLike | None = None,
) -> ScoreDraw:
    """Sample antithetic bits b, b̃, with the gradient ½(f(b) − f(b̃))(−1)^b̃ 1[b ≠ b̃] σ(abs(l)).

    b = 1[u > 1 − p] and b̃ = 1[u < p] with p = σ(l) and one uniform u for each
    bit, as in ARM; this is ARM's mean given (b, b̃), so its variance is at most
    ARM's. Needs f at two points.

    Bias: none, for every f.

    Parameters
    ----------
    logits : array_like, shape (L,) or (n, L)
        One logit l for each of L bits that share one f, in n independent
        copies; there is no class axis.
    tau : float
        Taken for the common signature; the gradient does not depend on it.
    rng : optional
        Anything ``numpy.random.default_rng`` takes.
    index : integer array_like, shape of the logits, optional
        Forces the bits b.
    noise : array_like, shape (1, *logits.shape), optional
        Forces the uniform numbers v in [0, 1) that place u given b.

    Returns
    -------
    ScoreDraw
        ``hard``, ``soft``, ``index``, and ``gradient(value, slope=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, and for noise of another shape or range.

    References
    ----------
    Dong, Mnih and Tucker, "DisARM: An Antithetic Gradient Estimator for Binary
    Latent Variables", NeurIPS 2020, arXiv:2006.10680; the same as U2G, Yin, Ho,
    Yan, Qian and Zhou 2020.

    Examples
    --------
    >>> disarm([0.0], index=[1], noise=[[0.5]]).gradient(lambda z: 4.0 * z[:, 0])
    array([1.])
    """
    check_tau(tau)
    return antithetic_draw(_weight, logits, rng=rng, index=index, noise=noise)


def _weight(sample: Antithetic) -> Array:
    return np.asarray((sample.b - sample.mirrored) * np.maximum(sample.p, sample.rest) / 2)
