"""The gradient through the sample, with what else enters it: other rows, or the size of the cotangent."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.coupling import diagnose_coupling
from verify.conformance.diagnosis.evidence import is_steady, observed, observed_alone
from verify.conformance.diagnosis.gradient import diagnose_gradient
from verify.conformance.diagnosis.linearity import SMALL, describe_nonlinear
from verify.conformance.diagnosis.mistakes import CODES
from verify.conformance.report import Diagnosis

__all__ = ["diagnose_backward"]


def diagnose_backward(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name what is wrong with the gradient through the sample.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy Generator
    """
    columns = observed(candidate, rng)
    steady = is_steady(columns)
    coupled = list(diagnose_coupling(candidate, rng, steady=steady))
    yield from coupled
    if not steady:
        yield from _alone(candidate, rng) if coupled else diagnose_gradient(candidate, columns, rng)
        return
    nonlinear = None if coupled else describe_nonlinear(candidate, rng)
    if nonlinear is not None:
        yield Diagnosis("unknown-gradient", nonlinear)
        columns = observed(candidate, rng, size=SMALL)
    found = list(diagnose_gradient(candidate, columns, rng))
    named = [d for d in found if d.code in CODES]
    if coupled and found and not named:
        named = list(_alone(candidate, rng))
    # where rows mix, or the size counts, what no class explains is explained by that
    yield from named if coupled or nonlinear else found


def _alone(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """The mistakes of a single row; that one without others to mix with has no gradient is none."""
    try:
        columns = observed_alone(candidate, rng)
    except Exception:  # noqa: BLE001  (it may take no single row)
        return
    found = diagnose_gradient(candidate, columns, rng)
    yield from (d for d in found if d.code in CODES and d.code != "severed-gradient")
