"""Which estimator for my objective: the table equals the moments, and the advice their arithmetic."""

import numpy as np
import pytest

from reinmax_ref.estimators import names
from reinmax_ref.protocol import needs_of
from verify import objectives
from verify.lab.compare import compare
from verify.lab.moments import moments
from verify.lab.tables import LARGE, Row, advise, best

LOGITS = np.array([[0.3, -0.4, 1.0], [0.0, 0.2, -0.5]])
F = objectives.tanh_network(2, 3, rng=0)
TAUS = (0.5, 1.0, 2.0)


@pytest.fixture(scope="module")
def found():
    return compare(F, LOGITS, taus=TAUS)


def test_every_estimator_is_there_or_left_out_with_a_reason(found):
    binary = {name for name in names() if needs_of(name).binary}
    assert {row.estimator for row in found.rows} == set(names()) - binary
    assert found.skipped == dict.fromkeys(sorted(binary), "for variables of 2 classes, not 3")


def test_a_row_holds_the_moments_at_the_best_temperature(found):
    for row in found.rows:
        each = [moments(row.estimator, F, LOGITS, tau) for tau in TAUS]
        least = min(each, key=lambda m: m.mse)
        assert row.mse == least.mse
        assert row.bias == np.linalg.norm(least.bias)
        assert row.deviation == np.sqrt(least.total_variance)
        assert row.cosine == least.cosine
        assert row.standard_error == least.standard_error
        assert row.tau == (least.tau if needs_of(row.estimator).tempered else None)


def test_rows_are_sorted_by_the_error_of_one_draw(found):
    errors = [row.mse for row in found.rows]
    assert errors == sorted(errors)
    assert found.best(1).mse == errors[0]


def test_a_large_batch_wants_no_bias_and_then_the_least_variance(found):
    free = [row for row in found.rows if row.relative_bias <= 1e-12]
    assert found.best(10**9) == min(free, key=lambda row: row.deviation)
    assert found.best(10**9).estimator in found.advice


def test_bits_are_compared_too():
    rows = compare(objectives.polynomial_programming(p=3.0), np.zeros((2, 2)), taus=[1.0]).rows
    assert {row.estimator for row in rows} == set(names())


def test_logits_of_one_variable():
    one = compare(F_ONE, LOGITS[0], estimators=["reinmax"], taus=[1.0]).rows[0]
    assert one == compare(F_ONE, LOGITS[:1], estimators=["reinmax"], taus=[1.0]).rows[0]


F_ONE = objectives.quadratic(np.diag([1.0, 2.0, 4.0]), [0.0, 1.0, 0.0])


def test_reinmax_is_for_large_batches_where_only_slopes_are_known():
    found = compare(F_ONE, LOGITS[0], estimators=["reinmax", "straight_through"])
    assert found.best(LARGE).name == "reinmax at τ = 1"
    assert "for a large one use reinmax at τ = 1 (bias 0)" in found.advice


def row(name, bias, deviation):
    return Row(name, None, bias, deviation, bias**2 + deviation**2, 1.0, bias, 0.0, 1, "∇f")


def test_the_crossing_is_where_the_errors_meet():
    small, large = row("mve", 1.0, 1.0), row("darn", 0.0, 7.0)
    assert advise([small, large]).endswith("which is closer from 48 draws on.")
    assert small.error(47) < large.error(47)
    assert small.error(48) == large.error(48)
    assert small.error(49) > large.error(49)


def test_one_answer_where_one_is_best_for_both():
    assert "for a large one too" in advise([row("mve", 0.0, 1.0), row("darn", 0.5, 7.0)])
    assert advise([row("mve", 0.0, 1.0)]).count(".") == 1


def test_a_bias_of_the_size_of_rounding_is_none():
    exact, rounded = row("mve", 0.0, 2.0), row("darn", 1e-16, 1.0)
    assert best([exact, rounded], 10**40) == rounded


def test_the_text_has_a_line_for_each_and_the_advice(found):
    lines = str(found).splitlines()
    assert lines[0].split()[:3] == ["estimator", "τ", "bias"]
    assert [line.split()[0] for line in lines[1 : 1 + len(found.rows)]] == [r.estimator for r in found.rows]
    assert " ".join(lines).endswith(" ".join(found.advice.split()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"estimators": ["nobody"]}, "no estimator is named 'nobody'"),
        ({"estimators": ["arm"]}, "nothing to compare at 3 classes"),
        ({"taus": []}, "taus is .*expected a sequence"),
        ({"taus": 1.0}, "taus is 1.0; expected a sequence"),
        ({"estimators": "reinmax"}, "estimators is 'reinmax'; expected a sequence"),
        ({"taus": [-1.0], "estimators": ["reinmax"]}, "tau"),
    ],
)
def test_what_cannot_be_compared_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        compare(F, LOGITS, **options)
