"""The gradient through the sample: what it is made of, where it is not the paper's."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import CODES, name
from verify.conformance.diagnosis.describe import (
    CLOSE,
    TERMS,
    Triple,
    alternatives,
    interpret,
    law,
    listed,
    scaled,
)
from verify.conformance.diagnosis.fitting import Fit, fit_all, fit_family
from verify.conformance.diagnosis.hypotheses import FAMILIES
from verify.conformance.diagnosis.observations import (
    Call,
    Columns,
    hard_columns,
    is_steady,
)
from verify.conformance.diagnosis.resampling import diagnose_other_sample, diagnose_unsteady
from verify.conformance.diagnosis.structure import (
    describe_copy,
    describe_linear_map,
    describe_products,
    describe_rounding,
)
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import reinmax_gradient

__all__ = ["Other", "diagnose_columns"]

PAPER = "it should be 2·J(q)g − 0.5·J(p)g with q = (p_τ + D)/2, line 5 of Algorithm 2"

#: Columns that were not fitted, and the call in words; empty for the same calls.
Other = tuple[str, Columns]


def diagnose_columns(
    candidate: Candidate,
    all_columns: list[Columns],
    rng: np.random.Generator,
    others: tuple[Other, ...] = (),
) -> Iterator[Diagnosis]:
    """Name what the gradient is made of, row by row, as far as that predicts other observations."""
    if not all(np.isfinite(columns.gradient).all() for columns in all_columns):
        yield Diagnosis("unknown-gradient", "The gradient of ordinary logits is not finite.")
        return
    if not is_steady(all_columns):
        yield from diagnose_unsteady(all_columns)
        return
    distinct = [columns.distinct() for columns in all_columns]
    copy = describe_copy(distinct, binary=candidate.convention.binary)
    if copy is not None:
        yield Diagnosis("unknown-gradient", copy)
        return
    fits = [fit for fit in fit_all(distinct, binary=candidate.convention.binary) if _sound(fit, others)]
    best = _most_plausible(fits) or next(iter(fits), None)
    if best is None:
        other = list(diagnose_other_sample(distinct))
        if other:
            yield from other
            return
        found = (fit_family(distinct, family) for family in FAMILIES)
        searched = sorted(
            (fit for fit in found if fit is not None and _sound(fit, others)), key=lambda fit: fit.residual
        )
        best = _most_plausible(searched) or next(iter(searched), None)
    if best is not None:
        unlike = {text: None for text, columns in others if not best.predicts(columns)}
        yield from _told(candidate, best, rng, f" Not so {', '.join(unlike)}." if unlike else "")
    else:
        yield Diagnosis("unknown-gradient", _unfitted(distinct))


def _sound(fit: Fit, others: tuple[Other, ...]) -> bool:
    """Whether it is plain and predicts what was observed of the same calls since."""
    return fit.plain and all(fit.predicts(columns) for text, columns in others if not text)


def _most_plausible(fits: list[Fit]) -> Fit | None:
    """The first of those whose coefficients are those of named mistakes only."""
    return next((fit for fit in fits if interpret(fit.coefficients, fit.used) is not None), None)


def _told(candidate: Candidate, fit: Fit, rng: np.random.Generator, unlike: str) -> Iterator[Diagnosis]:
    """The mistakes of a fit by their codes, then what has no code in one remark."""
    codes, remarks = list(fit.hypothesis.codes), [fit.remark]
    explanations = alternatives(fit.coefficients, fit.used)
    if explanations:
        common = set.intersection(*(set(explanation.codes) for explanation in explanations))
        codes += [code for code in explanations[0].codes if code in common]
        remarks.append(_either([[c for c in e.codes if c not in common] for e in explanations]))
    else:
        more, remark = _unnamed(candidate, fit, rng)
        codes += more
        remarks.append(remark)
    for code in dict.fromkeys(codes):
        yield name(code, f"with {fit.hypothesis.name}, the gradient is {fit.formula}.{unlike}")
    if any(remarks):
        yield Diagnosis("unknown-gradient", " ".join(filter(None, remarks)) + unlike)


def _either(codes: list[list[str]]) -> str:
    """Say which mistakes cannot be told from each other, where there are any."""
    if len(codes) == 1:
        return ""
    told = " Or it is ".join(" and ".join(f"{c} ({CODES[c].remedy})" for c in each) for each in codes)
    return f"Two mistakes come to the same gradient here. It is {told}"


def _unnamed(candidate: Candidate, fit: Fit, rng: np.random.Generator) -> tuple[tuple[str, ...], str]:
    """Codes and a remark on coefficients that no mistakes lead to."""
    seen = f"Your gradient is {fit.formula}, with {fit.hypothesis.name}; {PAPER}"
    multiple = scaled(fit.coefficients, fit.used)
    if multiple is not None:
        explanation, factors = multiple
        whose = "Straight-Through's" if explanation.codes else "the right one"
        times = _times(candidate, factors, rng)
        return explanation.codes, (
            f"{seen}: it is {whose} times {times}. Look for a factor, a mean or a sum in the backward pass."
        )
    weight = _weight(fit.coefficients)
    if weight is not None:
        return (), f"{seen}: line 3 weighs D with {weight:.3g} and p_τ with {1 - weight:.3g}; both weigh ½."
    return (), f"{seen}: {_advice(fit)}."


def _times(candidate: Candidate, factors: dict[float, float], rng: np.random.Generator) -> str:
    """The factor in words; whether it is the number of classes is seen with another number of them."""
    factor, K = next(iter(factors.values())), candidate.classes
    fewer = K - 2
    constant = "τ" not in (law(factors) or "τ")
    if constant and fewer > 1 and candidate.takes(fewer):
        columns = hard_columns(candidate, 1.0, rng, call=Call(classes=fewer)).distinct()
        for fit in fit_all([columns], binary=False):
            found = scaled(fit.coefficients, fit.used)
            ratio = factor / found[1][1.0] if found else 1.0
            if abs(ratio - K / fewer) < CLOSE:
                return f"{_prefix(factor / K)}K, where K is the number of classes"
            if abs(ratio - fewer / K) < CLOSE:
                return f"{factor * K:.3g}/K, where K is the number of classes"
    return listed(factors)


def _prefix(factor: float) -> str:
    return "" if abs(factor - 1) < CLOSE else f"{factor:.3g}·"


def _weight(coefficients: dict[float, Triple]) -> float | None:
    """The weight w of D in q = (1 − w)p_τ + wD, where that is what the coefficients come to.

    2·J(q)g is then 8w(1 − w)·J(½(p_τ + D))g + 2(1 − w)(1 − 2w)·J(p_τ)g.
    """
    weights = {}
    for tau, (a, b, c) in coefficients.items():
        rest = b + 0.5 if tau == 1 else c
        if abs(a) < CLOSE or (tau != 1 and abs(b + 0.5) > CLOSE):
            return None
        w = 1 / (4 * rest / a + 2)
        if not 0 < w < 1 or abs(a - 8 * w * (1 - w)) > CLOSE:
            return None
        weights[tau] = w
    return next(iter(weights.values())) if max(weights.values()) - min(weights.values()) < CLOSE else None


def _advice(fit: Fit) -> str:
    wrong = {tau: _wrong(triple) for tau, triple in sorted(fit.coefficients.items()) if _wrong(triple)}
    if not wrong:
        return "look at what stands for q"
    tau, told = wrong.popitem()
    if abs(fit.coefficients[tau][0]) < CLOSE:
        told = "the sample does not enter it; put D into q, line 3"
    return f"at τ = {tau:g} {told}" if ";" in fit.formula else told


def _wrong(triple: Triple) -> str:
    """Which coefficients are not the paper's."""
    return ", ".join(
        f"the coefficient of {term} is {x:.3g} and should be {right:g}"
        for term, x, right in zip(TERMS, (round(x, 6) + 0.0 for x in triple), (2.0, -0.5, 0.0), strict=True)
        if abs(x - right) > CLOSE
    )


def _unfitted(distinct: list[Columns]) -> str:
    found = describe_rounding(distinct) or describe_linear_map(distinct) or describe_products(distinct[-1])
    return found or (
        "No combination of the terms J(q)g, J(p)g and J(p_τ)g is your gradient, with any probabilities that "
        f"were tried; {PAPER}, where J(v)g = v∘g − v⟨v, g⟩. At τ = {distinct[-1].tau:g} yours is off that by "
        f"{_off(distinct[-1]):.2g} of its norm. Compare the backward pass with it term by term."
    )


def _off(columns: Columns) -> float:
    right = reinmax_gradient(columns.logits, columns.tau, columns.onehot, columns.basis, 0 * columns.basis)
    return float(
        np.linalg.norm((columns.gradient - right).astype(float)) / np.linalg.norm(right.astype(float))
    )
