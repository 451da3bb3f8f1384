"""The gradient through the sample: what it is made of, where it is not the paper's."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.carried import describe_carried
from verify.conformance.diagnosis.evidence import Columns, hard_columns, is_steady, spread
from verify.conformance.diagnosis.families import FAMILIES
from verify.conformance.diagnosis.fits import TERMS, Fit, fit_family, fit_worlds
from verify.conformance.diagnosis.interpretation import CLOSE, Triple, alternatives, interpret, scaled
from verify.conformance.diagnosis.laws import law, listed
from verify.conformance.diagnosis.mistakes import CODES, name
from verify.conformance.diagnosis.other_sample import diagnose_other_sample
from verify.conformance.diagnosis.parts import describe_parts
from verify.conformance.diagnosis.rounding import describe_rounding
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import reinmax_gradient

__all__ = ["diagnose_gradient"]

PAPER = "it should be 2·J(q)g − 0.5·J(p)g with q = (p_τ + D)/2, line 5 of Algorithm 2"


def diagnose_gradient(
    candidate: Candidate, all_columns: list[Columns], rng: np.random.Generator
) -> Iterator[Diagnosis]:
    """Name what the gradient through the sample is made of, where it is not the paper's.

    Parameters
    ----------
    candidate : Candidate
    all_columns : list of Columns
        Its gradients.
    rng : numpy Generator
    """
    if not all(np.isfinite(columns.gradient).all() for columns in all_columns):
        yield Diagnosis("unknown-gradient", "The gradient of ordinary logits is not finite.")
        return
    if not is_steady(all_columns):
        yield from _unsteady(all_columns)
        return
    distinct = [columns.distinct() for columns in all_columns]
    fits = list(fit_worlds(distinct, binary=candidate.convention.binary))
    best = _most_plausible(fits) or next(iter(fits), None)
    if best is None:
        other = list(diagnose_other_sample(distinct))
        if other:
            yield from other
            return
        found = (fit_family(distinct, family) for family in FAMILIES)
        searched = sorted((fit for fit in found if fit is not None), key=lambda fit: fit.residual)
        best = _most_plausible(searched) or next(iter(searched), None)
    if best is not None:
        yield from _told(candidate, best, rng)
    else:
        yield Diagnosis("unknown-gradient", _unfitted(distinct))


def _unsteady(all_columns: list[Columns]) -> Iterator[Diagnosis]:
    found = list(diagnose_other_sample(all_columns))
    if found:
        yield from found
        return
    few = all(spread(columns)[1] for columns in all_columns)
    yield name(
        "resampled-backward" if few else "noise-in-backward",
        "equal logits, samples and cotangents give "
        + ("one of a few gradients." if few else "another gradient every time."),
    )


def _most_plausible(fits: list[Fit]) -> Fit | None:
    """The first of those whose coefficients are those of named mistakes only."""
    return next((fit for fit in fits if interpret(fit.coefficients, fit.heats) is not None), None)


def _told(candidate: Candidate, fit: Fit, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """The mistakes of a fit by their codes, then what is of no class in one remark."""
    codes, remarks = list(fit.world.codes), [fit.remark]
    explanations = alternatives(fit.coefficients, fit.heats)
    if explanations:
        common = set.intersection(*(set(explanation.codes) for explanation in explanations))
        codes += [code for code in explanations[0].codes if code in common]
        remarks.append(_either([[c for c in e.codes if c not in common] for e in explanations]))
    else:
        more, remark = _unnamed(candidate, fit, rng)
        codes += more
        remarks.append(remark)
    for code in dict.fromkeys(codes):
        yield name(code, f"with {fit.world.name}, the gradient is {fit.formula}.")
    if any(remarks):
        yield Diagnosis("unknown-gradient", " ".join(filter(None, remarks)))


def _either(codes: list[list[str]]) -> str:
    """Say which mistakes cannot be told from each other, where there are any."""
    if len(codes) == 1:
        return ""
    told = " Or it is ".join(" and ".join(f"{c} ({CODES[c].mend})" for c in each) for each in codes)
    return f"Two mistakes come to the same gradient here. It is {told}"


def _unnamed(candidate: Candidate, fit: Fit, rng: np.random.Generator) -> tuple[tuple[str, ...], str]:
    """Codes and a remark on coefficients that no mistakes lead to."""
    seen = f"Your gradient is {fit.formula}, with {fit.world.name}; {PAPER}"
    multiple = scaled(fit.coefficients, fit.heats)
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
        columns = hard_columns(candidate, 1.0, rng, classes=fewer).distinct()
        for fit in fit_worlds([columns], binary=False):
            found = scaled(fit.coefficients, fit.heats)
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
    found = describe_rounding(distinct) or describe_carried(distinct) or describe_parts(distinct[-1])
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
