"""What is named, and what is described where no class fits."""

from pathlib import Path

import numpy as np
import pytest

import verify
from verify.candidate import Candidate
from verify.diagnosis import CODES, diagnose
from verify.diagnosis.gradient import fit_worlds, observed
from verify.diagnosis.interpretation import explanations, interpret
from verify.mutants import styles
from verify.mutants.forge import forge, inverse_cdf, terms
from verify.report import CheckResult

PUBLISHED = {
    "wrong-axis", "argmax-sampler", "tempered-sampler", "probabilities-as-logits", "straight-through",
    "missing-half-term", "missing-factor-two", "inverse-tau-scale", "inverted-tau", "tempered-half-term",
    "sign-flip", "severed-gradient", "missing-stop-gradient", "soft-cotangent", "resampled-backward",
    "noise-in-backward", "row-coupling", "binary-log-sigmoid",
}  # fmt: skip


def test_documentation_holds_every_mistake_as_it_is():
    text = (Path(__file__).parents[1] / "docs" / "mistakes.md").read_text("utf-8")
    for mistake in CODES.values():
        for part in (f"## `{mistake.code}`", mistake.wrong, mistake.line, mistake.mend):
            assert part in text


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
    columns = observed(Candidate.wrap(forge(terms(1.25, 0.75))), rng)
    fit = fit_worlds(columns, binary=False)[0]
    assert fit.residual <= 1
    for tau, seen in fit.coefficients.items():
        np.testing.assert_allclose(seen, (1.25, 0.75, 0), atol=1e-9, err_msg=str(tau))


@pytest.mark.parametrize("explanation", explanations(), ids=lambda e: "+".join(e.codes) or "none")
def test_interpretation_inverts_prediction(explanation):
    found = interpret({tau: explanation.predict(tau) for tau in (1.0, 1.5, 2.0)})
    assert found is not None
    assert len(found.codes) <= len(explanation.codes)


def test_temperature_mistakes_are_not_named_without_a_temperature():
    for codes in (e.codes for e in explanations() if interpret({1.0: e.predict(1.0)}) is e):
        assert not {"inverse-tau-scale", "tempered-half-term"} & set(codes)


@pytest.mark.parametrize("style", [s for s in styles() if s.framework == "numpy"], ids=lambda s: s.name)
def test_a_right_implementation_is_given_no_name_even_when_asked(style):
    everything = tuple(
        CheckResult(name, "fail", "")
        for name in ("sampler", "soft-output", "backward-tau-1", "soft-cotangent")
    )
    found = diagnose(style.candidate(), everything, np.random.default_rng(1))
    assert found == ()


def test_explanations_say_what_is_wrong_which_line_and_how_to_mend_it():
    (found,) = verify.check(forge(terms(2, 0))).diagnosis
    assert found.code == "missing-half-term"
    for part in ("− ½ J(p)g", "line 5", "Subtract half", "Evidence"):
        assert part in found.explanation
