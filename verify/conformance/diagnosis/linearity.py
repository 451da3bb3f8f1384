"""Whether the gradient is linear in its cotangent, as every vector-Jacobian product is."""

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.evidence import Columns, bound, hard_columns, soft_columns
from verify.conformance.diagnosis.rounding import describe_rounding
from verify.conformance.inputs import new_seed
from verify.typing import Array

__all__ = ["LARGE", "SMALL", "describe_nonlinear", "is_linear"]

LARGE, SMALL = 1e3, 1e-3


def describe_nonlinear(candidate: Candidate, rng: np.random.Generator) -> str | None:
    """Say what is done to gradients of large cotangents, where anything is.

    Parameters
    ----------
    candidate : Candidate
        Whose equal samples have equal gradients, row by row.
    rng : numpy Generator

    Returns
    -------
    str or None
    """
    seed = new_seed(rng)
    one, large = (
        hard_columns(candidate, 1.0, np.random.default_rng(seed), size=size) for size in (1.0, LARGE)
    )
    if _agree(one, large) or describe_rounding([one]) is not None:
        return None
    return (
        f"The gradient is not linear in its cotangent: where that is {LARGE:g} times as large, "
        f"{_limit(large)}. It is clipped or normalised inside. Leave that to the training loop, which sees "
        "the whole gradient."
    )


def is_linear(candidate: Candidate, rng: np.random.Generator) -> bool:
    """Whether the gradient through the soft output is linear."""
    seed = new_seed(rng)
    return _agree(
        *(soft_columns(candidate, 1.0, np.random.default_rng(seed), size=size) for size in (1.0, SMALL))
    )


def _agree(one: Columns, other: Columns) -> bool:
    """Whether the same combinations have the same gradient for their size."""
    places = np.intersect1d(one.group(), other.group(), return_indices=True)[1:]
    first, second = (columns.gradient[at] for columns, at in zip((one, other), places, strict=True))
    return float(np.abs(first - second).max(initial=0.0)) <= bound(one)


def _limit(large: Columns) -> str:
    found = LARGE * large.gradient
    entries, norms = np.abs(found).max(axis=-1), np.linalg.norm(found, axis=-1)
    if _common(entries):
        return f"no entry exceeds {entries.max():.3g}"
    if _common(norms):
        return f"no row has a norm above {norms.max():.3g}"
    return "it does not grow in proportion"


def _common(sizes: Array) -> bool:
    """Whether many of the sizes are the largest one."""
    return bool((sizes > sizes.max() * (1 - 1e-4)).mean() > 0.25)
