"""Faults that show in one corner only are found, named or at least told; odd but right ones conform."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import verify
from reinmax_ref import reinmax, straight_through
from tests.mutants.forge import forge, inverse_cdf
from verify.candidate import wrap
from verify.cli import main
from verify.conformance.checks import find, run
from verify.conformance.draws import trials


def wrong_where(condition):
    """ReinMax, but Straight-Through where the condition on logits and τ holds."""

    def op(logits, tau=1.0, rng=None):
        draw = reinmax(logits, tau, rng=rng)
        return straight_through(logits, index=draw.index) if condition(logits, tau) else draw

    return op


CORNERS = {
    "a low temperature": lambda logits, tau: tau < 1,  # noqa: ARG005
    "many classes": lambda logits, tau: logits.shape[-1] > 8,  # noqa: ARG005
    "many rows": lambda logits, tau: len(logits) > 1000,  # noqa: ARG005
    "float32": lambda logits, tau: logits.dtype == np.float32,  # noqa: ARG005
    "four axes": lambda logits, tau: logits.ndim == 4,  # noqa: ARG005
    "a square batch": lambda logits, tau: logits.shape == (5, 5),  # noqa: ARG005
}


@pytest.mark.parametrize("corner", CORNERS)
def test_a_gradient_wrong_in_a_corner_deviates_and_is_told(corner):
    report = verify.check(wrong_where(CORNERS[corner]))
    assert report.verdict == "deviates"
    assert report.diagnosis


def with_vjp(change):
    """ReinMax with another vjp, made of the right one."""

    def op(logits, tau=1.0, rng=None):
        draw = reinmax(logits, tau, rng=rng)
        return SimpleNamespace(hard=draw.hard, soft=draw.soft, vjp=change(draw.vjp))

    return op


def refusing(condition):
    """ReinMax that takes some temperatures only."""

    def op(logits, tau=1.0, rng=None):
        if condition(tau):
            raise ValueError(f"tau is {tau}; it is out of range")
        return reinmax(logits, tau, rng=rng)

    return op


def test_a_low_temperature_that_is_refused_is_a_warning_in_a_sentence():
    report = verify.check(refusing(lambda tau: tau < 1))
    assert report.verdict == "conforms"
    (warned,) = [c for c in report.checks if c.status == "warn"]
    assert warned.name == "backward-tau-0.5"
    assert warned.detail.startswith("it refuses τ = 0.5")
    assert "ValueError: tau is 0.5; it is out of range" in warned.detail
    (sampler,) = [c for c in report.checks if c.name == "sampler"]
    assert "0.5" not in sampler.detail.partition(";")[0]
    assert "draws fit" in sampler.detail
    drawn = trials(verify.wrap(refusing(lambda tau: tau < 1)))
    assert any(trial.rows.shape[-1] == 33 and trial.tau == 2 for trial in drawn)


REFUSED = {
    "1.5": lambda tau: tau == 1.5,
    "2": lambda tau: tau == 2,
    "more than 1": lambda tau: tau > 1,
    "1 from the fifth call on": lambda tau, calls=[]: calls.append(tau) or (tau == 1 and len(calls) > 4),
}


@pytest.mark.parametrize("which", REFUSED)
def test_a_temperature_that_must_be_taken_and_is_refused_is_inconclusive(which):
    assert verify.check(refusing(REFUSED[which])).verdict == "inconclusive"


def test_a_gradient_wrong_at_a_low_temperature_is_not_excused_by_a_refusal_elsewhere():
    wrong = wrong_where(lambda logits, tau: tau < 1 and logits.ndim == 3)
    assert verify.check(wrong).verdict == "deviates"


def unshifted(x):
    """A softmax that does not subtract the maximum."""
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def forged_in(dtype, **parts):
    """ReinMax with parts that do not subtract the maximum in one dtype."""

    def op(logits, tau=1.0, rng=None):
        return forge(**(parts if logits.dtype == dtype else {}))(logits, tau, rng)

    return op


UNSHIFTED = {
    "the soft output": {"soft": lambda theta, _: unshifted(theta)},
    "the backward pass": {"tempered": lambda theta, tau: unshifted(theta / tau)},
    "the sampler": {"sampler": lambda t, tau, rng: inverse_cdf(np.log(unshifted(t)), tau, rng)},
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("part", UNSHIFTED)
def test_a_softmax_that_overflows_is_warned_of_in_every_part_and_dtype(part, dtype):
    outcome = run(find("saturation"), wrap(forged_in(dtype, **UNSHIFTED[part])), np.random.default_rng(0))
    assert outcome.status == "warn"
    assert dtype in outcome.detail


def test_a_second_vjp_is_like_the_first_where_a_right_one_keeps_a_scratch_array():
    def scratching(vjp):
        space = []

        def again(g, h=None):
            space[:] = [vjp(g, h)]
            return space[0]

        return again

    candidate = wrap(with_vjp(scratching))
    assert run(find("repeatability"), candidate, np.random.default_rng(0)).status == "pass"


def test_a_vjp_that_adds_up_over_calls_is_told():
    def adding(vjp):
        total = []

        def summed(g, h=None):
            total.append(vjp(g, h))
            return sum(total)

        return summed

    outcome = run(find("repeatability"), wrap(with_vjp(adding)), np.random.default_rng(0))
    assert outcome.status == "warn"
    assert "a second vjp of the same draw" in outcome.detail


def test_a_clamped_gradient_is_found():
    clamped = with_vjp(lambda vjp: lambda g, h=None: np.clip(vjp(g, h), -100, 100))
    assert verify.check(clamped).verdict == "deviates"


def test_a_soft_cotangent_dropped_beside_a_hard_one_is_named():
    dropped = with_vjp(lambda vjp: lambda g, h=None: vjp(g, None if g.any() else h))
    report = verify.check(dropped)
    assert report.verdict == "deviates"
    assert [d.code for d in report.diagnosis] == ["soft-cotangent"]


RIGHT = {
    "both cotangents required": lambda vjp: lambda g, h: 1 * vjp(g, h),
    "a tuple of one": lambda vjp: lambda g, h=None: (vjp(g, h),),
}


@pytest.mark.parametrize("form", RIGHT)
def test_other_forms_of_a_right_vjp_conform(form):
    assert verify.check(with_vjp(RIGHT[form])).verdict == "conforms"


ASKED = {
    "a pair": lambda vjp: lambda pair: vjp(*pair),
    "another shape": lambda vjp: lambda g, h=None: vjp(g, h).ravel(),
}


@pytest.mark.parametrize("form", ASKED)
def test_a_vjp_of_another_form_is_asked_about(form):
    with pytest.raises(ValueError, match="did not give a gradient"):
        verify.check(with_vjp(ASKED[form]))


def test_single_precision_inside_conforms_with_warnings():
    def op(logits, tau=1.0, rng=None):
        draw = reinmax(logits.astype(np.float32), tau, rng=rng)

        def vjp(g, h=None):
            return draw.vjp(g, h).astype(logits.dtype)

        return SimpleNamespace(hard=draw.hard.astype(logits.dtype), soft=draw.soft, vjp=vjp)

    report = verify.check(op)
    assert report.verdict == "conforms"
    assert {c.status for c in report.checks if c.name == "order"} == {"warn"}


def hidden_temperature(logits, *rest):
    return straight_through(logits, *rest)


def optional_temperature(logits, beta=None, rng=None):
    return straight_through(logits, 1.0 if beta is None else beta, rng=rng)


@pytest.mark.parametrize("op", [hidden_temperature, optional_temperature])
def test_what_may_be_a_temperature_is_asked_about(op):
    with pytest.raises(ValueError, match="may be a temperature"):
        verify.check(op)


SOURCE = """
import sys
from reinmax_ref import reinmax
calls = [0]

