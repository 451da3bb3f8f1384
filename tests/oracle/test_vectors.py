"""Known answers: proven in themselves, kept by right ports, and not by wrong ones."""

import json

import numpy as np
import pytest
import torch

from reinmax_ref import reinmax, straight_through
from reinmax_ref.torch import reinmax as torch_reinmax
from verify.cli import main
from verify.oracle.definitions import reinmax_gradient, softmax
from verify.oracle.vectors import judge, to_dict, vectors


@pytest.fixture
def answers():
    return to_dict()


def answered(answers, estimator, dtype="float64"):
    for case in answers["cases"]:
        draw = estimator(np.array(case["logits"], dtype), case["tau"], index=case["index"])
        g, h = (np.array(case[name], dtype) for name in ("grad_hard", "grad_soft"))
        case["soft"], case["gradient"] = draw.soft.tolist(), draw.vjp(g, h).tolist()
    return answers | {"dtype": dtype}


def test_vectors_are_the_definition_and_exact_in_every_dtype():
    for v in vectors():
        theta, g, h = (np.array(x) for x in (v.logits, v.grad_hard, v.grad_soft))
        for given in (theta, g, h, np.array(v.tau)):
            np.testing.assert_array_equal(given, given.astype(np.float16))
        exact = reinmax_gradient(theta, v.tau, np.eye(theta.size)[v.index], g, h)
        rounding = 64 * float(np.finfo(np.longdouble).eps) * np.abs([*g, *h]).max()
        np.testing.assert_allclose(v.gradient, exact.astype(float), rtol=2**-52, atol=rounding)
        np.testing.assert_allclose(v.soft, softmax(theta).astype(float), rtol=2**-52)


def test_two_classes_by_hand():
    """J(q)v of two classes is q₀q₁(v₀ − v₁) times (1, −1)."""
    (v,) = [v for v in vectors() if v.name == "two classes, class 0, tau 1"]
    p = 1 / (1 + np.exp(-0.75))
    q, slope, other = (p + 1) / 2, v.grad_hard[0] - v.grad_hard[1], v.grad_soft[0] - v.grad_soft[1]
    by_hand = (2 * q * (1 - q) - p * (1 - p) / 2) * slope + p * (1 - p) * other
    np.testing.assert_allclose(v.gradient, [by_hand, -by_hand], rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_right_answers_pass(answers, dtype):
    assert judge(answered(answers, reinmax, dtype)) == []


def test_the_torch_op_passes(answers):
    for case in answers["cases"]:
        theta = torch.tensor(case["logits"], dtype=torch.float64, requires_grad=True)
        hard, soft = torch_reinmax(theta, case["tau"], index=torch.tensor(case["index"]))
        weights = [torch.tensor(case[c], dtype=torch.float64) for c in ("grad_hard", "grad_soft")]
        (gradient,) = torch.autograd.grad([hard, soft], theta, weights)
        case["soft"], case["gradient"] = soft.tolist(), gradient.tolist()
    assert judge(answers) == []


def test_wrong_answers_are_told(answers):
    wrong = judge(answered(answers, straight_through))
    assert len(wrong) > 60
    assert all("gradient is off by" in told for told in wrong)


def test_an_answer_that_is_not_a_number_is_wrong(answers):
    answers["cases"][7]["soft"] = [float("nan"), 0.5]
    assert [told.partition(":")[0] for told in judge(answers)] == [answers["cases"][7]["name"]]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda answers: answers.pop("schema"), "these are no answers"),
        (lambda answers: answers.update(dtype="float8"), "these are no answers"),
        (lambda answers: answers["cases"].pop(), "there are 91 cases"),
        (lambda answers: answers["cases"].reverse(), "keep the cases in order"),
        (lambda answers: answers["cases"][5].update(gradient="x"), "gradient is no list of 2 numbers"),
        (lambda answers: answers["cases"][5].update(soft=[1.0]), "soft is no list of 2 numbers"),
    ],
)
def test_what_is_no_answer_is_refused(spoil, said, answers):
    spoil(answers)
    with pytest.raises(ValueError, match=said):
        judge(answers)


def test_command_exports_and_judges(tmp_path, capsys):
    path = tmp_path / "vectors.json"
    assert main(["vectors", "export", str(path)]) == 0
    assert main(["vectors", "check"]) == main(["vectors", "check", str(path)]) == 0
    answers = json.loads(path.read_text("utf-8"))
    for case in answers["cases"]:
        case["gradient"] = [0.25] * len(case["logits"])
    path.write_text(json.dumps(answers), "utf-8")
    assert main(["vectors", "check", str(path)]) == 1
    assert "more\n" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["[]", "nonsense", None])
def test_command_refuses_a_file_that_holds_no_answers(content, tmp_path):
    path = tmp_path / "vectors.json"
    if content is not None:
        path.write_text(content, "utf-8")
    assert main(["vectors", "check", str(path)]) == 2
