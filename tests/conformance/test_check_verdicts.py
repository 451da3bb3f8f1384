"""Verdicts: right implementations conform, whatever could not run is never a pass."""

import numpy as np
import pytest
import reinmax as official
import torch
from scipy import special, stats

import verify
from reinmax_ref import reinmax, straight_through
from reinmax_ref.torch import reinmax as torch_reinmax
from tests.mutants import styles
from tests.mutants.forge import forge, inverse_cdf, softmax, softmax_vjp
from verify.candidate import wrap
from verify.conformance import check_candidate, conclude
from verify.conformance.checks import CHECKS, find, run
from verify.conformance.checks.sampler import TESTS
from verify.conformance.draws import BATCHED, SINGLE, rotations, trials
from verify.conformance.error_rates import (
    FALSE_ALARM,
    INEXACT,
    _groups,
    contingency,
    dependence,
    detectable,
    deviance,
    family_wise,
    level,
)
from verify.conformance.report import CheckResult, Outcome
from verify.oracle.tolerances import EPS, gradient_tolerance


@pytest.mark.parametrize("style", [s for s in styles() if s.framework != "jax"], ids=lambda s: s.name)
def test_right_implementations_conform_and_are_not_diagnosed(style):
    report = check_candidate(style.candidate())
    assert report.verdict == "conforms", str(report)
    assert report.diagnosis == ()
    assert abs(report.order - 2) < 0.05
    assert report.counts["due"] == report.counts["run"]
    warned = {c.name for c in report.checks if c.status == "warn"}
    assert "saturation" not in warned
    assert ("repeatability" in warned) == ("own source" in style.name)


def test_official_package_conforms_with_warnings():
    report = verify.check(official.reinmax)
    assert report.verdict == "conforms"
    warned = {c.name for c in report.checks if c.status == "warn"}
    assert warned == {"non-contiguous", "tau-validation"}
    assert verify.check(official.reinmax, strict=True).verdict == "deviates"


def test_strict_deviation_of_a_right_implementation_is_not_diagnosed():
    assert verify.check(official.reinmax, strict=True).diagnosis == ()


def test_straight_through_is_named():
    report = verify.check(straight_through)
    assert [d.code for d in report.diagnosis] == ["straight-through"]
    assert abs(report.order - 1) < 0.05


