"""Every calling convention is found out, or asked for."""

import inspect
from inspect import Parameter, Signature

import numpy as np
import pytest
import torch

import verify
from tests.mutants.forge import forge
from tests.mutants.torch_binary import bits, right_third
from tests.mutants.torch_styles import (
    Distribution,
    Heun,
    Module,
    algorithm_2,
    along,
    channels_first,
    hard_only,
    index_first,
    index_last,
    matrices,
    soft_first,
    switched,
    vector,
    with_sample,
)
from verify.candidate import wrap
from verify.candidate.convention import Convention
from verify.candidate.frameworks import detect
from verify.candidate.parts import name_parts
from verify.conformance.checks import find


@pytest.mark.parametrize("name", ["tau", "temperature", "temp", "T", "kappa"])
def test_temperature_is_found_under_its_usual_names(name):
    def op(logits, rng=None, **heat):
        return forge()(logits, heat.get(name, 1.0), rng)

    names = [
        Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, default=d) for n, d in ((name, 1.0), ("rng", None))
    ]
    op.__signature__ = Signature([Parameter("logits", Parameter.POSITIONAL_OR_KEYWORD), *names])
    if name == "kappa":
        with pytest.raises(ValueError, match="--tau-name"):
            wrap(op)
        assert wrap(op, tau="kappa").has_tau
    else:
        assert wrap(op).convention.tau == name


def test_positional_only_arguments():
    def op(logits, tau, /):
        return forge()(logits, tau)

    assert wrap(op).convention.tau == "tau"


def test_absent_temperature_is_seen():
    assert not wrap(hard_only).has_tau
    assert not wrap(algorithm_2, tau=None).has_tau


def test_temperature_on_a_module_is_set_and_put_back():
    module = Module(temperature=3.0)
    candidate = wrap(module)
    assert candidate.convention.stored
    one, two = (
        candidate.observe(np.ones((4, 3)) * [0, 1, 2], tau, lambda h: (h * 0 + [1.0, 0, 3], None), seed=0)
        for tau in (1.0, 2.0)
    )
    assert module.temperature == 3.0
    assert not np.allclose(one.gradient, two.gradient)


class Settings:
    tau = 3.0


