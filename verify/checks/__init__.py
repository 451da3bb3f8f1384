"""The checks: one small function per claim, and the list of them.

A check takes a candidate and a generator, and returns an
:class:`~verify.report.Outcome`. The mathematical ones carry the verdict; the
robustness ones end in ``warn`` at worst.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from verify.candidate import Candidate
from verify.checks.backward import check_backward, check_row_independence, check_soft_cotangent
from verify.checks.expectation import check_expectation
from verify.checks.forward import check_one_hot, check_soft_output
from verify.checks.robustness import check_non_contiguous
from verify.checks.sampler import check_sampler
from verify.report import CheckResult, Outcome

__all__ = ["CHECKS", "Check", "run"]


@dataclass(frozen=True)
class Check:
    """One claim about an implementation.

    Attributes
    ----------
    name : str
    claim : str
        What a pass shows.
    function : callable
        Takes the candidate and a generator, returns the outcome.
    kind : str
        ``mathematical`` or ``robustness``.
    """

    name: str
    claim: str
    function: Callable[[Candidate, np.random.Generator], Outcome]
    kind: Literal["mathematical", "robustness"] = "mathematical"


CHECKS: tuple[Check, ...] = (
    Check(
        "one-hot", "the sample is one-hot along the class axis, in 1-D, 2-D and 3-D batches", check_one_hot
    ),
    Check("soft-output", "the soft output is softmax(θ), at every τ", check_soft_output),
    Check("sampler", "the sample is drawn from softmax(θ), at every τ", check_sampler),
    *(
        Check(
            f"backward-tau-{tau}",
            f"each sample's gradient at τ = {tau} is 2 J(q)g − ½ J(p)g + J(p)h, in 1-D, 2-D and 3-D batches",
            partial(check_backward, tau=tau),
        )
        for tau in (1, 1.5, 2)
    ),
    Check(
        "soft-cotangent",
        "cotangents through hard only, soft only and both are all right",
        check_soft_cotangent,
    ),
    Check("row-independence", "a row's gradient comes from its own cotangent alone", check_row_independence),
    Check("expectation", "the expected gradient of a quadratic is exact at τ = 1", check_expectation),
    Check("non-contiguous", "strided logits give the same gradient", check_non_contiguous, kind="robustness"),
)


def run(check: Check, candidate: Candidate, rng: np.random.Generator) -> CheckResult:
    """Run one check; an exception of the candidate becomes the outcome ``error``.

    A robustness check never ends worse than in ``warn``.
    """
    try:
        outcome = check.function(candidate, rng)
    except Exception as error:  # noqa: BLE001  (a foreign implementation may raise anything)
        outcome = Outcome("error", f"it raised {type(error).__name__}: {error}")
    status = outcome.status
    if check.kind == "robustness" and status in {"fail", "error", "inconclusive"}:
        status = "warn"
    return CheckResult(check.name, status, outcome.detail, outcome.error, outcome.tolerance)
