"""The exact expected gradient from a black box: a gradient for each outcome, times its probability."""

import numpy as np

from verify.candidate.candidate import Candidate
from verify.objectives import Objective
from verify.oracle.definitions import softmax
from verify.oracle.tolerances import gradient_tolerance
from verify.typing import Array

__all__ = ["MissingOutcomeError", "UnsteadyError", "certain", "expected_gradient"]

#: Draws of one row in which each of five classes is counted on to appear.
CERTAIN = 512

#: Rows of one call.
ROWS = 64


class UnsteadyError(ValueError):
    """Equal samples with equal cotangents gave different gradients."""


class MissingOutcomeError(ValueError):
    """A class that is certain to appear among this many draws never did."""


def certain(classes: int) -> int:
    """How many draws of a row whose logits span 2 at most show every class, but once in 1e13 rows."""
    return CERTAIN * -(-classes // 5)


def _by_outcome(
    candidate: Candidate, objective: Objective, logits: Array, *, seed: int
) -> tuple[Array, float]:
    """The gradient (K, K) of each outcome of one variable at τ = 1, and how far equal outcomes differ.

    One row of logits is repeated until every outcome has appeared, :func:`certain` times at most.
    """
    p, seeds = softmax(logits).astype(float), np.random.default_rng(seed)
    rows = np.tile(logits, (ROWS, 1))
    found: list[tuple[Array, Array]] = []
    for _ in range(-(-certain(p.size) // len(rows))):
        found.append(_observe(candidate, objective, rows, int(seeds.integers(2**32))))
        outcomes, gradients = (np.concatenate(parts) for parts in zip(*found, strict=True))
        observed, first = np.unique(outcomes, return_index=True)
        if observed.size == p.size:
            return gradients[first], float(np.abs(gradients - gradients[first][outcomes]).max())
    k = min({*range(p.size)} - {*observed.tolist()})
    raise MissingOutcomeError(
        f"class {k}, of probability {p[k]:.3g}, never appeared in {len(outcomes)} draws"
    )


def _observe(candidate: Candidate, objective: Objective, rows: Array, seed: int) -> tuple[Array, Array]:
    """Outcomes and gradients of rows of logits, each with the cotangent that belongs to its outcome."""

    def cotangent(hard: Array) -> tuple[Array, None]:
        return objective.gradient(hard[:, None, :].astype(float))[:, 0, :], None

    seen = candidate.observe(rows, cotangent=cotangent, seed=seed)
    assert seen.gradient is not None  # noqa: S101  (a cotangent was given)
    return seen.hard.argmax(axis=-1), seen.gradient


def expected_gradient(candidate: Candidate, objective: Objective, logits: Array, *, seed: int = 0) -> Array:
    """The exact expected gradient at τ = 1 of a black box, without sampling error.

    ``objective`` is of one variable, and ``logits`` are of shape (K,).
    """
    corners = objective.gradient(np.eye(logits.size)[:, None, :])
    gradients, spread = _by_outcome(candidate, objective, logits, seed=seed)
    if not spread <= gradient_tolerance("float32", logits, 1.0, corners):
        raise UnsteadyError(
            f"equal samples with equal cotangents give gradients that differ by {spread:.2g}: something "
            "else than the sample enters the backward pass"
        )
    return np.asarray(softmax(logits) @ gradients, np.float64)
