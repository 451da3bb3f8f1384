"""What a failing implementation computes instead, from what is observed of it.

The sampler is fitted with distributions and the gradient with the terms of the
paper. What else they depend on is looked for, and under which condition. What
has no code in the catalogue is described in words, as ``unknown-sampler``,
``unknown-soft-output`` or ``unknown-gradient``.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.backward import diagnose_backward
from verify.conformance.diagnosis.catalogue import CODES, MISTAKES, Mistake, name
from verify.conformance.diagnosis.class_order import diagnose_class_order
from verify.conformance.diagnosis.sample_form import (
    Form,
    diagnose_seed,
    diagnose_sharing,
    diagnose_width,
    find_form,
)
from verify.conformance.diagnosis.sampler import diagnose_sampler
from verify.conformance.diagnosis.soft import diagnose_soft, diagnose_soft_cotangent
from verify.conformance.report import CheckResult, Diagnosis

__all__ = ["CODES", "MISTAKES", "Mistake", "diagnose"]

Found = list[Diagnosis]

SAMPLE = ("one-hot", "sampler", "freshness", "row-correlation")
BACKWARD = ("backward-", "row-independence")
#: These fail by a wrong sampler as well as by a wrong gradient, so that they are evidence of neither.
EITHER = ("expectation", "order")


@dataclass(frozen=True, eq=False)
class _Case:
    """A candidate that failed; the attributes are the parameters of :func:`diagnose`."""

    candidate: Candidate
    results: tuple[CheckResult, ...]
    rng: np.random.Generator

    def failed(self, *beginnings: str) -> bool:
        """Whether a check failed, or could not run, whose name begins so."""
        return any(r.status in {"fail", "error"} and r.name.startswith(beginnings) for r in self.results)

    def ask(self, *steps: Callable[[Candidate, np.random.Generator], Iterator[Diagnosis]]) -> Found:
        """What some steps find, each until the candidate raises."""
        found: Found = []
        for step in steps:
            try:
                for diagnosis in step(self.candidate, self.rng):
                    found.append(diagnosis)  # one by one: what comes before an exception stays
            except (Exception, SystemExit):  # noqa: BLE001, S112  (a foreign implementation may raise anything)
                continue
        return found

    def form(self) -> Form | None:
        """What is given as the sample; None also where the candidate raises."""
        try:
            return find_form(self.candidate, self.rng)
        except (Exception, SystemExit):  # noqa: BLE001  (a foreign implementation may raise anything)
            return None


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
        Empty where there is nothing to name. A class comes once; what is of no
        class may come several times, of several things.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what foreign code warns of is not for our caller's filters
        found = _collect(_Case(candidate, results, rng))
    once: dict[str, Diagnosis] = {}
    for diagnosis in found:
        once.setdefault(diagnosis.code if diagnosis.code in CODES else diagnosis.explanation, diagnosis)
    return tuple(once.values())


def _collect(case: _Case) -> Found:
    narrow = case.ask(diagnose_width)
    ordered = case.ask(diagnose_class_order) if case.failed("sampler") and not narrow else []
    soft = case.ask(diagnose_soft) if case.failed("soft-output") else []
    if ordered:
        return ordered + soft
    sample, drawn = ([], True) if narrow else _sample(case)
    gradient = _gradient(case) if drawn else []
    if narrow:  # which class is the largest depends on all the rows
        gradient = [d for d in gradient if d.code != "row-coupling"]
    found = narrow + sample + soft + gradient
    return found if narrow or not drawn else found + _unexplained(case, sample, soft, gradient)


def _sample(case: _Case) -> tuple[Found, bool]:
    """What is said of the sample, and whether a class is drawn at all."""
    found: Found = []
    if case.failed("one-hot"):
        form = case.form()
        found += [] if form is None else [form.diagnosis]
        if form is not None and not form.drawn:
            return found, False
    if case.failed(*SAMPLE):
        shared = case.ask(diagnose_sharing)
        # draws that rows share are not independent ones, to be fitted with a distribution
        found += shared or case.ask(diagnose_seed, diagnose_sampler)
    return found, True


def _gradient(case: _Case) -> Found:
    """What is said of the gradient through either output."""
    found: Found = []
    if case.failed(*BACKWARD, *EITHER, "soft-cotangent"):
        found += case.ask(diagnose_backward)
    # where rows mix or noise enters, the gradient through the soft output is no evidence of its own
    entangled = {d.code for d in found} & {"row-coupling", "noise-in-backward"}
    if case.failed("soft-cotangent") and not case.failed("soft-output") and not entangled:
        found += case.ask(diagnose_soft_cotangent)
    if case.failed("class-axis") and not case.failed("backward-"):
        axis = case.candidate.convention.axis_name
        found.append(name("wrong-axis", f"the argument {axis} is not followed."))
    return found


def _unexplained(case: _Case, sample: Found, soft: Found, gradient: Found) -> Found:
    """Where nothing fits, or what fails is out of the fits' sight, let the failing checks speak."""
    said: Found = []
    if not gradient:
        # right through either output alone and wrong through both: no fit of one output sees that
        gradient = _cotangent(case, "right on losses of the hard output")
        said += gradient
    for code, found, beginnings in (
        ("unknown-sampler", sample, SAMPLE),
        ("unknown-soft-output", soft, ("soft-output",)),
        ("unknown-gradient", gradient, (*BACKWARD, "class-axis")),
    ):
        said += [] if found else _quoted(case, code, beginnings)[:1]
    if said or sample or soft or gradient:
        return said
    return _cotangent(case) or _quoted(case, "unknown-gradient", EITHER)[:1]


def _cotangent(case: _Case, seen: str = "") -> Found:
    return [
        name("soft-cotangent", f"{r.detail}.")
        for r in case.results
        if r.status == "fail" and r.name == "soft-cotangent" and r.detail and seen in r.detail
    ]


def _quoted(case: _Case, code: str, beginnings: tuple[str, ...]) -> Found:
    return [
        Diagnosis(
            code,
            f"The calls that were made to name it show nothing wrong. {r.name} says: {r.detail}.",
        )
        for r in case.results
        if r.status == "fail" and r.detail and r.name.startswith(beginnings)
    ]
