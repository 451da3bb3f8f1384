"""Faults that show in one corner only are found, named or at least told; odd but right ones conform."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import verify
from reinmax_ref import reinmax, straight_through
from verify.cli import main


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
    with pytest.raises(ValueError, match="no temperature"):
        verify.check(op)


SOURCE = """
import sys
from reinmax_ref import reinmax
calls = [0]

def leaves(logits, tau=1.0, rng=None):
    calls[0] += 1
    if calls[0] > 5:
        sys.exit(0)
    return reinmax(logits, tau, rng=rng)
"""


def test_a_target_that_leaves_the_process_is_no_pass(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "leaving.py").write_text(SOURCE, "utf-8")
    assert main(["check", f"{tmp_path / 'leaving.py'}:leaves"]) != 0
    assert "SystemExit" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_report_that_cannot_be_written_is_status_2(option, capsys):
    assert main(["check", "reinmax_ref:reinmax", option, "/nonexistent/report"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_an_empty_target_is_not_this_package(capsys):
    assert main(["check", ""]) == 2
    assert "target is ''" in capsys.readouterr().err
