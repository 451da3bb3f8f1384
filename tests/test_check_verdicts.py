"""Verdicts: right implementations conform, whatever could not run is never a pass."""

import numpy as np
import pytest
import reinmax as official
from scipy import special, stats

import verify
from reinmax_ref import reinmax, straight_through
from verify.candidate import Candidate
from verify.checks import CHECKS, find, run
from verify.checks.rates import FALSE_ALARM, family_wise, level
from verify.checks.sampler import detectable, deviance, trials
from verify.conformance import check_candidate, conclude
from verify.mutants import styles
from verify.mutants.forge import forge, inverse_cdf, jacobian, softmax
from verify.report import CheckResult, Outcome
from verify.tolerances import EPS, gradient_tolerance


@pytest.mark.parametrize("style", [s for s in styles() if s.framework != "jax"], ids=lambda s: s.name)
def test_right_implementations_conform_and_are_not_diagnosed(style):
    report = check_candidate(style.candidate())
    assert report.verdict == "conforms", str(report)
    assert report.diagnosis == ()
    assert abs(report.order - 2) < 0.05
    assert report.counts["due"] == report.counts["run"]


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

    candidate = Candidate.wrap(reinmax)
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


def test_sampler_sees_what_it_says_it_is_sure_to_see():
    """A deviation of the stated size is found in every one of twenty runs."""
    p = np.exp(np.linspace(1.5, -1.5, 5))
    p /= p.sum()
    classes, n = len(p), 10_000  # draws of each of six rows in one trial
    distance = detectable(level("sampler", 8), 6 * (classes - 1), n)
    scales = np.linspace(1, 1.3, 301)
    tempered = np.exp(np.outer(scales, np.linspace(1.5, -1.5, 5)))
    tempered /= tempered.sum(axis=1, keepdims=True)
    scale = scales[np.argmax(6 * ((tempered - p) ** 2 / p).sum(axis=1) >= distance)]
    candidate = Candidate.wrap(forge(sampler=lambda t, _, r: inverse_cdf(scale * t, 1, r)))
    sampler = find("sampler")
    assert {run(sampler, candidate, np.random.default_rng(seed)).status for seed in range(20)} == {"fail"}


def test_tolerance_grows_with_the_dtype_the_logits_and_the_cotangent():
    logits, g = np.ones(3), np.ones(3)
    by_dtype = [gradient_tolerance(d, logits, 1.0, g) for d in EPS]
    assert by_dtype == sorted(by_dtype)
    assert gradient_tolerance("float64", 10 * logits, 1.0, g) > by_dtype[0]
    assert gradient_tolerance("float64", logits, 1.0, 10 * g) == 10 * by_dtype[0]


def test_level_divides_the_ledger_among_the_trials():
    candidate = Candidate.wrap(reinmax)
    planned = trials(candidate)
    assert len(planned) == 8
    assert {(t.axes, t.tau) for t in planned[:-2]} == {(a, tau) for a in (3, 2) for tau in (1.0, 2.0, 0.5)}
    assert level("sampler", len(planned)) * len(planned) < FALSE_ALARM["sampler"]
    assert 0.001 < planned[-1].p.min() < 0.004
    assert planned[-1].rows.shape[-1] == 64


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


def test_a_row_gets_the_cotangent_of_the_sample_that_its_own_call_drew():
    calls = []

    def one_row(logits, tau=1.0):
        if logits.ndim != 1:
            raise ValueError("one row")
        calls.append(1)
        return forge()(logits, tau)  # fresh entropy: no seed repeats it

    candidate = Candidate.wrap(one_row)
    calls.clear()
    seen = candidate.observe(
        np.zeros((64, 3)), cotangent=lambda hard: (np.cos(hard @ np.arange(3))[:, None] * hard, None), seed=0
    )
    assert len(calls) == 64
    p, g = np.full((64, 3), 1 / 3), np.cos(seen.hard @ np.arange(3))[:, None] * seen.hard
    q = (p + seen.hard) / 2
    np.testing.assert_allclose(seen.gradient, 2 * jacobian(q, g) - jacobian(p, g) / 2, atol=1e-15)


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
