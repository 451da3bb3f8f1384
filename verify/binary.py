"""Binary implementations as categorical ones of two classes.

A binary logit l stands for the pair (l, 0): softmax(l, 0) = (σ(l), 1 − σ(l)).
So ReinMax for one Bernoulli variable is ReinMax for that pair, and the same
checks serve both.
"""

from dataclasses import replace

import numpy as np

from verify.frameworks import Array, Cotangent, Framework, Observation, Query

__all__ = ["narrow", "observe", "widen"]


def narrow(logits: Array) -> Array:
    """θ₁ − θ₂, the binary logit with the probabilities of a pair of logits.

    Examples
    --------
    >>> narrow(np.array([[2.0, 0.5]]))
    array([1.5])
    """
    return np.asarray(logits[..., 0] - logits[..., 1])


def widen(part: Array | None, *, total: float) -> Array | None:
    """The pair (z, total − z): a sample or probability with total 1, a gradient with total 0.

    Examples
    --------
    >>> widen(np.array([1.0, 0.0]), total=1)
    array([[1., 0.],
           [0., 1.]])
    """
    return None if part is None else np.stack([part, total - part], axis=-1)


def observe(framework: Framework, query: Query, cotangent: Cotangent | None, storage: str) -> Observation:
    """One call, with everything seen in pairs.

    Parameters
    ----------
    framework : Framework
    query : Query
        On binary logits.
    cotangent : callable, optional
        On pairs.
    storage : str
        NumPy dtype of what is handed to the framework.
    """

    def pull(hard: Array) -> tuple[Array | None, Array | None]:
        pair = cotangent(np.asarray(widen(hard, total=1))) if cotangent else (None, None)
        g, h = (None if c is None else narrow(c).astype(storage) for c in pair)
        return g, h

    seen = framework.observe(query, pull if cotangent else None)
    return replace(
        seen,
        hard=np.asarray(widen(seen.hard, total=1)),
        soft=widen(seen.soft, total=1),
        index=None,
        gradient=widen(seen.gradient, total=0),
    )
