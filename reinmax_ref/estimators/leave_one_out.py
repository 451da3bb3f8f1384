"""REINFORCE leave-one-out: each sample's baseline is the mean of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.gumbel import check_samples
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau
from reinmax_ref.score import score_draw

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array
    from reinmax_ref.score import Calls, ScoreDraw

__all__ = ["NEEDS", "leave_one_out"]

NEEDS = Needs(slope=False, value=True, evaluations=2, samples=2, tempered=False)


def leave_one_out(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    samples: int = 2,
) -> ScoreDraw:
    """Sample D_1 … D_M, with the gradient (1/M) Σ_m (f_m − mean of the others)(D_m − p).

    As the weights sum to zero, p drops out: Σ_m (f_m − f̄) D_m/(M − 1). Needs f
    at M points.

    Bias: none, for every f.

    Parameters
    ----------
    logits : array_like, shape (K,), (L, K) or (n, L, K), or with the class axis elsewhere
        θ of L variables that share one f, in n independent copies.
    tau : float
        Taken for the common signature; the gradient does not depend on it.
    axis, rng
        As in :func:`reinmax_ref.reinmax`.
    index : integer array_like, shape (M, *batch), optional
        Forces the samples, where batch is the shape of the logits without the
        class axis.
    samples : int
        M, at least 2.

    Returns
    -------
    ScoreDraw
        ``hard``, ``soft``, ``index``, and ``gradient(value, slope=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`, and for fewer than two samples.

    References
    ----------
    Kool, van Hoof and Welling, "Buy 4 REINFORCE Samples, Get a Baseline for
    Free!", ICLR 2019 workshop; Salimans and Knowles 2014, arXiv:1401.1022.

    Examples
    --------
    >>> leave_one_out([0.0, 0.0], index=[0, 1]).gradient(lambda x: 3.0 * x[:, 0, 0])
    array([ 1.5, -1.5])
    """
    check_tau(tau)
    return score_draw(_rule, logits, axis=axis, rng=rng, index=index, samples=check_samples(samples, 2))


def _rule(p: Array, points: Array, calls: Calls) -> Array:
    del p
    f = calls.value(points)
    centred = f - f.sum(axis=0) / len(f)
    return np.asarray((centred[..., None, None] * points).sum(axis=0) / (len(f) - 1))
