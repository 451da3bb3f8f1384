"""The dtypes that an implementation supports; one that it does not is reported as that."""

import numpy as np
from scipy import stats

from verify.candidate import Candidate
from verify.conformance.draws import Trial, sizes
from verify.conformance.error_rates import deviance, level
from verify.conformance.inputs import FEW, brief, compare_at, forward, new_seed, representable, summarize
from verify.conformance.report import Outcome
from verify.oracle.definitions import softmax
from verify.oracle.tolerances import EPS, probability_tolerance

__all__ = ["check_dtype"]

#: How far a sampler may be off, as the root of Σ (r − p)²/p, in units of the dtype's rounding.
GRANTED = 8


def check_dtype(candidate: Candidate, rng: np.random.Generator, *, dtype: str) -> Outcome:
    """The sample, the probabilities and the gradient are right as far as the dtype goes.

    The cotangents have no large mean here: what rounding costs grows with it,
    and would hide a wrong gradient in a short dtype.
    """
    try:
        candidate.framework.array([0.0], dtype)
    except TypeError as reason:
        return Outcome("skip", str(reason))
    shape = (FEW, candidate.classes)
    logits = representable(rng.uniform(-1.5, 1.5, shape), dtype)
    try:
        seen = forward(candidate, logits, seed=new_seed(rng), dtype=dtype)
    except Exception as reason:  # noqa: BLE001  (a foreign implementation may raise anything)
        return Outcome("fail", f"{dtype} is not supported: {brief(reason)}")
    off = float(np.abs(seen.hard - np.eye(shape[-1])[seen.hard.argmax(axis=-1)]).max())
    if not off <= 4 * EPS[dtype]:
        return Outcome("fail", f"in {dtype} the sample is off one-hot by {off:.2g}")
    if seen.soft is not None:
        off = float(np.abs(seen.soft - softmax(logits)).max())
        if not off <= probability_tolerance(dtype, logits):
            return Outcome("fail", f"in {dtype} the soft output is off softmax(θ) by {off:.2g}")
    outcome = _sampler(candidate, rng, dtype) or _gradients(candidate, rng, logits, dtype)
    if outcome.status == "pass" and seen.dtype != dtype:
        return Outcome("fail", f"the sample is {seen.dtype} for {dtype} logits")
    return outcome


def _sampler(candidate: Candidate, rng: np.random.Generator, dtype: str) -> Outcome | None:
    """The fault of a sampler that draws from something else in this dtype; None where there is none.

    An honest sampler's distribution is as far off as its random numbers and
    its probabilities are rounded, so that much is granted.
    """
    if candidate.convention.injected is not None:
        return None
    row, size = representable(np.linspace(1.5, -1.5, candidate.classes), dtype), sizes(candidate)
    trial = Trial(row[None, None], 1.0, min(candidate.rank, 2), size.rare, size.at_once, dtype)
    counts, p, n = trial.counts(candidate, rng)[0, 0], trial.p[0, 0], trial.n
    statistic, freedom = deviance(counts, n * p)
    granted = n * (GRANTED * EPS[dtype]) ** 2
    threshold = float(stats.ncx2.isf(level(dtype, 1), freedom, granted))
    if statistic <= threshold:
        return None
    seen, expected = (", ".join(f"{x:.3f}" for x in r) for r in (counts / n, p))
    detail = f"in {dtype} the classes appear at ({seen}), softmax(θ) is ({expected})"
    return Outcome("fail", detail, statistic, threshold)


def _gradients(candidate: Candidate, rng: np.random.Generator, logits: np.ndarray, dtype: str) -> Outcome:
    comparisons = []
    for tau in (1.0, 1.5) if candidate.has_tau else (1.0,):
        g = rng.standard_normal(logits.shape)
        h = rng.standard_normal(logits.shape) if candidate.has_soft else None
        comparisons.append(compare_at(candidate, logits, tau, g, h, seed=new_seed(rng), dtype=dtype))
    return summarize(comparisons, f"the gradient in {dtype}")
