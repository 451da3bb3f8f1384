"""The float64 gradient against a 50-digit evaluation of the paper's definition."""

from dataclasses import dataclass

import mpmath
import numpy as np
import pytest

from reinmax_ref import algebra, reinmax

CASES = 2000
EPS = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Case:
    logits: np.ndarray
    tau: float
    index: int
    g: np.ndarray
    h: np.ndarray


def hard_case(rng):
    """One to a thousand classes, logits up to 1e4, τ from 0.1 to 100, cotangents with means up to 1e6."""
    classes = int(np.exp(rng.uniform(0, np.log(1000.5))))
    logits = rng.standard_normal(classes) * 10 ** rng.uniform(0, 4) + rng.normal() * 10 ** rng.uniform(0, 4)
    tau = 10 ** rng.uniform(-1, 2) if rng.random() < 0.8 else 1.0
    g, h = (rng.standard_normal(classes) + rng.normal() * 10 ** rng.uniform(0, 6) for _ in range(2))
    # half of the samples are the likely ones, half any class at all
    p = np.exp(logits - logits.max())
    index = rng.choice(classes, p=p / p.sum()) if rng.random() < 0.5 else rng.integers(classes)
    return Case(logits, float(tau), int(index), g, h)


def exact_softmax(logits, tau):
    scaled = [mpmath.mpf(x) / mpmath.mpf(tau) for x in logits]
    top = max(scaled)
    e = [mpmath.exp(x - top) for x in scaled]
    total = mpmath.fsum(e)
    return [x / total for x in e]


def softmax_vjp(q, v):
    mean = mpmath.fdot(q, v)
    return [a * (b - mean) for a, b in zip(q, v, strict=True)]


def paper_definition(case):
    """2 J((p_τ + D)/2) g − ½ J(p) g + J(p) h in 50 digits, as the paper has it, unsimplified."""
    with mpmath.workdps(50):
        p, p_tau = exact_softmax(case.logits, 1.0), exact_softmax(case.logits, case.tau)
        q = [(x + (k == case.index)) / 2 for k, x in enumerate(p_tau)]
        g, h = [mpmath.mpf(x) for x in case.g], [mpmath.mpf(x) for x in case.h]
        terms = zip(
            softmax_vjp(q, g),
            softmax_vjp(p, g),
            softmax_vjp(p, h),
            strict=True,
        )
        return [2 * a - b / 2 + c for a, b, c in terms]


def error_in_bounds(gradient, case, exact):
    """The largest error, as a fraction of 4 · eps · max(|g|, |h|)."""
    with mpmath.workdps(50):
        error = max(abs(mpmath.mpf(x) - y) for x, y in zip(gradient, exact, strict=True))
    return float(error) / (4 * EPS * max(np.abs(case.g).max(), np.abs(case.h).max()))


@pytest.mark.slow
def test_gradient_is_within_4_eps_of_the_definition():
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(CASES):
        case = hard_case(rng)
        gradient = reinmax(case.logits, case.tau, index=case.index).vjp(case.g, case.h)
        worst = max(worst, error_in_bounds(gradient, case, paper_definition(case)))
    assert worst <= 1.0


def test_a_softmax_without_its_shift_would_be_caught():
    """The planted fault: θ/τ is rounded before the largest logit is subtracted."""
    rng = np.random.default_rng(1)
    logits, g, h = rng.standard_normal((3, 30))
    case = Case(logits + 1e4, 0.3, 7, g, h)
    p, p_tau = (np.exp(x - x.max()) for x in (case.logits, case.logits / case.tau))
    wrong = algebra.reinmax_vjp(p / p.sum(), p_tau / p_tau.sum(), np.eye(30)[7], g, h)
    right = reinmax(case.logits, case.tau, index=7).vjp(g, h)
    exact = paper_definition(case)
    assert error_in_bounds(right, case, exact) <= 1.0
    assert error_in_bounds(wrong, case, exact) > 100.0
