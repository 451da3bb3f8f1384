"""The gradient through the soft output, which is J(p)h."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.evidence import bound, hard_columns, soft_columns
from verify.conformance.diagnosis.linearity import is_linear
from verify.conformance.diagnosis.mistakes import name
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax, softmax_vjp

__all__ = ["diagnose_soft_cotangent"]


def diagnose_soft_cotangent(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name a gradient through the soft output that is not J(p)h.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy Generator
    """
    for tau in (1.0, 2.0) if candidate.has_soft and candidate.has_tau else (1.0,) * candidate.has_soft:
        found = list(_at(candidate, tau, rng))
        yield from found
        if found:
            return


def _at(candidate: Candidate, tau: float, rng: np.random.Generator) -> Iterator[Diagnosis]:
    columns = soft_columns(candidate, tau, rng)
    crash = columns.crash or hard_columns(candidate, tau, rng).crash
    if crash is not None:
        yield name("soft-cotangent", f"a loss that leaves one output unused raises {crash}")
    term = softmax_vjp(softmax(columns.logits), columns.basis).astype(float)
    off = float(np.abs(columns.gradient - term).max())
    if off <= bound(columns) or crash is not None or not is_linear(candidate, rng):
        return
    factor = float((columns.gradient * term).sum() / (term**2).sum())
    exact = np.abs(columns.gradient - factor * term).max() <= bound(columns)
    seen = f"is {factor + 0.0:.3g}·J(p)h" if exact else f"is off J(p)h by {off:.2g}"
    yield name("soft-cotangent", f"the gradient through the soft output {seen} at τ = {tau:g}.")
