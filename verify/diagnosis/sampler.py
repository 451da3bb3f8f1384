"""The sampler and the soft output, fitted against the distributions that mistakes lead to."""

from collections.abc import Iterator

import numpy as np
from scipy import optimize, stats

from verify.candidate import Candidate
from verify.checks.comparison import new_seed
from verify.checks.sampler import Trial, deviance, trials
from verify.definition import softmax
from verify.diagnosis.mistakes import name
from verify.frameworks import Array
from verify.report import Diagnosis
from verify.tolerances import probability_tolerance

__all__ = ["diagnose_sampler", "diagnose_soft", "distributions"]

#: A sampler is taken for a distribution that fits it at this level.
LEVEL = 1e-4


def distributions(logits: Array, tau: float) -> dict[str, tuple[Array, tuple[str, ...]]]:
    """The distributions that a sampler may have instead, with the codes of the mistakes.

    Parameters
    ----------
    logits : array, shape (..., K)
    tau : float

    Returns
    -------
    dict from formula to (probabilities, codes)
        The right one first; those that are the same at τ = 1 are left out there.
    """
    p, doubled = softmax(logits), "probabilities-as-logits"
    found: dict[str, tuple[Array, tuple[str, ...]]] = {
        "softmax(θ)": (p, ()),
        "argmax θ": (np.eye(logits.shape[-1])[logits.argmax(axis=-1)], ("argmax-sampler",)),
        "softmax(softmax(θ))": (softmax(p), (doubled,)),
    }
    if tau != 1:
        found |= {
            "softmax(θ/τ)": (softmax(logits, tau), ("tempered-sampler",)),
            "softmax(θ·τ)": (softmax(logits * tau), ("tempered-sampler", "inverted-tau")),
            "softmax(softmax(θ/τ))": (softmax(softmax(logits, tau)), ("tempered-sampler", doubled)),
            "softmax(softmax(θ)/τ)": (softmax(p, tau), ("tempered-sampler", doubled)),
        }
    return found


def diagnose_sampler(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name what the sampler draws from, where it is not softmax(θ)."""
    for trial in trials(candidate):
        try:
            counts = trial.counts(candidate, rng)
        except Exception:  # noqa: BLE001, S112  (a shape that is refused is left out by the check too)
            continue
        found = list(_name_sampler(trial, counts))
        yield from found
        if found:
            return  # what is wrong in one trial is not named again in another


def _name_sampler(trial: Trial, counts: Array) -> Iterator[Diagnosis]:
    known = distributions(trial.rows, trial.tau)
    fits = [formula for formula, (p, _) in known.items() if _fits(counts, p.astype(float), trial.n)]
    if not fits:
        yield Diagnosis("unknown-sampler", _describe(counts, trial))
        return
    for code in known[fits[0]][1]:
        yield name(code, f"in {trial} the sampler draws from {fits[0]}.")


def _fits(counts: Array, p: Array, n: int) -> bool:
    """Whether the draws may come from p; the classes without mass are left out of the statistic."""
    if counts[p == 0].any():
        return False
    statistic, freedom = deviance(counts, n * p)
    return statistic <= (stats.chi2.isf(LEVEL, freedom) if freedom else 0.5)


def _describe(counts: Array, trial: Trial) -> str:
    """Say how often the classes come, and the tempered softmax that comes nearest."""

    def loss(log_scale: float) -> float:
        return -float((counts * np.log(softmax(trial.rows * np.exp(log_scale)).astype(float))).sum())

    best = float(np.exp(optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))
    at = (0, 0, slice(0, 5))
    frequencies, expected = (", ".join(f"{x:.3f}" for x in r[at]) for r in (counts / trial.n, trial.p))
    more = ", …" if trial.p.shape[-1] > 5 else ""
    uniform = _fits(counts, np.full(counts.shape, 1 / counts.shape[-1]), trial.n)
    nearest = "uniform draws" if uniform else f"softmax({best:.2f}·θ)"
    return (
        f"The sampler draws from no known distribution: in {trial} the classes appear at "
        f"({frequencies}{more}) where softmax(θ) is ({expected}{more}); nearest is {nearest}. Line 2 of "
        "Algorithm 2 is D ~ softmax(θ)."
    )


def diagnose_soft(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name what the soft output is, where it is not softmax(θ)."""
    if not candidate.has_soft:
        return
    logits = rng.standard_normal((3, 4, candidate.classes))
    logits = logits if candidate.rank != 1 else logits.reshape(-1, candidate.classes)
    for tau in (1.0, 2.0) if candidate.has_tau else (1.0,):
        try:
            seen = candidate.observe(logits, tau, seed=new_seed(rng)).soft
        except Exception:  # noqa: BLE001  (then it takes one batch axis only)
            logits = logits.reshape(-1, candidate.classes)
            seen = candidate.observe(logits, tau, seed=new_seed(rng)).soft
        assert seen is not None  # noqa: S101  (has_soft)
        bound = probability_tolerance("float32", logits)
        if np.abs(seen - softmax(logits)).max() <= bound:
            continue
        yield _name_soft(logits, tau, seen, bound)
        return


def _name_soft(logits: Array, tau: float, seen: Array, bound: float) -> Diagnosis:
    for axis in range(logits.ndim - 1):
        other = np.moveaxis(softmax(np.moveaxis(logits, axis, -1)), -1, axis)
        if np.abs(seen - other).max() <= bound:
            return name("wrong-axis", f"the soft output is a softmax over axis {axis}.")
    for formula, (p, codes) in distributions(logits, tau).items():
        if np.abs(seen - p).max() <= bound:
            for code in ("probabilities-as-logits", "inverted-tau"):
                if code in codes:
                    return name(code, f"the soft output is {formula} at τ = {tau:g}.")
            return _unknown_soft(f"is {formula}", tau)
    return _unknown_soft(f"is off softmax(θ) by {np.abs(seen - softmax(logits)).max():.2g}", tau)


def _unknown_soft(what: str, tau: float) -> Diagnosis:
    return Diagnosis(
        "unknown-soft-output",
        f"The soft output {what} at τ = {tau:g}. Line 1 of Algorithm 2 is π₀ = softmax(θ), which no "
        "temperature changes.",
    )
