"""A fixed number of classes, modes, switches and bad words: a verdict that is right, or a question."""

import numpy as np
import pytest
import torch

import verify
from tests.mutants.torch_binary import bits, right_third
from tests.mutants.torch_styles import algorithm_2, along
from verify.candidate import wrap
from verify.candidate.expected_gradient import certain
from verify.candidate.options import MOST_CLASSES
from verify.conformance.error_rates import FALSE_ALARM
from verify.oracle.convergence import LOGITS
from verify.oracle.definitions import softmax


class Fixed(torch.nn.Module):
    """A number of classes that is baked in, and a mode."""

    def __init__(self, classes=10, evaluated=algorithm_2):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.linspace(-1, 1, classes), requires_grad=False)
        self.evaluated = evaluated

    def forward(self, logits, tau=1.0):
        return (algorithm_2 if self.training else self.evaluated)(logits + 0 * self.bias, tau)


@pytest.mark.parametrize("classes", [2, 10, 30])
def test_a_fixed_number_of_classes_is_asked_for_and_then_kept_to(classes):
    with pytest.raises(ValueError, match=f"say classes={classes} or --classes {classes}"):
        wrap(Fixed(classes))
    report = verify.check(Fixed(classes), classes=classes)
    assert report.verdict == "conforms"
    skipped = {c.name for c in report.checks if c.status == "skip"}
    assert skipped == {"one-class", "two-classes", "class-axis"} - (
        {"two-classes"} if classes == 2 else set()
    )


def test_a_fault_is_found_with_a_fixed_number_of_classes():
    class Wrong(Fixed):
        def forward(self, logits, tau=1.0):
            hard, soft = super().forward(logits, tau)
            return soft + (hard - soft).detach(), soft

    report = verify.check(Wrong(), classes=10)
    assert report.verdict == "deviates"
    assert [d.code for d in report.diagnosis] == ["straight-through"]


def test_every_class_is_sure_to_be_drawn():
    for classes in range(2, MOST_CLASSES + 1):
        p = softmax(np.linspace(1, -1, classes)).astype(float)
        assert ((1 - p) ** certain(classes)).sum() <= FALSE_ALARM["expectation"]
        p = softmax(np.resize(LOGITS, classes)).astype(float)
        assert 10 * ((1 - p) ** certain(classes)).sum() <= FALSE_ALARM["order"]


def test_a_number_of_classes_that_cannot_be_is_refused():
    for classes in (1, 65, "10"):
        with pytest.raises(ValueError, match="expected a number from 2 to 64"):
            wrap(Fixed(), classes=classes)
    with pytest.raises(ValueError, match="binary and classes"):
        wrap(bits(right_third), binary=True, classes=2)


def argmax(logits, tau=1.0):
    return torch.nn.functional.one_hot((logits / tau).argmax(-1), logits.shape[-1]).to(logits)


def no_gradient(logits, tau=1.0):
    return algorithm_2(logits, tau)[0].detach()


@pytest.mark.parametrize("evaluated", [argmax, no_gradient])
def test_a_module_in_evaluation_mode_is_asked_to_train(evaluated):
    module = Fixed(5, evaluated)
    assert wrap(module).has_soft
    module.eval()
    with pytest.raises(ValueError, match=r"evaluation mode, and gives .* there: call train\(\)"):
        wrap(module)
    with pytest.raises(ValueError, match="evaluation mode"):
        wrap(module.forward)


def test_a_module_in_evaluation_mode_that_samples_is_taken():
    assert wrap(Fixed(5).eval()).has_soft


def soft_only(logits, tau=1.0):
    return (logits / tau).softmax(-1)


@pytest.mark.parametrize("off", [argmax, no_gradient, soft_only])
def test_a_switch_that_is_off_is_asked_for(off):
    def op(logits, tau=1.0, *, training=False):
        return algorithm_2(logits, tau)[0] if training else off(logits, tau)

    with pytest.raises(ValueError, match="--set training=true"):
        wrap(op, framework="torch")
    assert wrap(op, framework="torch", training=True).has_tau
    assert wrap(op, framework="torch", training=False).has_tau


def test_a_switch_named_after_the_estimator_is_asked_for():
    def op(logits, tau=1.0, *, reinmax=False):
        hard, soft = algorithm_2(logits, tau)
        return hard if reinmax else soft + (hard - soft).detach()

    with pytest.raises(ValueError, match="--set reinmax=true"):
        wrap(op, framework="torch")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"axis": 7}, "axis is 7; expected -4 to 3"),
        ({"axis": 1.5}, "axis is of type float"),
        ({"axis": "where"}, "no argument 'where'"),
        ({"tau": 1.5}, "tau is of type float; expected the name"),
        ({"logits": np.zeros(3)}, "logits is of type ndarray; expected the name"),
        ({"logits": "theta"}, "no argument 'theta'; it takes"),
        ({"injected": "onehot"}, "no argument 'onehot'; it takes"),
        ({"returns": 3}, "returns is of type int"),
        ({"returns": "hard,nope"}, "returns is hard, nope; expected names out of"),
        ({"nope": 1}, "no argument 'nope'; it takes"),
        ({"dim": 1}, "dim is the class axis"),
        ({"T": 2.0}, "T is the temperature, which the checks choose"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, said):
    with pytest.raises((TypeError, ValueError), match=said):
        wrap(along, **options)


@pytest.mark.parametrize(
    ("result", "said"),
    [(None, "part 1 of the result is of type NoneType"), (("a", 1), "of type str"), ((), "holds no array")],
)
def test_a_result_that_is_no_array_is_asked_for(result, said):
    with pytest.raises(ValueError, match=said):
        wrap(lambda logits, tau=1.0: result, framework="torch")  # noqa: ARG005


def test_the_error_in_float32_is_told_where_float64_fails_by_its_dtype():
    layer = torch.nn.Linear(7, 7)
    with pytest.raises(ValueError, match=r"cannot be multiplied.* It takes logits of 7 classes"):
        wrap(lambda logits, tau=1.0: algorithm_2(layer(logits), tau), framework="torch")
