"""What the search found: the smallest failing case of each part, and its check."""

import warnings
from dataclasses import replace

import numpy as np

from verify.candidate import Candidate
from verify.conformance.cases import SHORT, Result
from verify.conformance.error_rates import SEARCH
from verify.conformance.report import CheckResult, Failure
from verify.conformance.search import Search
from verify.conformance.shrink import Smallest, shrink
from verify.conformance.snippet import snippet
from verify.conformance.space import BASE, Case, shape_of

__all__ = ["describe", "failures", "merged"]

PARTS = {"hard": "the sample", "soft": "the soft output", "gradient": "the gradient"}


def failures(candidate: Candidate, searched: Search) -> tuple[Failure, ...]:
    """One for each part of the result that is wrong somewhere."""
    found = []
    with warnings.catch_warnings(), candidate.framework.keeping():
        warnings.simplefilter("ignore")  # what foreign code warns of is not for our caller's filters
        for part in PARTS:
            wrong = [r for r in searched.having("wrong") if r.part == part]
            if wrong:
                found.append(_failure(candidate, searched, wrong))
    return tuple(found) + (() if found else _sampler(candidate, searched))


def _sampler(candidate: Candidate, searched: Search) -> tuple[Failure, ...]:
    """Where the samples of all the cases with one value are more likely under another distribution.

    The ratio of likelihoods has a mean of 1 over right samples, and so has the
    mean of such ratios: it exceeds 1/α in less than α of the runs.
    """
    weighed = [r for r in searched.results if r.evidence]
    sums = {
        (name, value): sum((np.array(r.evidence) for r in weighed if r.case[name] == value), np.zeros(1))
        for name, values in searched.space.items()
        for value in values
    }
    if not sums:
        return ()
    place, evidence = max(sums.items(), key=lambda item: float(item[1].max()))
    bound = float(np.log(len(sums) * len(evidence) / SEARCH))
    if evidence.max() <= bound:
        return ()
    name, value = place
    usual = value == BASE[name]
    detail = "the classes are not drawn from softmax(θ)" + ("" if usual else f" where {name} is {value}")
    one = next(r for r in weighed if r.case[name] == value)
    case = describe(one.case, candidate)
    return (Failure("sampler", "sampler", detail, case, "", float(evidence.max()), bound),)


def _failure(candidate: Candidate, searched: Search, wrong: list[Result]) -> Failure:
    smallest = shrink(candidate, min(wrong, key=lambda r: np.prod(shape_of(r.case))), searched.space)
    result = smallest.result
    detail = f"{PARTS[result.part]} is wrong in {len(wrong)} of {len(searched.results)} cases"
    return Failure(
        result.part,
        _check(smallest, candidate),
        detail,
        describe(result.case, candidate),
        snippet(candidate, smallest),
        result.error if np.isfinite(result.error) else None,
        result.tolerance,
    )


def _check(smallest: Smallest, candidate: Candidate) -> str:
    """The check that a failure belongs to: that of the value without which it does not fail."""
    case, part = smallest.result.case, smallest.result.part
    if part in {"hard", "soft"}:
        return {"hard": "one-hot", "soft": "soft-output"}[part]
    special = {
        "dtype": (candidate.dtype, case["dtype"] if case["dtype"] != "float64" else "float32"),
        "layout": ("contiguous", "non-contiguous"),
        "cotangent layout": ("contiguous", "non-contiguous"),
        "axis": (candidate.convention.axis, "class-axis"),
        "history": ("first call", "repeatability"),
    }
    for name, (usual, check) in special.items():
        if case[name] != usual:
            return check
    if case["hard cotangent"] in {"missing", "zero"}:
        return "soft-cotangent"
    return f"backward-tau-{min((0.5, 1.0, 1.5, 2.0), key=lambda tau: abs(np.log(case['tau'] / tau))):g}"


def describe(case: Case, candidate: Candidate | None = None) -> str:
    """A case in words."""
    shape = shape_of(case)
    said = [f"{case['dtype']} logits of shape {shape}"]
    said += [case["logits"]] if case["logits"] != "normal" else []
    said += [f"τ = {case['tau']:g}" + (f" as {case['tau type']}" if case["tau type"] != "float" else "")]
    said += [
        f"cotangents: {case['hard cotangent']} at the sample, {case['soft cotangent']} at the soft output"
    ]
    for name, words in (
        ("layout", "logits {}"),
        ("cotangent layout", "cotangents {}"),
        ("context", "{}"),
        ("history", "{}"),
    ):
        said += [words.format(case[name])] if case[name] != BASE[name] else []
    if case["axis"] != (-1 if candidate is None else candidate.convention.axis):
        said.append(f"class axis {case['axis']}")
    return ", ".join(said)


def merged(
    results: tuple[CheckResult, ...], found: tuple[Failure, ...], searched: Search
) -> tuple[CheckResult, ...]:
    """The results of the checks, with what the search found put to the check that it belongs to."""
    by_name = {r.name: r for r in results}
    for f in found:
        before = by_name[f.check]
        if before.status != "fail":
            by_name[f.check] = replace(
                before,
                status="fail",
                detail=f"{f.detail}: {f.case}",
                error=f.error,
                tolerance=f.tolerance,
            )
    for r in searched.having("fragile") if not found else ():
        if not np.isfinite(r.case["tau"]):
            continue  # that limit is promised by nobody
        before = by_name[_fragile(r)]
        if before.status == "pass":
            detail = f"{PARTS[r.part]} is wrong for {describe(r.case)}"
            by_name[before.name] = replace(before, status="warn", detail=detail)
    return tuple(by_name.values())


def _fragile(result: Result) -> str:
    """The robustness check that a fragile case belongs to."""
    case = result.case
    if case["dtype"] in SHORT:
        return str(case["dtype"])
    return "mask-inf" if case["logits"] == "masked" else "saturation"
