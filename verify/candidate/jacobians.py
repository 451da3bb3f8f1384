"""The whole matrix of a gradient estimator: every basis cotangent, pulled back through one call.

Of one row with K classes the gradient is ĝ = Mᵀg, with one K × K matrix M for
each sample, free of the objective. Whether M is a table by outcome is for
:func:`find_spread` (equal samples of equal rows, equal matrices) and
:func:`find_excess` (linear in the cotangent, and each row by itself) to say.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from verify.candidate.candidate import Candidate
from verify.candidate.frameworks import Cotangent, Framework, Observation, Query
from verify.typing import Array

__all__ = ["Jacobian", "find_excess", "find_spread", "jacobian"]


@dataclass(frozen=True, eq=False)
class Jacobian:
    """One call, and the matrix of each of its rows.

    Attributes
    ----------
    hard : array, shape (..., K)
    soft : array, shape (..., K), or None
    matrix : array, shape (..., K, K)
        M: entry (k, i) is the gradient at logit i for the cotangent e_k.
    pulled : array, shape (..., K), or None
        The gradient of the cotangent that was given besides.
    soft_matrix : array, shape (..., K, K), or None
        The same for cotangents of the soft output.
    """

    hard: Array
    soft: Array | None
    matrix: Array
    pulled: Array | None = None
    soft_matrix: Array | None = None

    @property
    def index(self) -> Array:
        """The class of the largest entry of each sample."""
        return np.asarray(self.hard.argmax(axis=-1))


Pull = Callable[[tuple[Array | None, Array | None]], Array]


@dataclass
class _Replayed:
    """A framework that calls once, and pulls each further cotangent through the calls of the first round."""

    inner: Framework
    calls: list[tuple[Observation, Pull]] = field(default_factory=list)
    turn: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def observe(self, query: Query, cotangent: Cotangent | None) -> Observation:
        """Open a call in the first round; take the one of this turn in the others."""
        if self.turn == len(self.calls):
            self.calls.append(self.inner.open(query))
        seen, pull = self.calls[self.turn]
        self.turn += 1
        return seen if cotangent is None else replace(seen, gradient=pull(cotangent(seen.hard)))


def jacobian(
    candidate: Candidate,
    logits: Array,
    tau: float = 1.0,
    *,
    seed: int,
    besides: Array | None = None,
    soft: bool = False,
    **options: Any,
) -> Jacobian:
    """Call once, and pull all basis cotangents of the sample back.

    Parameters
    ----------
    candidate : Candidate
    logits : array, shape (..., K)
    tau : float
    seed : int
    besides : array, shape (..., K), optional
        One more cotangent, which may differ from row to row.
    soft : bool
        Whether to do the same with the soft output.
    **options
        Passed on to :meth:`verify.candidate.Candidate.observe`.

    Returns
    -------
    Jacobian

    Examples
    --------
    >>> from reinmax_ref import straight_through
    >>> from verify.candidate import wrap
    >>> jacobian(wrap(straight_through), np.zeros((1, 2)), seed=0).matrix
    array([[[ 0.25, -0.25],
            [-0.25,  0.25]]])
    """
    replayed = _Replayed(candidate.framework)
    again = replace(candidate, framework=replayed)

    def pull(g: Array | None, h: Array | None = None) -> Observation:
        replayed.turn = 0
        return again.observe(logits, tau, lambda _: (g, h), seed=seed, **options)

    every = [np.broadcast_to(e, logits.shape) for e in np.eye(logits.shape[-1])]
    seen = [pull(e) for e in every]
    through = _stacked([pull(None, e) for e in every]) if soft and candidate.has_soft else None
    pulled = None if besides is None else pull(besides).gradient
    return Jacobian(seen[0].hard, seen[0].soft, _stacked(seen), pulled, through)


def _stacked(seen: list[Observation]) -> Array:
    return np.stack([np.asarray(s.gradient) for s in seen], axis=-2)


def find_excess(found: Jacobian, cotangent: Array) -> float:
    """How far the gradient of a cotangent is from Mᵀg in any row.

    It is 0 up to rounding where the gradient is linear in the cotangent and a
    row's gradient comes from its own cotangent alone.

    Parameters
    ----------
    found : Jacobian
        With the gradient of the cotangent in ``pulled``.
    cotangent : array, shape (..., K)
    """
    if found.pulled is None:
        raise ValueError("the jacobian holds no gradient of this cotangent: take it with besides=cotangent")
    expected = np.einsum("...ki,...k->...i", found.matrix, cotangent)
    return float(np.abs(found.pulled - expected).max(initial=0.0))


def find_spread(index: Array, matrices: Array) -> float:
    """How far the matrices of equal samples of equal rows differ, in any entry.

    Parameters
    ----------
    index : integer array, shape (n,)
    matrices : array, shape (n, K, K)

    Examples
    --------
    >>> find_spread(np.array([0, 1, 0]), np.array([1.0, 5.0, 1.5])[:, None, None])
    0.5
    """
    groups = [matrices[index == k] for k in np.unique(index)]
    return max((float(np.ptp(group, axis=0).max()) for group in groups), default=0.0)
