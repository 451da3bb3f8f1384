"""What a failing implementation computes instead, from evidence.

The sampler is fitted against distributions, the gradient against the terms of
the paper, and whatever else it depends on is looked for. Nothing here knows
the implementation; what fits no class of mistake is described by its fit, as
``unknown-sampler``, ``unknown-soft-output`` or ``unknown-gradient``.
"""

import warnings
from collections.abc import Callable, Iterator

import numpy as np

from verify.candidate import Candidate
from verify.diagnosis.coupling import diagnose_coupling
from verify.diagnosis.gradient import diagnose_gradient, diagnose_soft_cotangent, is_steady, observed
from verify.diagnosis.mistakes import CODES, MISTAKES, Mistake, name
from verify.diagnosis.sampler import diagnose_sampler, diagnose_soft
from verify.report import CheckResult, Diagnosis

__all__ = ["CODES", "MISTAKES", "Mistake", "diagnose"]

#: What is said of checks that fail though every fit is right, by the beginnings of their names.
UNEXPLAINED = {
    "unknown-sampler": ("one-hot", "sampler", "freshness", "row-correlation"),
    "unknown-soft-output": ("soft-output",),
    "unknown-gradient": ("backward-", "class-axis", "row-independence", "expectation", "order"),
}

BACKWARD = ("backward-", "soft-cotangent", "row-independence", "expectation", "order")


def diagnose(
    candidate: Candidate, results: tuple[CheckResult, ...], rng: np.random.Generator
) -> tuple[Diagnosis, ...]:
    """Name the mistakes of a candidate that failed.

    Parameters
    ----------
    candidate : Candidate
    results : tuple of CheckResult
        Of its checks; what they found right is not looked at again.
    rng : numpy Generator

    Returns
    -------
    tuple of Diagnosis
        Empty where there is nothing to name.
    """
    wrong = {r.name for r in results if r.status in {"fail", "error"}}
    steps: list[Callable[[], Iterator[Diagnosis]]] = []
    if wrong & {"sampler", "freshness", "row-correlation"}:
        steps.append(lambda: diagnose_sampler(candidate, rng))
    if "soft-output" in wrong:
        steps.append(lambda: diagnose_soft(candidate, rng))
    if any(check.startswith(BACKWARD) for check in wrong):
        steps.append(lambda: _backward(candidate, rng))
    if "soft-cotangent" in wrong and "soft-output" not in wrong:
        steps.append(lambda: diagnose_soft_cotangent(candidate, rng))
    if "class-axis" in wrong and not any(check.startswith("backward-") for check in wrong):
        steps.append(lambda: iter([_unfollowed(candidate)]))
    found: dict[str, Diagnosis] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foreign code warns of is not for our caller's filters
        for step in steps:
            for diagnosis in _carefully(step):
                found.setdefault(diagnosis.code, diagnosis)
    if found.keys() & {"row-coupling", "noise-in-backward"}:
        found.pop("soft-cotangent", None)  # then it is not evidence of its own
    return tuple(found.values()) or tuple(_unexplained(candidate, results))


def _unexplained(candidate: Candidate, results: tuple[CheckResult, ...]) -> Iterator[Diagnosis]:
    """Where nothing fits, or what fails is out of the fits' sight, let the failing checks speak."""
    failed = {r.name: r for r in results if r.status == "fail" and r.detail}
    if "soft-cotangent" in failed and candidate.has_soft:
        yield name("soft-cotangent", failed["soft-cotangent"].detail)
        return
    for code, checks in UNEXPLAINED.items():
        shown = [r for r in failed.values() if r.name.startswith(checks)]
        if shown:
            yield Diagnosis(
                code,
                "No term of the paper and no known mistake explains it where it was looked at. "
                f"{shown[0].name} says: {shown[0].detail}.",
            )


def _carefully(step: Callable[[], Iterator[Diagnosis]]) -> Iterator[Diagnosis]:
    """What a step finds until the candidate raises: no evidence, no name."""
    try:
        yield from step()
    except (Exception, SystemExit):  # noqa: BLE001  (a foreign implementation may raise anything)
        return


def _backward(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    columns = observed(candidate, rng)
    coupled = list(diagnose_coupling(candidate, rng)) if is_steady(columns) else []
    yield from coupled
    gradient = list(diagnose_gradient(candidate, columns))
    # where rows mix in 2-D as well, a fit row by row shows nothing but that
    yield from (d for d in gradient if not coupled or not d.code.startswith("unknown-"))


def _unfollowed(candidate: Candidate) -> Diagnosis:
    return name("wrong-axis", f"the argument {candidate.convention.axis_name} is not followed.")
