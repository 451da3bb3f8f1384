"""ReinMax with the uniform baseline 1/K in place of p."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

from reinmax_ref import algebra
from reinmax_ref.draw import draw
from reinmax_ref.protocol import Needs
from reinmax_ref.rows import check_tau

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reinmax_ref.draw import Draw, RandomSource
    from reinmax_ref.rows import Array

__all__ = ["NEEDS", "reinmax_uniform"]

NEEDS = Needs(tempered=False)


def reinmax_uniform(
    logits: ArrayLike,
    tau: SupportsFloat = 1.0,
    *,
    axis: int = -1,
    rng: RandomSource = None,
    index: ArrayLike | None = None,
) -> Draw:
    """Sample D, with the gradient ½[(g_d − mean g)(D − p) + J(p)g/(K p_d)] + J(p)h.

    Needs ∇f at D, once.

    Bias: exact for every quadratic f, as with every baseline that sums to 1.
    Its weight 1/(K p_d) is unbounded: rare samples have large gradients.

    Parameters
    ----------
    logits, axis, rng, index
        As in :func:`reinmax_ref.reinmax`.
    tau : float
        Taken for the common signature; the gradient does not depend on it.

    Returns
    -------
    Draw
        ``hard``, ``soft``, ``index``, and ``vjp(grad_hard, grad_soft=None)``.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.reinmax`.

    See Also
    --------
    reinmax_ref.algebra.baseline_vjp : the formula.

    References
    ----------
    Liu et al. 2023, arXiv:2304.08612, on the choice of baseline.

    Examples
    --------
    >>> reinmax_uniform([0.0, 0.0], index=0).vjp([3.0, 1.0])
    array([ 0.5, -0.5])
    """
    check_tau(tau)
    return draw(_rule, logits, 1.0, axis=axis, rng=rng, index=index)


def _rule(p: Array, p_tau: Array, onehot: Array, g: Array, h: Array | None) -> Array:
    del p_tau
    return algebra.baseline_vjp(p, onehot, g, h, c=1 / p.shape[-1])  # type: ignore[no-any-return]