def test_every_check_has_a_name_of_its_own_and_a_claim():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(check.claim for check in CHECKS)
    with pytest.raises(ValueError, match="there is no check"):
        find("nonsense")


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (("pass", "warn", "skip"), "conforms"),
        (("pass", "fail", "error"), "deviates"),
        (("pass", "error"), "inconclusive"),
        (("pass", "inconclusive"), "inconclusive"),
        (("skip",), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_a_check_that_did_not_run_is_never_a_pass(statuses, verdict):
    assert conclude(tuple(CheckResult("x", status, "") for status in statuses)) == verdict


def test_robustness_checks_end_in_warnings():
    def failing(*_):
        return Outcome("fail", "")

    def raising(*_):
        raise RuntimeError("no")

    candidate = wrap(reinmax)
    for function in (failing, raising):
        kinds = {
            kind: run(type(CHECKS[0])("x", "", function, kind), candidate, np.random.default_rng(0)).status
            for kind in ("mathematical", "robustness")
        }
        assert kinds == {"mathematical": "fail" if function is failing else "error", "robustness": "warn"}


def test_an_implementation_that_raises_later_is_inconclusive():
    calls = []

    def op(logits, tau=1.0, rng=None):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("worn out")
        return forge()(logits, tau, rng)

    report = verify.check(op)
    assert report.verdict == "inconclusive"
    assert report.counts["run"] < report.counts["due"]


def test_false_alarms_of_one_run_sum_to_at_most_one_in_a_million():
    assert family_wise() <= 1e-6
    assert set(FALSE_ALARM) <= {check.name for check in CHECKS}


def scale_at(distance):
    """The factor of the logits that moves the softmax by that much, as the mean of Σ (r − p)²/p."""
    row, scales = np.linspace(1.5, -1.5, 5), np.linspace(1, 1.5, 5001)
    p = softmax(row)
    away = ((softmax(np.outer(scales, row)) - p) ** 2 / p).sum(axis=1)
    return scales[np.argmax(away >= distance)]


@pytest.mark.parametrize(
    ("where", "draws"),
    [
        (lambda t, tau: t.ndim == 2 and tau == 1, 6 * BATCHED.common),
        (lambda t, tau: t.ndim == 3 and tau == 2, 6 * BATCHED.other),
        (lambda *_: True, 6 * (BATCHED.common + 5 * BATCHED.other)),
    ],
    ids=["common", "other", "all together"],
)
def test_sampler_sees_what_it_says_it_is_sure_to_see(where, draws):
    """A deviation of the stated size is found in every one of twenty runs, wherever it is."""
    scale = scale_at(detectable(level("sampler", 9), 6 * (5 - 1), draws))
    wrong = forge(sampler=lambda t, tau, r: inverse_cdf(scale * t if where(t, tau) else t, 1, r))
    candidate = wrap(wrong)
    sampler = find("sampler")
    assert {run(sampler, candidate, np.random.default_rng(seed)).status for seed in range(20)} == {"fail"}


def test_tolerance_grows_with_the_dtype_the_logits_and_the_cotangent():
    logits, g = np.ones(3), np.ones(3)
    by_dtype = [gradient_tolerance(d, logits, 1.0, g) for d in EPS]
    assert by_dtype == sorted(by_dtype)
    assert gradient_tolerance("float64", 10 * logits, 1.0, g) > by_dtype[0]
    assert gradient_tolerance("float64", logits, 1.0, 10 * g) == 10 * by_dtype[0]


def test_level_divides_the_ledger_among_the_trials():
    planned = trials(wrap(reinmax))
    usual = [t for t in planned if t.rows is planned[0].rows]  # their draws are tested together as well
    assert {(3, 1.0), (2, 1.0), (3, 2.0), (2, 0.5), (4, 1.0), (5, 1.0)} <= {(t.axes, t.tau) for t in usual}
    tests = TESTS * len(planned) + 1
    assert level("sampler", tests) * tests < FALSE_ALARM["sampler"]
    for dtype in (None, "float32"):
        widths = {t.rows.shape[-1] for t in planned if t.dtype == dtype}
        assert {2, 3, 4, 5, 8, 17, 33, 64, 65, 100, 257, 1000} <= widths
    assert all(t.n % (t.at_once // t.rows.shape[1]) == 0 for t in planned if t.n > t.at_once)  # few shapes


def test_deviance_of_rare_classes_is_that_of_groups():
    expected = np.array([[40.0, 8.0, 8.0, 3.0]])
    statistic, freedom = deviance(np.array([[38, 9, 10, 2]]), expected)
    grouped = 2 * (38 * np.log(38 / 40) + 21 * np.log(21 / 19))
    assert freedom == 1
    assert np.isclose(statistic, grouped, rtol=1e-12)


def test_a_rate_of_the_deviance_is_that_of_chi_square():
    """Where it can be counted: at a level of 1e-3, 200,000 times, counts as small as any that occur.

    The number of alarms is Poisson with mean 200; outside of 115 and 300 in one of 1e9 runs.
    """
    rng, p = np.random.default_rng(0), softmax(np.linspace(2.9, -2.9, 5))
    counts = rng.multinomial(10_000, p, 200_000)
    ratio = 2 * special.xlogy(counts, counts / (10_000 * p)).sum(axis=1)
    assert 115 < (ratio > stats.chi2.isf(1e-3, 4)).sum() < 300


def tail(law, classes_of_rows, n):
    """The rate of a deviance above its threshold over the level, by importance sampling.

    The counts are drawn with overdispersed probabilities, which brings the
    deviance to its threshold, and weighted back.
    """
    rng, size = np.random.default_rng(0), 20_000
    groups = [np.add.reduceat(p, starts) for p, starts in ((p, _groups(n * p)) for p in classes_of_rows)]
    threshold = stats.chi2.isf(law, freedom := sum(len(p) - 1 for p in groups))
    inflation = threshold / freedom
    statistic, weight = np.zeros(size), np.zeros(size)
    for p in groups:
        a = (n - inflation) / (inflation - 1) * p
        counts = rng.multinomial(n, rng.dirichlet(a, size))
        weight += (
            special.xlogy(counts, p).sum(axis=1) - special.gammaln(a.sum()) + special.gammaln(n + a.sum())
        )
        weight -= (special.gammaln(counts + a) - special.gammaln(a)).sum(axis=1)
        statistic += 2 * special.xlogy(counts, counts / (n * p)).sum(axis=1)
    return np.mean(np.exp(weight) * (statistic > threshold)) / law


@pytest.mark.parametrize("size", [BATCHED, SINGLE], ids=["batched", "single"])
def test_far_tail_is_within_what_the_ledger_grants(size):
    """The standard error of the estimate is 3 % of it."""
    rate = level("sampler", 9)
    rows = [softmax(row) for row in rotations(5).reshape(-1, 5)]
    steep, many = softmax(np.linspace(2.9, -2.9, 5)), softmax(np.linspace(1.5, -1.5, 33))
    for probabilities, n in (
        (rows, size.common), (rows, size.other), ([steep], size.rare), ([many], size.wide)
    ):  # fmt: skip
        assert 0.8 < tail(rate, probabilities, n) < 0.9 * INEXACT


def test_contingency_counts_pairs_and_dependence_keeps_to_chi_square():
    """At a level of 1e-3, 20,000 times, as few pairs as any that occur: 20 alarms; above 50 in one of 1e8."""
    a, b = np.array([0, 1, 1, 2]), np.array([2, 0, 0, 1])
    assert contingency(a, b, 3).tolist() == [[0, 0, 1], [2, 0, 0], [0, 1, 0]]
    p = softmax(np.linspace(0.5, -0.5, 5))
    tables = np.random.default_rng(0).multinomial(990, np.outer(p, p).ravel(), 20_000).reshape(-1, 5, 5)
    threshold = stats.chi2.isf(1e-3, 16)
    assert 3 < sum(dependence(table) > threshold for table in tables) < 50


def test_a_row_gets_the_cotangent_of_the_sample_that_its_own_call_drew():
    calls = []

    def one_row(logits, tau=1.0):
        if logits.ndim != 1:
            raise ValueError("one row")
        calls.append(1)
        return forge()(logits, tau)  # fresh entropy: no seed repeats it

    candidate = wrap(one_row)
    calls.clear()
    seen = candidate.observe(
        np.zeros((64, 3)), cotangent=lambda hard: (np.cos(hard @ np.arange(3))[:, None] * hard, None), seed=0
    )
    assert len(calls) == 64
    p, g = np.full((64, 3), 1 / 3), np.cos(seen.hard @ np.arange(3))[:, None] * seen.hard
    q = (p + seen.hard) / 2
    np.testing.assert_allclose(seen.gradient, 2 * softmax_vjp(q, g) - softmax_vjp(p, g) / 2, atol=1e-15)


@pytest.mark.parametrize("op", [reinmax, torch_reinmax], ids=["numpy", "torch"])
def test_a_check_leaves_global_random_numbers_as_they_were(op):
    def coming():
        return [*np.random.random(3), *torch.rand(3).tolist()]  # noqa: NPY002

    np.random.seed(3)  # noqa: NPY002
    torch.manual_seed(3)
    expected = coming()
    np.random.seed(3)  # noqa: NPY002
    torch.manual_seed(3)
    for name in ("sampler", "repeatability"):
        run(find(name), wrap(op), np.random.default_rng(0))
    assert coming() == expected


@pytest.mark.slow
def test_no_false_alarm_in_a_thousand_runs(capsys):
    candidates = [s.candidate() for s in styles() if s.framework == "numpy"]
    runs = 0
    while runs < 1000:
        for candidate in candidates:
            report = check_candidate(candidate, rng=runs)
            assert report.verdict == "conforms", (candidate.name, runs, str(report))
            runs += 1
    with capsys.disabled():
        print(f"{runs} runs of right implementations without a false alarm")  # noqa: T201
