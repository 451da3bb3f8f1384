"""The soft output, and the gradient through it."""

from collections.abc import Iterator

import numpy as np

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import name
from verify.conformance.diagnosis.coupling import is_linear
from verify.conformance.diagnosis.observations import bound, hard_columns, soft_columns
from verify.conformance.diagnosis.probabilities import describe_probabilities, distributions
from verify.conformance.inputs import new_seed
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax, softmax_vjp
from verify.oracle.tolerances import probability_tolerance
from verify.typing import Array

__all__ = ["diagnose_soft", "diagnose_soft_cotangent"]


def diagnose_soft(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name what the soft output is, where it is not softmax(θ)."""
    if not candidate.has_soft:
        return
    logits = rng.standard_normal((3, 4, candidate.classes))
    logits = logits if candidate.rank != 1 else logits.reshape(-1, candidate.classes)
    for tau in (1.0, 2.0) if candidate.has_tau else (1.0,):
        try:
            seen = candidate.observe(logits, tau, seed=new_seed(rng))
        except Exception:  # noqa: BLE001  (then it takes one batch axis only)
            logits = logits.reshape(-1, candidate.classes)
            seen = candidate.observe(logits, tau, seed=new_seed(rng))
        assert seen.soft is not None  # noqa: S101  (has_soft)
        close = probability_tolerance("float32", logits)
        if np.abs(seen.soft - softmax(logits)).max() <= close:
            continue
        again = candidate.observe(logits, tau, seed=new_seed(rng)).soft
        if np.array_equal(seen.soft, seen.hard):
            yield _unknown("is the sample itself", tau)
        elif not np.array_equal(seen.soft, again):  # type: ignore[arg-type]
            yield _unknown(
                "changes from call to call with the same logits, as by noise or dropout on them", tau
            )
        else:
            yield _named(logits, tau, seen.soft, close)
        return


def _named(logits: Array, tau: float, seen: Array, close: float) -> Diagnosis:
    for axis in range(logits.ndim - 1):
        other = np.moveaxis(softmax(np.moveaxis(logits, axis, -1)), -1, axis)
        if np.abs(seen - other).max() <= close:
            return name("wrong-axis", f"the soft output is a softmax over axis {axis}.")
    for formula, (p, codes) in distributions(logits, tau).items():
        if np.abs(seen - p).max() <= close:
            for code in ("probabilities-as-logits", "inverted-tau"):
                if code in codes:
                    return name(code, f"the soft output is {formula} at τ = {tau:g}.")
            return _unknown(f"is {formula}", tau)
    what = describe_probabilities(logits, seen)
    off = f"is off softmax(θ) by {np.abs(seen - softmax(logits)).max():.2g}"
    return _unknown(off if what is None else f"is {what}", tau)


def _unknown(what: str, tau: float) -> Diagnosis:
    return Diagnosis(
        "unknown-soft-output",
        f"At τ = {tau:g} the soft output {what}. Line 1 of Algorithm 2 is π₀ = softmax(θ), of the logits as "
        "they come, and no temperature changes it.",
    )


def diagnose_soft_cotangent(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name a gradient through the soft output that is not J(p)h."""
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