def leaves(logits, tau=1.0, rng=None):
    calls[0] += 1
    if calls[0] > {calls}:
        sys.exit(0)
    return reinmax(logits, tau, rng=rng)
"""


@pytest.mark.parametrize("calls", [0, 5, 80])
def test_a_target_that_leaves_the_process_is_no_pass(calls, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    file = tmp_path / f"leaving_after_{calls}.py"
    file.write_text(SOURCE.format(calls=calls), "utf-8")
    assert main(["check", f"{file}:leaves"]) in {2, 3}
    shown = capsys.readouterr()
    assert "SystemExit" in shown.out + shown.err


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_report_that_cannot_be_written_is_status_2(option, capsys):
    with pytest.raises(SystemExit) as left:
        sys.exit(main(["check", "reinmax_ref:reinmax", option, "/nonexistent/report"]))
    assert left.value.code == 2
    assert "/nonexistent" in capsys.readouterr().err


def test_an_empty_target_is_not_this_package(capsys):
    assert main(["check", ""]) == 2
    assert "target is ''" in capsys.readouterr().err


def test_a_sample_as_wide_as_the_classes_that_were_drawn_fails_whatever_was_drawn():
    """As F.one_hot makes it without ``num_classes``."""

    def op(logits, tau=1.0, rng=None):
        draw = forge()(logits, tau, rng)
        width = draw.hard.argmax(axis=-1).max() + 1
        return SimpleNamespace(hard=draw.hard[..., :width], soft=draw.soft, vjp=draw.vjp)

    candidate = wrap(op)
    for seed in range(20):
        outcome = run(find("one-hot"), candidate, np.random.default_rng(seed))
        assert outcome.status == "fail"
