"""What is named, and what is described where no class fits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from tests.mutants import styles
from tests.mutants.forge import forge, inverse_cdf, right, softmax, terms
from tests.mutants.numpy_mutants import sharing
from tests.mutants.torch_conditions import chunked, conditions
from tests.mutants.torch_lines import Algorithm2
from verify.candidate import wrap
from verify.conformance.diagnosis import CODES, diagnose
from verify.conformance.diagnosis.catalogue import document
from verify.conformance.diagnosis.describe import explanations, interpret, law
from verify.conformance.diagnosis.fitting import fit_all
from verify.conformance.diagnosis.observations import observe_gradients
from verify.conformance.diagnosis.probabilities import describe_probabilities
from verify.conformance.report import CheckResult

PUBLISHED = {
    "wrong-axis", "argmax-sampler", "tempered-sampler", "probabilities-as-logits", "straight-through",
    "missing-half-term", "missing-factor-two", "inverse-tau-scale", "inverted-tau", "tempered-half-term",
    "sign-flip", "severed-gradient", "missing-stop-gradient", "soft-cotangent", "resampled-backward",
    "noise-in-backward", "row-coupling", "binary-log-sigmoid",
}  # fmt: skip


#: Failures that say nothing, so that all the evidence is looked for.
EVERYTHING = tuple(
    CheckResult(name, "fail", "")
    for name in ("one-hot", "sampler", "freshness", "soft-output", "backward-tau-1", "soft-cotangent")
)


def test_the_documented_catalogue_is_the_generated_one():
    text = (Path(__file__).parents[2] / "docs" / "mistakes.md").read_text("utf-8")
    assert document() in text


def test_codes_are_the_published_ones():
    assert set(CODES) == PUBLISHED


def test_an_unknown_mistake_is_reported_with_its_coefficients():
    (found,) = verify.check(forge(terms(2, -1))).diagnosis
    assert found.code == "unknown-gradient"
    assert "2·J(q)g − 1·J(p)g" in found.explanation
    assert "the coefficient of J(p)g is -1 and should be -0.5" in found.explanation


def test_an_unknown_sampler_is_reported_with_its_temperature():
    (found,) = verify.check(forge(sampler=lambda t, _, r: inverse_cdf(1.5 * t, 1, r))).diagnosis
    assert found.code == "unknown-sampler"
    assert "softmax(1.5" in found.explanation or "softmax(1.4" in found.explanation


def test_coefficients_are_recovered_at_every_temperature():
    rng = np.random.default_rng(0)
    columns = observe_gradients(wrap(forge(terms(1.25, 0.75))), rng)
    fit = next(fit_all(columns, binary=False))
    assert fit.residual <= 1
    for tau, seen in fit.coefficients.items():
        np.testing.assert_allclose(seen, (1.25, 0.75, 0), atol=1e-9, err_msg=str(tau))


def _fit(a, b):
    columns = observe_gradients(wrap(forge(terms(a, b))), np.random.default_rng(0))
    return next(fit_all(columns, binary=False))


def test_a_fit_predicts_fresh_observations_of_the_same_gradient_and_no_other():
    fit, rng = _fit(1.25, 0.75), np.random.default_rng(1)
    same, other = (observe_gradients(wrap(forge(terms(1.25, b))), rng) for b in (0.75, 0.7))
    assert all(fit.predicts(columns) for columns in same)
    assert not any(fit.predicts(columns) for columns in other)


@pytest.mark.parametrize(
    ("coefficients", "plain"),
    [((-29.1, 10.8, 22.3), False), ((2.0, -1.0, 0.0), True), ((2000.0, -500.0, 0.0), True)],
)
def test_absurd_coefficients_are_no_explanation_and_a_large_factor_is(coefficients, plain):
    fit = replace(_fit(2, -0.5), coefficients={2.0: coefficients}, used={2.0: 2.0})
    assert fit.plain is plain


def test_where_an_explanation_does_not_hold_is_said_with_it():
    def op(logits, tau=1.0, rng=None):
        return forge(terms(2, -2 if logits.ndim == 3 else -1))(logits, tau, rng)

    (found,) = diagnose(wrap(op), EVERYTHING, np.random.default_rng(0))
    assert "the coefficient of J(p)g is -1 and should be -0.5. Not so on 3-D logits." in found.explanation


@pytest.mark.parametrize("explanation", explanations(), ids=lambda e: "+".join(e.codes) or "none")
def test_interpretation_inverts_prediction(explanation):
    found = interpret({tau: explanation.predict(tau) for tau in (1.0, 1.5, 2.0)})
    assert found is not None
    assert len(found.codes) <= len(explanation.codes)


def test_temperature_mistakes_are_not_named_without_a_temperature():
    for codes in (e.codes for e in explanations() if interpret({1.0: e.predict(1.0)}) is e):
        assert not {"inverse-tau-scale", "tempered-half-term"} & set(codes)


@pytest.mark.parametrize(
    "style",
    [s for s in styles() if s.framework != "jax" and "own source" not in s.name],
    ids=lambda s: s.name,
)
def test_a_right_implementation_is_given_no_name_even_when_asked(style):
    assert diagnose(style.candidate(), EVERYTHING, np.random.default_rng(1)) == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "style",
    [s for s in styles() if s.framework == "jax" or "own source" in s.name],
    ids=lambda s: s.name,
)
def test_a_right_implementation_that_takes_long_is_given_no_name_either(style):
    assert diagnose(style.candidate(), EVERYTHING, np.random.default_rng(1)) == ()


def test_explanations_say_what_is_wrong_which_line_and_how_to_mend_it():
    (found,) = verify.check(forge(terms(2, 0))).diagnosis
    assert found.code == "missing-half-term"
    for part in ("− ½ J(p)g", "line 5", "Subtract half", "Evidence"):
        assert part in found.explanation


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({1.0: 0.9}, "0.9"),
        ({0.5: 0.9, 1.0: 0.9, 2.0: 0.9}, "0.9"),
        ({0.5: 0.5, 1.0: 1.0, 2.0: 2.0}, "τ"),
        ({0.5: 2.0, 1.0: 1.0, 2.0: 0.5}, "1/τ"),
        ({0.5: 1.0, 1.0: 2.0, 2.0: 4.0}, "2·τ"),
        ({0.5: 0.4, 1.0: 0.9, 2.0: 1.9}, "τ − 0.1"),
        ({0.5: 0.5, 1.0: 1.0, 1.5: 1.0}, "min(τ, 1)"),
        ({0.5: 0.3, 1.0: 1.0, 2.0: 1.1}, None),
    ],
)
def test_a_dependence_on_the_temperature_is_put_in_a_formula(values, told):
    assert law(values) == told


THETA = np.random.default_rng(5).standard_normal((6, 5))


def _cut(theta):
    kept = np.where(theta < np.sort(theta)[:, 2:3], -np.inf, theta)
    return softmax(kept)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda t: t, "θ itself, not probabilities"),
        (lambda t: np.log(softmax(t)), "ln softmax(θ), the logarithms of the probabilities"),
        (lambda t: 1 / (1 + np.exp(-t)), "sigmoid(θ), class by class"),
        (lambda t: 0.99 * softmax(t) + 0.01 / 5, "0.99·softmax(θ) + 0.01/K"),
        (lambda t: softmax(t / 0.8), "softmax(1.25·θ)"),
        (lambda t: softmax(t / np.linalg.norm(t, axis=-1, keepdims=True)), "softmax(θ/‖θ‖)"),
        (lambda t: softmax(3 * np.tanh(t / 3)), "softmax(3·tanh(θ/3))"),
        (lambda t: softmax(t.clip(-0.7, 0.7)), "softmax of θ clamped to ±0.7"),
        (_cut, "softmax(θ) of 3 of 5 classes, without the rest"),
        (lambda t: softmax(t**3), None),
    ],
)
def test_probabilities_are_told_from_each_other(made, told):
    assert describe_probabilities(THETA, made(THETA)) == told


def test_a_uniform_source_that_rows_share_is_not_taken_for_the_most_likely_class():
    """The draws of one call are then all one class, which is often the most likely one."""
    shared = forge(sampler=sharing(lambda u: u.__setitem__(slice(None), u[0])))
    for seed in range(4):
        assert {d.code for d in verify.check(shared, rng=seed).diagnosis} == {"unknown-sampler"}


def test_a_factor_is_tied_to_the_number_of_classes_only_where_it_follows_it():
    five, classes = (
        verify.check(forge(lambda s, g, h, n=n: right(s, (n or g.shape[-1]) * g, h))).diagnosis
        for n in (5, None)
    )
    assert "times 5." in five[0].explanation
    assert "number of classes" in classes[0].explanation


def test_mistakes_that_come_to_the_same_are_both_told_and_neither_named():
    """Without a temperature, 2 J(q)g + ½ J(p)g is one of two mistakes."""
    implementation = forge(terms(2, 0.5))
    (found,) = verify.check(lambda logits, rng=None: implementation(logits, 1.0, rng), tau=None).diagnosis
    assert found.code == "unknown-gradient"
    assert "sign-flip" in found.explanation
    assert "missing-stop-gradient" in found.explanation


def test_what_no_call_of_the_diagnosis_shows_is_told_by_the_check_that_fails():
    def op(logits, tau=1.0, rng=None):
        return forge(terms(2, -1) if logits.shape[0] == 3 else right)(logits, tau, rng)

    (found,) = verify.check(op).diagnosis
    assert found.code == "unknown-gradient"
    assert "backward-tau-0.5 says: the gradient at τ = 0.5 is wrong on 3-D logits" in found.explanation


@pytest.mark.parametrize("mutant", list(conditions()), ids=lambda m: m.name)
def test_a_mistake_is_named_under_its_condition(mutant):
    (found,) = diagnose(mutant.candidate(), EVERYTHING, np.random.default_rng(0))
    assert (found.code,) == mutant.codes
    assert found.explanation.startswith("Only ")
    assert mutant.says in found.explanation


@pytest.mark.parametrize("mutant", list(chunked()), ids=lambda m: m.name)
def test_rows_that_are_left_over_are_told(mutant):
    (found,) = diagnose(mutant.candidate(), EVERYTHING, np.random.default_rng(0))
    assert found.code == "unknown-gradient"
    assert mutant.says in found.explanation


@pytest.mark.parametrize("seed", range(3))
def test_a_one_hot_without_the_number_of_classes_is_told(seed):
    def op(logits, tau=1.0):
        index = torch.multinomial(logits.detach().softmax(-1).reshape(-1, logits.shape[-1]), 1)
        onehot = torch.nn.functional.one_hot(index.reshape(logits.shape[:-1])).to(logits.dtype)
        return Algorithm2(sampled=lambda *_: onehot)(logits, tau)

    found = diagnose(wrap(op, framework="torch"), EVERYTHING, np.random.default_rng(seed))
    assert [d.code for d in found] == ["unknown-sampler"]
    assert "num_classes" in found[0].explanation


def test_what_fails_in_the_sample_does_not_hide_what_fails_in_the_gradient():
    quoted = (CheckResult("row-correlation", "fail", "one"), CheckResult("backward-tau-1", "fail", "two"))
    found = diagnose(wrap(forge()), quoted, np.random.default_rng(0))
    assert [d.code for d in found] == ["unknown-sampler", "unknown-gradient"]


def test_a_gradient_that_is_wrong_at_one_temperature_alone_is_told_so():
    def op(logits, tau=1.0, rng=None):
        return (forge(terms(0, 1)) if tau == 1 else forge())(logits, tau, rng)

    (found,) = verify.check(op).diagnosis
    assert found.code == "unknown-gradient"
    assert "2·J(q)g − 0.5·J(p)g at τ = 0.5, 1.5, 2; 1·J(p)g at τ = 1" in found.explanation
    assert "at τ = 1 the sample does not enter it" in found.explanation
