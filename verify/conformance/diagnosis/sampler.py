"""The sampler, fitted against the distributions that mistakes lead to."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import optimize, special, stats

from verify.candidate import Candidate
from verify.conformance.diagnosis.catalogue import name
from verify.conformance.diagnosis.describe import told_order
from verify.conformance.diagnosis.probabilities import distributions
from verify.conformance.draws import Trial, trials
from verify.conformance.error_rates import deviance
from verify.conformance.inputs import new_seed
from verify.conformance.report import Diagnosis
from verify.oracle.definitions import softmax
from verify.typing import Array

__all__ = ["diagnose_sampler", "fits"]

#: A sampler is taken for a distribution that fits it at this level.
LEVEL = 1e-4

#: All subsets of so many classes are summed over at most.
SUBSETS = 10


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
        found = _known(trial, counts)
        if found is None:
            other = _other(candidate, trial, counts, rng)
            if codes <= {other.code}:
                yield other
            return
        here = {diagnosis.code for diagnosis in found}
        if found and codes <= here:
            yield from found
            done.add(trial.tau)
            codes |= here


def _known(trial: Trial, counts: Array) -> list[Diagnosis] | None:
    """The mistakes of the first distribution that fits; None where none of the known ones does."""
    for formula, (p, codes) in distributions(trial.rows, trial.tau).items():
        if fits(counts, p.astype(float), trial.n):
            return [name(code, f"in {trial} the sampler draws from {formula}.") for code in codes]
    return None


def _other(candidate: Candidate, trial: Trial, counts: Array, rng: np.random.Generator) -> Diagnosis:
    """What the sampler draws from where it is no known distribution of θ and τ."""
    told = next((text for text, p in _plain(trial, counts) if fits(counts, p.astype(float), trial.n)), None)
    told = told or _scaled(candidate, trial, counts, rng)
    inner = None if told else _nearest(counts, trial, lambda s: softmax(s * softmax(trial.rows)))
    if inner is None:
        told = told or "the distribution is none of those that mistakes are known to lead to."
        return Diagnosis("unknown-sampler", f"{_seen(counts, trial)}: {told}")
    rounded = (float(f"{1 / inner:.{digits}g}") for digits in (1, 2))
    doubled = softmax(trial.rows)
    t = next((t for t in rounded if fits(counts, softmax(doubled, t).astype(float), trial.n)), 1 / inner)
    where = f"in {trial} the sampler draws from softmax(softmax(θ)/t) with t near {t:.3g}."
    return name("probabilities-as-logits", where)


def fits(counts: Array, p: Array, n: int) -> bool:
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


def _scaled(candidate: Candidate, trial: Trial, counts: Array, rng: np.random.Generator) -> str | None:
    """Say whether the draws come from the soft output or from a tempered softmax."""
    if candidate.has_soft:
        soft = candidate.observe(trial.rows, trial.tau, seed=new_seed(rng)).soft
        if soft is not None and fits(counts, soft.astype(float), trial.n):
            return "it draws from the soft output, which is not softmax(θ) itself."
    scale = _nearest(counts, trial, lambda s: softmax(s * trial.rows))
    if scale is None:
        return None
    p, theta = softmax(scale * trial.rows).astype(float), trial.rows
    information = trial.n * ((p * theta**2).sum() - ((p * theta).sum(axis=-1) ** 2).sum())
    error = f"{information**-0.5:.1g}"
    return f"it draws from softmax({scale:.2f}·θ), where the factor has a standard error of {error}."


def _plain(trial: Trial, counts: Array) -> Iterator[tuple[str, Array]]:
    """What a sampler does instead, in words, and the probabilities of that."""
    K = counts.shape[-1]
    yield "every class is as likely as any other.", np.full(counts.shape, 1 / K)
    score = counts.reshape(-1, K).T @ np.log(trial.p.reshape(-1, K))
    order = optimize.linear_sum_assignment(-score)[1]
    yield f"it draws from softmax(θ) with its classes {told_order(order)}.", trial.p[..., order]
    yield "it draws from softmax(−θ): the sign of the logits is wrong.", softmax(-trial.rows)
    if K <= SUBSETS:
        wrong = "it is the largest of θ − G, Gumbel noise with the wrong sign. Take θ + G, G = −ln(−ln u)."
        yield wrong, _least_likely(trial.rows)


def _nearest(counts: Array, trial: Trial, make: Callable[[float], Array]) -> float | None:
    """The number whose distribution fits, where one does."""

    def loss(log: float) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            return -float(special.xlogy(counts, make(np.exp(log)).astype(float)).sum())

    best = float(np.exp(optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))
    return best if fits(counts, make(best).astype(float), trial.n) else None


def _least_likely(logits: Array) -> Array:
    """P(θ_i − G_i is the largest), G standard Gumbel, by inclusion and exclusion; shape (..., K)."""
    rates, K = np.exp(-(logits - logits.min(axis=-1, keepdims=True))), logits.shape[-1]
    found = np.zeros(logits.shape)
    for number in range(2**K):
        chosen = (number >> np.arange(K)) & 1 == 1
        total, sign = rates[..., chosen].sum(axis=-1, keepdims=True), (-1) ** int(chosen.sum())
        found += np.where(chosen, 0, sign * rates / (rates + total))
    return found
