"""Binary implementations as categorical ones of two classes.

A binary logit l stands for a pair of logits whose difference is l, in the order
of :mod:`verify.oracle.bits`. So ReinMax for one Bernoulli variable is ReinMax for
that pair, and the same checks serve both.
"""

from dataclasses import replace

from verify.candidate.frameworks import Cotangent, Framework, Observation, Query
from verify.oracle.bits import narrow, widen
from verify.typing import Array

__all__ = ["observe"]


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
        pair = cotangent(widen(hard, total=1)) if cotangent else (None, None)
        g, h = (None if c is None else narrow(c).astype(storage) for c in pair)
        return g, h

    seen = framework.observe(query, pull if cotangent else None)
    return replace(
        seen,
        hard=widen(seen.hard, total=1),
        soft=None if seen.soft is None else widen(seen.soft, total=1),
        index=None,
        gradient=None if seen.gradient is None else widen(seen.gradient, total=0),
    )
