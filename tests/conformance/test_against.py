"""Any estimator on trial: each conforms to its own name and to no other, and each check can fail."""

from functools import cache
from importlib import import_module

import jax
import numpy as np
import pytest
import torch

import reinmax_ref.torch
import verify
from reinmax_ref.estimators.darn import darn
from reinmax_ref.estimators.gapped_straight_through import gapped_straight_through
from reinmax_ref.estimators.straight_through import straight_through
from tests.mutants.torch_family import everything
from verify.candidate import wrap
from verify.cli import main
from verify.conformance.against import judge, supported
from verify.conformance.against.identify import identify_candidate
from verify.conformance.against.mistakes import EXPLAINED
from verify.conformance.against.relaxed import recover, recover_pair, uniforms, weights
from verify.oracle import tables

NUMPY = [name for name in supported() if name != "bernoulli"]


def _own(name):
    return getattr(import_module(f"reinmax_ref.estimators.{name}"), name)


@cache
def _verdict(name, against):
    return verify.check(_own(name), against=against).verdict


@pytest.mark.parametrize("against", NUMPY)
@pytest.mark.parametrize("name", NUMPY)
def test_own_implementations_conform_to_their_own_names_alone(name, against):
    if against == "decoupled_straight_through" != name:
        with pytest.raises(ValueError, match="forward_tau"):
            verify.check(_own(name), against=against)
        return
    assert _verdict(name, against) == ("conforms" if name == against else "deviates")


@pytest.mark.parametrize("against", ["reinmax", "straight_through", "darn", "gumbel_softmax"])
@pytest.mark.parametrize(
    ("op", "name"),
    [
        (reinmax_ref.torch.reinmax, "reinmax"),
        (reinmax_ref.torch.straight_through, "straight_through"),
        (torch.distributions.OneHotCategoricalStraightThrough, "straight_through"),
    ],
)
def test_torch(op, name, against):
    assert verify.check(op, against=against).verdict == ("conforms" if name == against else "deviates")


def _jax_straight_through(key, logits, tau=1.0):
    soft = jax.nn.softmax(logits / tau)
    hard = jax.nn.one_hot(jax.random.categorical(key, logits), logits.shape[-1], dtype=logits.dtype)
    return hard + soft - jax.lax.stop_gradient(soft)


@pytest.mark.parametrize("against", ["straight_through", "gumbel_softmax"])
def test_jax(against):
    report = verify.check(_jax_straight_through, against=against)
    assert report.verdict == ("conforms" if against == "straight_through" else "deviates")


def test_gumbel_softmax_of_pytorch():
    report = verify.check(torch.nn.functional.gumbel_softmax, hard=True, against="gumbel_softmax")
    assert report.verdict == "conforms", str(report)
    assert report.estimator == "gumbel_softmax"
    assert str(report).startswith("✓ gumbel_softmax (torch) conforms to gumbel_softmax")
    assert [c.name for c in report.checks if c.status == "skip"][-2:] == ["expectation", "order"]
    found = {c.name: c for c in report.checks}
    assert found["structure-tau-0.5"].error < 1e-15
    assert "at most once in" in found["noise-tau-1"].detail


def test_bernoulli():
    assert verify.check(reinmax_ref.torch.reinmax_bernoulli, against="bernoulli").verdict == "conforms"
    assert verify.check(_own("bernoulli"), against="bernoulli").verdict == "conforms"
    with pytest.raises(ValueError, match="binary=True"):
        judge(wrap(reinmax_ref.torch.reinmax), "bernoulli")


def test_options_are_those_that_the_implementation_is_given():
    assert (
        verify.check(gapped_straight_through, against="gapped_straight_through", gap=0.5).verdict
        == "conforms"
    )
    assert (
        verify.check(gapped_straight_through, against="gapped_straight_through", gap=None).verdict
        == "conforms"
    )
    center = np.array([0.5, 0.3, 0.2])
    assert verify.check(darn, against="darn", classes=3, center=center).verdict == "conforms"
    own = _own("decoupled_straight_through")
    assert verify.check(own, against="decoupled_straight_through", forward_tau=2.0).verdict == "conforms"
    assert verify.check(own, against="straight_through", forward_tau=1.0).verdict == "conforms"


def test_the_untempered_form_and_the_tempered_one_must_not_change_places():
    def mixed(logits, tau=1.0):
        soft = logits.softmax(-1) if tau < 1 else (logits / tau).softmax(-1)
        hard = torch.nn.functional.one_hot(
            torch.distributions.Categorical(logits=logits.detach()).sample(), logits.shape[-1]
        )
        return hard + soft - soft.detach()

    report = verify.check(mixed, "torch", against="straight_through")
    assert report.verdict == "deviates"
    assert [c.name for c in report.checks if c.status == "fail"] == ["backward-tau-0.5"]


def test_a_name_that_is_not_supported_is_refused_with_those_that_are(capsys):
    with pytest.raises(ValueError, match=r"gumbel_rao.*one of bernoulli, darn, .*straight_through"):
        verify.check(straight_through, against="gumbel_rao")
    assert main(["check", "reinmax_ref:reinmax", "--against", "muprop"]) == 2
    assert "it can be one of bernoulli" in capsys.readouterr().err


