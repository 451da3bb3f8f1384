"""ARM: f at a pair of antithetic samples of bits, weighted by their uniform numbers."""

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

__all__ = ["NEEDS", "arm"]

NEEDS = Needs(slope=False, value=True, evaluations=2, noise=True, binary=True, tempered=False)


def arm(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    noise: ArrayLike | None = None,
) -> ScoreDraw:
    """Sample bits b = 1[u > 1 − p], with the gradient (f(b) − f(b̃))(u − ½), b̃ = 1[u < p].

    p = σ(l) and u is uniform, one for each bit; given b it is placed by v,
    u = 1 − pv where b = 1 and (1 − p)v where b = 0. Needs f at two points.

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
    Yin and Zhou, "ARM: Augment-REINFORCE-Merge Gradient for Stochastic Binary
    Networks", ICLR 2019, arXiv:1807.11143.

    Examples
    --------
    >>> arm([0.0], index=[1], noise=[[0.5]]).gradient(lambda z: 4.0 * z[:, 0])
    array([1.])
    """
    check_tau(tau)
    return antithetic_draw(_weight, logits, rng=rng, index=index, noise=noise)


def _weight(sample: Antithetic) -> Array:
    return np.asarray((2 * sample.u - 1) / 2)
