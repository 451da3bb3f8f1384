"""The checks: one small function per claim, and the list of them.

A check takes a candidate and a generator, and returns an
:class:`~verify.conformance.report.Outcome`. The mathematical ones carry the verdict; the
robustness ones end in ``warn`` at worst.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from verify.candidate import Candidate
from verify.conformance.checks.backward import (
    check_backward,
    check_class_axis,
    check_row_independence,
    check_soft_cotangent,
)
from verify.conformance.checks.dtypes import check_dtype
from verify.conformance.checks.expectation import check_expectation, check_order
from verify.conformance.checks.extremes import check_classes, check_mask
from verify.conformance.checks.forward import check_one_hot, check_soft_output
from verify.conformance.checks.independence import check_freshness, check_row_correlation
from verify.conformance.checks.robustness import (
    check_empty_batch,
    check_inputs_unchanged,
    check_non_contiguous,
    check_repeatability,
)
from verify.conformance.checks.sampler import check_sampler
from verify.conformance.checks.saturation import check_saturation
from verify.conformance.checks.validation import check_logits_validation, check_tau_validation
from verify.conformance.report import CheckResult, Outcome

__all__ = ["CHECKS", "Check", "find", "run"]

Function = Callable[[Candidate, np.random.Generator], Outcome]


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
    function: Function
    kind: Literal["mathematical", "robustness"] = "mathematical"


def _robust(name: str, claim: str, function: Function) -> Check:
    return Check(name, claim, function, "robustness")


MATHEMATICAL: tuple[Check, ...] = (
    Check("one-hot", "the sample is one-hot along the class axis, in 1-D to 4-D logits", check_one_hot),
    Check("soft-output", "the soft output is softmax(θ), at every τ", check_soft_output),
    Check("sampler", "the sample is drawn from softmax(θ), at every τ", check_sampler),
    Check("freshness", "every call and every row draws a sample of its own", check_freshness),
    Check("row-correlation", "rows and calls are drawn independently", check_row_correlation),
    *(
        Check(
            f"backward-tau-{tau:g}",
            f"each sample's gradient at τ = {tau:g} is 2 J(q)g − ½ J(p)g + J(p)h, in 1-D to 4-D logits",
            partial(check_backward, tau=tau),
        )
        for tau in (0.5, 1.0, 1.5, 2.0)
    ),
    Check("class-axis", "the argument that sets the class axis is followed", check_class_axis),
    Check(
        "soft-cotangent",
        "cotangents through hard only, soft only and both are all right",
        check_soft_cotangent,
    ),
    Check("row-independence", "a row's gradient comes from its own cotangent alone", check_row_independence),
    Check("expectation", "the expected gradient of a quadratic is exact at τ = 1", check_expectation),
    Check("order", "the bias falls with the second order of accuracy at τ = 1", check_order),
)

ROBUSTNESS: tuple[Check, ...] = (
    _robust(
        "repeatability",
        "the same seed gives the same sample and gradient, and so does a second backward pass",
        check_repeatability,
    ),
    _robust("non-contiguous", "strided logits give the same gradient", check_non_contiguous),
    _robust("inputs-unchanged", "logits and cotangents are not written to", check_inputs_unchanged),
    _robust(
        "saturation",
        "the gradient is right for logits of ±20 and more, also beyond the range of exp",
        check_saturation,
    ),
    *(
        _robust(
            f"mask-{name}",
            f"classes masked with {mask:g} are never drawn and leave the rest right",
            partial(check_mask, mask=mask),
        )
        for name, mask in (("inf", -np.inf), ("1e9", -1e9), ("1e12", -1e12))
    ),
    _robust("one-class", "K = 1 gives the one class and no gradient", partial(check_classes, classes=1)),
    _robust("two-classes", "K = 2 is right", partial(check_classes, classes=2)),
    *(
        _robust(
            dtype,
            f"{dtype} logits give a right sample and gradient, as far as {dtype} goes",
            partial(check_dtype, dtype=dtype),
        )
        for dtype in ("float32", "float16", "bfloat16")
    ),
    _robust("tau-validation", "τ ≤ 0 raises", check_tau_validation),
    _robust("logits-validation", "NaN logits raise", check_logits_validation),
    _robust("empty-batch", "a batch of no rows works", check_empty_batch),
)

CHECKS = MATHEMATICAL + ROBUSTNESS


def find(name: str) -> Check:
    """The check of a name.

    Raises
    ------
    ValueError
        Where there is none.

    Examples
    --------
    >>> find("one-hot").kind
    'mathematical'
    """
    for check in CHECKS:
        if check.name == name:
            return check
    raise ValueError(f"there is no check {name!r}; expected one of {', '.join(c.name for c in CHECKS)}")


def run(check: Check, candidate: Candidate, rng: np.random.Generator) -> CheckResult:
    """Run one check; an exception of the candidate becomes the outcome ``error``.

    A robustness check never ends worse than in ``warn``.
    """
    try:
        with warnings.catch_warnings(), candidate.framework.keeping():
            warnings.simplefilter("ignore")  # what foreign code warns of is not for our caller's filters
            outcome = check.function(candidate, rng)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a foreign implementation may raise anything)
        outcome = Outcome("error", f"it raised {type(error).__name__}: {str(error)[:300]}")
    status = outcome.status
    if check.kind == "robustness" and status in {"fail", "error", "inconclusive"}:
        status = "warn"
    return CheckResult(check.name, status, outcome.detail, outcome.error, outcome.tolerance, outcome.order)
