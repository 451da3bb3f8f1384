"""The sampler, fitted against the distributions that mistakes lead to."""

from collections.abc import Iterator

import numpy as np
from scipy import optimize, stats

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import CODES, name
from verify.conformance.diagnosis.probabilities import distributions
from verify.conformance.draws import Trial, trials
from verify.conformance.error_rates import deviance
from verify.conformance.inputs import new_seed
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["diagnose_sampler"]

#: A sampler is taken for a distribution that fits it at this level.
LEVEL = 1e-4


def diagnose_sampler(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name what the sampler draws from, where it is not softmax(θ).

    One trial that fails is enough at each temperature. What was named at one of
    them must hold at the others too: 2θ is θτ at τ = 2, and is described, not
    named.
    """
    done: set[float] = set()
    codes: set[str] = set()
    for trial in trials(candidate):
        if trial.tau in done:
            continue
        try:
            counts = trial.counts(candidate, rng)
        except Exception:  # noqa: BLE001, S112  (a shape that is refused is left out by the check too)
            continue
        found = list(_name_sampler(candidate, trial, counts, rng))
        here = {diagnosis.code for diagnosis in found}
        if found and codes <= here:
            yield from found
            done.add(trial.tau)
            codes |= here
        if here - CODES.keys():
            return


def _name_sampler(
    candidate: Candidate, trial: Trial, counts: Array, rng: np.random.Generator
) -> Iterator[Diagnosis]:
    known = distributions(trial.rows, trial.tau)
    fits = [formula for formula, (p, _) in known.items() if _fits(counts, p.astype(float), trial.n)]
    if not fits:
        yield Diagnosis(
            "unknown-sampler", f"{_seen(counts, trial)}: {_source(candidate, trial, counts, rng)}"
        )
        return
    for code in known[fits[0]][1]:
        yield name(code, f"in {trial} the sampler draws from {fits[0]}.")


def _fits(counts: Array, p: Array, n: int) -> bool:
    """Whether the draws may come from p; the classes without mass are left out of the statistic."""
    if counts[p == 0].any():
        return False
    statistic, freedom = deviance(counts, n * p)
    return statistic <= (stats.chi2.isf(LEVEL, freedom) if freedom else 0.5)


def _seen(counts: Array, trial: Trial) -> str:
    """Say how often the classes come."""
    at = (0, 0, slice(0, 5))
    frequencies, expected = (", ".join(f"{x:.3f}" for x in r[at]) for r in (counts / trial.n, trial.p))
    more = ", …" if trial.p.shape[-1] > 5 else ""
    return (
        "The sampler does not draw from softmax(θ), line 2 of Algorithm 2. In "
        f"{trial} the classes appear at ({frequencies}{more}), and softmax(θ) is ({expected}{more})"
    )


def _source(candidate: Candidate, trial: Trial, counts: Array, rng: np.random.Generator) -> str:
    """Say what the draws come from, or the tempered softmax that comes nearest."""

    def loss(log_scale: float) -> float:
        return -float((counts * np.log(softmax(trial.rows * np.exp(log_scale)).astype(float))).sum())

    best = float(np.exp(optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))
    if _fits(counts, np.full(counts.shape, 1 / counts.shape[-1]), trial.n):
        return "every class is as likely as any other."
    if candidate.has_soft:
        soft = candidate.observe(trial.rows, trial.tau, seed=new_seed(rng)).soft
        if soft is not None and _fits(counts, soft.astype(float), trial.n):
            return "it draws from the soft output, which is not softmax(θ) itself."
    if _fits(counts, softmax(trial.rows * best).astype(float), trial.n):
        return f"it draws from softmax({best:.2f}·θ)."
    return f"the distribution is no known one, and softmax({best:.2f}·θ) is nearest."
