"""The mistakes of straight-through estimators and of Gumbel-softmax, by name."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from verify.conformance.against.checks import Trial
from verify.conformance.against.families import Form
from verify.conformance.against.relaxed import Law, uniforms, weights
from verify.conformance.against.settled import Seen, Tempered, allowed
from verify.conformance.diagnosis.sampler import diagnose_sampler
from verify.conformance.report import CheckResult, Diagnosis
from verify.oracle.definitions import softmax
from verify.oracle.tables import softmax_jacobian
from verify.typing import Array

__all__ = ["EXPLAINED", "name_mistakes"]

#: What is wrong, and the remedy.
EXPLAINED = {
    "missing-inverse-tau": "The factor 1/τ of the gradient is missing. Differentiate through θ/τ.",
    "double-inverse-tau": "The gradient has the factor 1/τ twice. Differentiate through θ/τ once.",
    "double-gradient": "The gradient is twice what it should be. Let one path alone carry it to the logits.",
    "identity-backward": "The cotangent is handed to the logits as it is. Pull it back through the softmax.",
    "sign-flip": "The gradient has the opposite sign.",
    "severed-gradient": "No gradient reaches the logits. Look for a detach or a stop_gradient too many.",
    "inverted-tau": "The logits are multiplied by τ instead of divided.",
    "probabilities-as-logits": "Probabilities are used where logits belong, so a softmax is applied twice.",
    "argmax-sampler": "The sample is the most likely class instead of a draw.",
    "tempered-sampler": "The sample is drawn from softmax(θ/τ). Draw from the logits before dividing by τ.",
    "soft-value-returned": "Probabilities are returned in place of the sample. Return D + y − sg(y).",
    "unmatched-noise": "Sample and gradient have noise of their own. Take D = argmax y of the same y.",
    "no-noise": "The gradient has no noise: y is the same for every draw. Add Gumbel noise to the logits.",
    "noise-sign": "The noise has the opposite sign. Gumbel noise is −ln(−ln u), and is added to the logits.",
    "tau-on-logits-only": "The temperature divides the logits, but not the noise. Divide (θ + G) by τ.",
    "eps-in-logarithms": "A number inside of the logarithms cuts the noise off. Draw −ln E, E ~ Exp(1).",
}

#: A law is taken for another that fits it at this level.
LEVEL = 1e-3

Wrong = Callable[[Array, float, Array], Array]


def name_mistakes(
    trial: Trial, results: tuple[CheckResult, ...], rng: np.random.Generator
) -> tuple[Diagnosis, ...]:
    """Name what is wrong with a candidate that failed; nothing where no hypothesis holds."""
    failed = {r.name for r in results if r.status in {"fail", "error"}}
    found: dict[str, Diagnosis] = {}
    for code, evidence in _mistakes(trial, failed, rng):
        found.setdefault(code, Diagnosis(code, f"{EXPLAINED[code]} Evidence: {evidence}."))
    return tuple(found.values())


def _mistakes(trial: Trial, failed: set[str], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    seen = [s for tau in trial.taus for s in trial.look(tau, rng) if s.found is not None]
    if not seen:
        return
    if "one-hot" in failed:
        if all(_probabilities(s) for s in seen):
            yield "soft-value-returned", "the rows hold probabilities that sum to 1"
        return
    still = False
    if any(name.startswith(("structure", "noise")) for name in failed):
        for code, evidence in _relaxed(trial, seen, rng):
            still |= code == "no-noise"
            yield code, evidence
    if "sampler" in failed and not still:
        yield from _sampler(trial, rng)
    if any(name.startswith("backward") for name in failed):
        yield from _matrix(trial, seen)


def _probabilities(seen: Seen) -> bool:
    assert seen.found is not None  # noqa: S101  (chosen so)
    hard = seen.found.hard
    return bool((hard >= 0).all() and np.allclose(hard.sum(axis=-1), 1, atol=1e-4))


def _sampler(trial: Trial, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    candidate = trial.candidate
    if trial.judged.forward_tau != 1:
        fields = {name: getattr(candidate, name) for name in type(candidate).__dataclass_fields__}
        candidate = Tempered(**fields, inner=candidate, scale=trial.judged.forward_tau)
    for diagnosis in diagnose_sampler(candidate, rng):
        if diagnosis.code in EXPLAINED:
            yield diagnosis.code, diagnosis.explanation.partition("Evidence: ")[2].rstrip(".")


def _zero(logits: Array, tau: float, index: Array) -> Array:
    del tau, index
    return np.zeros((*logits.shape, logits.shape[-1]))


def _identity(logits: Array, tau: float, index: Array) -> Array:
    return _zero(logits, tau, index) + np.eye(logits.shape[-1])


#: What an estimator without a table may be mistaken for.
BLIND = (("severed-gradient", "0", _zero), ("identity-backward", "the identity", _identity))


def _hypotheses(form: Form) -> Iterator[tuple[str, str, Wrong]]:
    """Code, what M is then, and M."""
    table = form.table
    yield from BLIND
    if "1/τ" in form.says:
        yield "missing-inverse-tau", f"τ times {form.says}", lambda x, t, d: t * table(x, t, d)
        yield "double-inverse-tau", f"1/τ times {form.says}", lambda x, t, d: table(x, t, d) / t
    yield "double-gradient", f"twice {form.says}", lambda x, t, d: 2 * table(x, t, d)
    yield "sign-flip", f"minus {form.says}", lambda x, t, d: -table(x, t, d)
    yield "inverted-tau", f"{form.says} at 1/τ", lambda x, t, d: table(x, 1 / t, d)
    yield "probabilities-as-logits", f"{form.says} of softmax(θ)", lambda x, t, d: _chained(form, x, t, d)


def _chained(form: Form, logits: Array, tau: float, index: Array) -> Array:
    p = softmax(logits)
    return np.asarray(form.table(p, tau, index) @ softmax_jacobian(p))


def _matrix(trial: Trial, seen: list[Seen]) -> Iterator[tuple[str, str]]:
    for form in trial.judged.forms:
        for code, says, table in _hypotheses(form):
            if all(_holds(trial, s, table) for s in seen):
                yield code, f"in {len(seen)} calls M is {says}"
                return


def _holds(trial: Trial, seen: Seen, table: Wrong) -> bool:
    assert seen.found is not None  # noqa: S101  (chosen so)
    exact = table(seen.case.logits, seen.case.tau, seen.found.index)
    off = np.abs(seen.found.matrix - exact).max(initial=0.0)
    return bool(off <= allowed(trial.candidate, trial.judged, seen.case, exact)[1])


def _relaxed(trial: Trial, seen: list[Seen], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    for code, says, table in BLIND:
        if all(_holds(trial, s, table) for s in seen):
            yield code, f"in {len(seen)} calls M is {says}"
            return
    laws = [trial.law(tau, rng) for tau in trial.taus]
    if not all(np.isfinite(law.y).all() for law in laws):
        return
    yield from _factor(laws)
    if all(float(np.ptp(law.y, axis=0).max()) < 1e-6 for law in laws):
        yield "no-noise", f"in {len(laws[0].index)} draws y is the same"
        return
    unmatched = max(law.unmatched for law in laws)
    if unmatched > 0:
        yield "unmatched-noise", f"D is not argmax y in {unmatched:.0%} of the draws"
        return
    yield from _noise(laws, rng)


def _factor(laws: list[Law]) -> Iterator[tuple[str, str]]:
    known: dict[str, Callable[[float], float]] = {
        "missing-inverse-tau": lambda _: 1.0,
        "double-inverse-tau": lambda tau: 1 / tau**2,
        "double-gradient": lambda tau: 2 / tau,
        "sign-flip": lambda tau: -1 / tau,
    }
    if all(np.allclose(law.factor, 1 / law.tau, rtol=1e-3) for law in laws):
        return
    for code, factor in known.items():
        if all(np.allclose(law.factor, factor(law.tau), rtol=1e-3) for law in laws):
            yield (
                code,
                "M is diag(y) − yyᵀ times "
                + ", ".join(f"{law.factor.mean():.3g} at τ = {law.tau:g}" for law in laws),
            )


def _noise(laws: list[Law], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    if all(_uniform(law) for law in laws):
        return
    if all(_uniform(replace(law, logits=law.logits / law.tau, tau=1.0)) for law in laws):
        yield "tau-on-logits-only", "the law of y is that of softmax(θ/τ + G)"
        return
    if all(_like(law, lambda u: np.log(-np.log(u)), rng) for law in laws):
        yield "noise-sign", "the law of y is that of softmax((θ − G)/τ)"
        return
    for eps in (0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01):
        if all(_like(law, partial(_cut_off, eps=eps), rng) for law in laws):
            yield "eps-in-logarithms", f"the law of y is that of noise −ln(−ln(u + {eps:g}) + {eps:g})"
            return


def _cut_off(u: Any, eps: float) -> Array:
    return np.asarray(-np.log(-np.log(u + eps) + eps))


def _uniform(law: Law) -> bool:
    found = law.tests()
    return bool(min(p for _, p, _ in found) > LEVEL / len(found))


def _like(law: Law, noise: Callable[[Any], Any], rng: np.random.Generator) -> bool:
    """Whether the noise recovered is like that of draws with another noise, made here."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x = law.logits + noise(rng.random(law.y.shape))
    kept = np.isfinite(x).all(axis=-1)
    y = softmax(x[kept], law.tau).astype(float)
    made = uniforms(weights(y, softmax(law.logits).astype(float), law.tau))
    pairs = zip(law.uniforms.T, made.T, strict=True)
    return bool(min(stats.ks_2samp(a, b).pvalue for a, b in pairs) > LEVEL / made.shape[1])