def test_command_line(capsys):
    assert main(["check", "reinmax_ref:straight_through", "--against", "straight_through"]) == 0
    assert "conforms to straight_through" in capsys.readouterr().out
    assert main(["check", "reinmax_ref:reinmax", "--against", "straight_through"]) == 1
    assert "deviates from straight_through" in capsys.readouterr().out


@pytest.mark.parametrize("classes", [3, 5, 17])
def test_a_relaxed_sample_is_recovered_from_its_matrix(classes):
    rng = np.random.default_rng(0)
    y = rng.dirichlet(np.ones(classes), 50)
    found, factor = recover(tables.softmax_jacobian(y) / 0.7)
    np.testing.assert_allclose(found, y, rtol=1e-12)
    np.testing.assert_allclose(factor, 1 / 0.7, rtol=1e-12)


def test_a_relaxed_pair_is_recovered_with_the_sample():
    y = np.array([[0.7, 0.3], [1e-9, 1 - 1e-9]])
    np.testing.assert_allclose(recover_pair(2 * tables.softmax_jacobian(y), y.argmax(-1), 2.0), y, rtol=1e-7)


def test_weights_are_the_exponential_variables_behind_the_noise():
    rng = np.random.default_rng(0)
    p, tau, d = rng.dirichlet(np.ones(4)), 0.6, 2
    e = rng.exponential(size=(30, 4))
    x = -np.log1p(e / (p * e[:, [d]]))
    x[:, d] = 0
    y = np.exp(x / tau) / np.exp(x / tau).sum(-1, keepdims=True)
    np.testing.assert_allclose(weights(y, p, tau), e / e.sum(-1, keepdims=True), rtol=1e-9)
    u = uniforms(weights(y, p, tau))
    assert u.shape == (30, 3)
    assert 0 <= u.min() <= u.max() <= 1


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("straight_through", tables.straight_through),
        ("reinmax", tables.reinmax),
        ("darn", tables.darn),
        ("gapped_straight_through", tables.gapped),
        ("mve", tables.mve),
        ("reinmax_uniform", tables.reinmax_uniform),
    ],
)
def test_tables_agree_with_the_reference_for_every_outcome(name, table):
    logits = np.random.default_rng(3).standard_normal(5)
    for tau in (0.3, 1.0, 4.0):
        for d in range(5):
            drawn = _own(name)(logits, tau, index=d)
            found = np.stack([drawn.vjp(e) for e in np.eye(5)])
            exact = table(logits[None], tau, np.array([d]))[0].astype(float)
            np.testing.assert_allclose(found, exact, atol=1e-13 * max(1, np.abs(exact).max()))


FAMILY = [*everything()]


@pytest.mark.parametrize("mutant", FAMILY, ids=lambda m: m.name)
def test_planted_faults_are_killed_and_named(mutant):
    report = verify.check(mutant.fn, "torch", against=mutant.against)
    assert report.verdict == ("deviates" if mutant.codes else "conforms"), str(report)
    assert {d.code for d in report.diagnosis} == set(mutant.codes), str(report)


def test_every_mistake_has_a_planted_fault():
    assert {code for mutant in FAMILY for code in mutant.codes} == set(EXPLAINED)


@pytest.mark.parametrize("name", supported())
def test_identify_names_the_family(name):
    found = verify.identify(_own(name), binary=name == "bernoulli")
    assert found.estimator == name
    assert dict(found.ranking)[name] < 1e-12
    distances = [d for _, d in found.ranking]
    assert distances == sorted(distances, key=lambda d: d if d > 1e-4 else 0.0)


@pytest.mark.parametrize(
    ("op", "options", "name"),
    [
        (torch.nn.functional.gumbel_softmax, {"hard": True}, "gumbel_softmax"),
        (torch.distributions.OneHotCategoricalStraightThrough, {}, "straight_through"),
        (reinmax_ref.torch.reinmax, {}, "reinmax"),
    ],
)
def test_identify_in_torch(op, options, name):
    for seed in range(5):
        assert identify_candidate(wrap(op, **options), seed).estimator == name


def test_what_is_no_estimator_is_not_named():
    mutants = {m.name: m for m in FAMILY}
    twice = verify.identify(mutants["straight-through twice"].fn, framework="torch")
    assert twice.estimator is None
    assert "the nearest is straight_through" in twice.explanation
    argmax = verify.identify(mutants["straight-through argmax"].fn, framework="torch")
    assert argmax.estimator is None
    assert argmax.explanation.startswith("Its gradient is that of straight_through, but sampler: ")


def test_a_report_says_what_an_implementation_is_right_as():
    report = verify.check(torch.nn.functional.gumbel_softmax, hard=True, against="straight_through")
    assert report.right_as == "gumbel_softmax"
    assert "It is right as gumbel_softmax" in str(report)
    assert report.to_dict()["right_as"] == "gumbel_softmax"
    assert report.diagnosis == ()
    assert verify.check(straight_through).right_as == "straight_through"
    assert "right_as" not in verify.check(straight_through, against="straight_through").to_dict()


def test_identify_on_the_command_line(capsys):
    assert main(["identify", "torch.nn.functional:gumbel_softmax", "--set", "hard=true"]) == 0
    assert "It is gumbel_softmax." in capsys.readouterr().out
    assert main(["identify", "reinmax_ref:nothing"]) == 2
