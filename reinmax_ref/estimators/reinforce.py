"""REINFORCE: the score times f, less a baseline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau
from reinmax_ref.score import score_draw

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import RandomSource
    from reinmax_ref.rows import Array
    from reinmax_ref.score import Calls, ScoreDraw

__all__ = ["NEEDS", "reinforce"]

NEEDS = Needs(slope=False, value=True, tempered=False)


def reinforce(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
    baseline: ArrayLike = 0.0,
) -> ScoreDraw:
    """Sample D, with the gradient (f(D) − b)(D − p).

    Needs f at D, once.

    Bias: none, for every f and every b that does not depend on D. The variance
    is large: it does not vanish even for constant f, unless b is that constant.

    Parameters
    ----------
    logits : array_like, shape (K,), (L, K) or (n, L, K), or with the class axis elsewhere
        θ of L variables that share one f, in n independent copies.
    tau : float
        Taken for the common signature; the gradient does not depend on it.
    axis, rng
        As in :func:`reinmax_ref.reinmax`.
    index : integer array_like, shape of the logits without the class axis, optional
        Forces the sample.
    baseline : float or array_like, shape (n,)
        b.

    Returns
    -------
    ScoreDraw
        ``hard``, ``soft``, ``index``, and ``gradient(value, slope=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`.

    References
    ----------
    Williams, "Simple statistical gradient-following algorithms for
    connectionist reinforcement learning", Machine Learning 8, 1992.

    Examples
    --------
    >>> reinforce([0.0, 0.0], index=0, baseline=1.0).gradient(lambda x: 3.0 * x[:, 0, 0])
    array([ 1., -1.])
    """
    check_tau(tau)
    rule = partial(_rule, baseline=np.asarray(baseline))
    return score_draw(rule, logits, axis=axis, rng=rng, index=index)


def _rule(p: Array, points: Array, calls: Calls, *, baseline: Array) -> Array:
    advantage = calls.value(points[0]) - baseline
    return np.asarray(advantage[:, None, None] * (points[0] - p))
