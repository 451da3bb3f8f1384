"""Any estimator of the family as the measure of an implementation, instead of ReinMax."""

from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.conformance.against.checks import Trial
from verify.conformance.against.families import find, supported
from verify.conformance.checks import run
from verify.conformance.report import CheckResult

__all__ = ["find", "judge", "supported"]

#: What is asked of ReinMax alone.
NOT_APPLIED = ("expectation", "order")


def judge(candidate: Candidate, against: str, rng: Any = 0) -> tuple[tuple[CheckResult, ...], Trial]:
    """Run the checks that apply to one estimator.

    Returns
    -------
    results : tuple of CheckResult
    trial : Trial
        With what was seen, for the diagnosis.
    """
    trial = Trial.of(candidate, find(against))
    checks = [*trial.checks()]
    streams = np.random.default_rng(rng).spawn(len(checks))
    results = [run(check, candidate, stream) for check, stream in zip(checks, streams, strict=True)]
    results += [CheckResult(n, "skip", "the claim is about ReinMax alone") for n in NOT_APPLIED]
    return tuple(results), trial