class Configured(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.config = Settings()

    def forward(self, logits):
        return algorithm_2(logits, self.config.tau)

    def draw(self, logits):
        return self(logits)[0]


@pytest.mark.parametrize("options", [{}, {"tau": "config.tau"}])
def test_temperature_in_the_settings_of_a_module_is_set_and_put_back(options):
    module = Configured()
    for fn in (module, module.draw):
        candidate = wrap(fn, **options)
        assert (candidate.convention.tau, candidate.convention.stored) == ("config.tau", True)
        assert find("backward-tau-2").function(candidate, np.random.default_rng(0)).status == "pass"
    assert module.config.tau == 3.0


def test_what_may_be_a_temperature_is_named():
    def op(logits, sharpness):
        return algorithm_2(logits, sharpness)

    with pytest.raises(ValueError, match=r"what to give for sharpness is not known.*--tau-name sharpness"):
        wrap(op, framework="torch")


def test_temperature_as_a_tensor():
    assert wrap(matrices).convention.tau_array


@pytest.mark.parametrize(
    ("fn", "returns"),
    [
        (hard_only, ("hard",)),
        (algorithm_2, ("hard", "soft")),
        (index_first, ("index", "hard")),
        (index_last, ("hard", "index")),
        (soft_first, ("soft", "hard")),
    ],
)
def test_parts_of_the_result(fn, returns):
    assert wrap(fn).convention.returns == returns


def test_parts_that_cannot_be_told_apart_are_asked_for():
    parts = [np.eye(4), np.ones(()), np.eye(4)]
    with pytest.raises(ValueError, match="--returns"):
        name_parts(parts, (4, 4), -1)
    with pytest.raises(ValueError, match="3 part"):
        Convention(returns=("hard", "soft")).split((1, 2, 3))


def test_parts_to_be_ignored():
    def op(logits, tau=1.0):
        return logits.sum(), *algorithm_2(logits, tau)

    assert wrap(op, returns=("_", "hard", "soft")).has_soft
    with pytest.raises(ValueError, match="returns"):
        wrap(op)


@pytest.mark.parametrize("returns", [("soft", "hard"), "soft,hard", ["soft", " hard"], ("_", "hard")])
def test_parts_named_in_the_wrong_order_are_asked_for(returns):
    with pytest.raises(ValueError, match="part 1 of the result is one-hot, and the part named hard is not"):
        wrap(algorithm_2, returns=returns)


def test_default_words_said_by_the_caller_count_as_said():
    assert wrap(soft_first).convention.returns == ("soft", "hard")
    with pytest.raises(ValueError, match="part 2 of the result is one-hot"):
        verify.check(soft_first, returns=("hard", "soft"))
    assert wrap(index_first).convention.tau == "temperature"
    with pytest.raises(ValueError, match="no temperature 'tau'"):
        verify.check(index_first, tau="tau")


def test_defaults_are_those_promised():
    promised = inspect.signature(verify.check).parameters
    assert promised["tau"].default == "tau"
    assert promised["returns"].default == ("hard", "soft")
    assert str(promised["returns"]).endswith("= ('hard', 'soft')")


def test_an_index_of_another_shape_is_asked_for():
    with pytest.raises(ValueError, match="part named index has shape"):
        wrap(algorithm_2, returns="hard,index")


def test_a_part_that_is_none_is_ignored():
    candidate = wrap(lambda logits, tau=1.0: (algorithm_2(logits, tau)[0], None), framework="torch")
    assert candidate.convention.returns == ("hard", "_")


@pytest.mark.parametrize("change", [torch.log, lambda soft: 2 * soft])
def test_a_part_that_is_no_distribution_is_asked_for_unless_it_is_named(change):
    def op(logits, tau=1.0):
        hard, soft = algorithm_2(logits, tau)
        return hard, change(soft)

    with pytest.raises(ValueError, match="say --returns hard,_ "):
        wrap(op, framework="torch")
    assert wrap(op, framework="torch", returns="hard,soft").has_soft
    assert not wrap(op, framework="torch", returns="hard,_").has_soft


def test_names_that_the_result_bears_are_selected():
    def op(logits, tau=1.0):
        hard, soft = algorithm_2(logits, tau)
        return {"soft": soft, "hard": hard}

    assert wrap(op, framework="torch").has_soft
    assert not wrap(op, framework="torch", returns="hard,_").has_soft
    with pytest.raises(ValueError, match="bear the names soft, hard, and none is index"):
        wrap(op, framework="torch", returns="hard,index")


def test_channels_first_is_asked_for_and_then_right():
    with pytest.raises(ValueError, match="--axis 1"):
        wrap(channels_first)
    assert verify.check(channels_first, axis=1).verdict == "conforms"


@pytest.mark.parametrize("returns", [(0, 1), (1, 0)])
def test_channels_first_with_a_soft_part_is_asked_for(returns):
    def op(images, tau=1.0):
        if images.ndim != 3:
            raise ValueError("expected 3 axes")
        parts = algorithm_2(images.movedim(1, -1), tau)
        return tuple(parts[i].movedim(-1, 1) for i in returns)

    with pytest.raises(ValueError, match="--axis 1"):
        wrap(op, framework="torch")


def test_axis_argument_is_found():
    convention = wrap(along).convention
    assert (convention.axis_name, convention.axis) == ("dim", -1)
    assert wrap(along, axis="dim").convention.axis_name == "dim"
    with pytest.raises(ValueError, match="no argument 'where'"):
        wrap(along, axis="where")


def test_binary_is_asked_for():
    op = bits(right_third)
    with pytest.raises(ValueError, match="--binary"):
        wrap(op)
    assert wrap(op, binary=True).classes == 2


def test_parts_of_a_binary_result_are_told_apart():
    op = bits(right_third)
    swapped = wrap(lambda l, tau=1.0: op(l, tau)[::-1], framework="torch", binary=True)  # noqa: E741
    assert swapped.convention.returns == ("soft", "hard")
    with pytest.raises(ValueError, match="part 1 of the result is one-hot"):
        wrap(op, binary=True, returns="soft,hard")


def test_sample_as_an_argument():
    candidate = wrap(with_sample)
    assert (candidate.convention.injected, candidate.convention.injected_onehot) == ("one_hot", True)
    report = verify.check(with_sample)
    assert {c.name: c.status for c in report.checks}["sampler"] == "skip"


def test_one_row_at_a_time():
    candidate = wrap(vector)
    assert (candidate.rank, candidate.convention.logits) == (1, "alpha")
    seen = candidate.observe(np.zeros((2, 3, 4)), cotangent=lambda h: (h * [1, 2, 3, 4.0], None), seed=0)
    assert seen.hard.shape == seen.gradient.shape == (2, 3, 4)


def test_more_axes_than_two():
    def op(images, tau=1.0):
        if images.ndim != 4:
            raise ValueError("expected images")
        hard, soft = algorithm_2(images.movedim(1, -1), tau)
        return hard.movedim(-1, 1), soft.movedim(-1, 1)

    candidate = wrap(op, axis=1)
    assert candidate.rank == 4
    assert candidate.observe(np.zeros((6, 5)), seed=0).hard.shape == (6, 5)


@pytest.mark.parametrize("fn", [Module, Distribution, Heun, torch.compile(hard_only, backend="eager")])
def test_kinds_are_called(fn):
    seen = wrap(fn).observe(np.zeros((6, 5)), cotangent=lambda h: (h * np.arange(5), None), seed=0)
    assert np.abs(seen.gradient).max() > 0.1


def test_constants_are_passed_on():
    candidate = wrap(switched, hard=True)
    assert set(np.unique(candidate.observe(np.zeros((6, 5)), seed=0).hard.round(12))) == {0, 1}


def test_required_arguments_are_asked_for():
    def op(logits, tau, codebook):
        return logits / tau @ codebook

    with pytest.raises(ValueError, match="codebook"):
        wrap(op)


@pytest.mark.parametrize(
    ("fn", "framework"), [(algorithm_2, "torch"), (Module, "torch"), (Module(), "torch"), (forge(), "numpy")]
)
def test_framework_is_found_by_what_the_code_names(fn, framework):
    assert detect(fn) == framework


def test_unusable_targets_raise():
    with pytest.raises(TypeError, match="expected something to call"):
        wrap(3)
    with pytest.raises(ValueError, match="could not be called"):
        wrap(lambda logits, tau=1.0: logits.nonsense / tau)
    with pytest.raises(ValueError, match="expected one of numpy"):
        wrap(algorithm_2, framework="theano")
