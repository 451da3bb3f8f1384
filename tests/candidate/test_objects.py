"""Targets as people have them: state in attributes, switches, weights, fixed numbers of axes."""

import dataclasses
import enum
import functools

import numpy as np
import pytest
import torch

import verify
from reinmax_ref import reinmax
from tests.mutants.forge import softmax
from tests.mutants.torch_styles import algorithm_2
from verify.candidate import wrap


def softened(logits, tau):
    return (logits / tau).softmax(-1)


def test_a_candidate_is_taken_in_place_of_its_function():
    candidate = verify.wrap(lambda logits, kappa=1.0: reinmax(logits, kappa), "numpy", tau="kappa")
    assert verify.check(candidate).verdict == "conforms"
    assert verify.order(candidate).order == pytest.approx(2, abs=1e-3)
    assert wrap(candidate) is candidate
    with pytest.raises(TypeError, match="is a candidate; say how it is called where it is made"):
        verify.check(candidate, tau="kappa")


# The temperature of an object


class LateTemperature:
    """A layer whose vjp reads the temperature when it is called."""

    def __init__(self):
        self.tau = 1.0

    def __call__(self, logits, rng=None):
        draw = reinmax(logits, self.tau, rng=rng)
        return draw.hard, draw.soft, lambda g, h=None: reinmax(logits, self.tau, index=draw.index).vjp(g, h)


def test_a_temperature_holds_until_the_gradient_is_taken():
    layer = LateTemperature()
    assert verify.check(layer).verdict == "conforms"
    assert layer.tau == 1.0


@dataclasses.dataclass(frozen=True)
class Frozen:
    tau: float = 1.0

    def __call__(self, logits):
        return algorithm_2(logits, self.tau)


class Learned(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tau = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, logits):
        return algorithm_2(logits, self.tau)


class Buffered(Learned):
    def __init__(self):
        torch.nn.Module.__init__(self)
        self.register_buffer("tau", torch.ones(1))


@pytest.mark.parametrize("made", [Frozen(), Learned(), Buffered()], ids=lambda made: type(made).__name__)
def test_temperatures_that_are_frozen_or_tensors_are_set(made):
    before = made.tau
    candidate = wrap(made, "torch")
    assert candidate.convention.stored
    assert verify.check(candidate).verdict == "conforms"
    assert made.tau is before


def test_a_compiled_method_sees_the_temperature_of_its_object():
    jax = pytest.importorskip("jax")

    @dataclasses.dataclass(frozen=True)
    class Compiled:
        tau: float = 1.0

        @functools.partial(jax.jit, static_argnums=0)
        def __call__(self, logits):
            return jax.nn.one_hot(logits.argmax(-1), 5), jax.nn.softmax(logits / self.tau)

    candidate, logits = wrap(Compiled(), "jax"), np.arange(5.0)
    for tau in (1.0, 0.5, 2.0, 1.0):
        seen = candidate.observe(logits, tau, seed=0)
        np.testing.assert_allclose(seen.soft, softmax(logits / tau), rtol=1e-12)


class ReadOnly(Learned):
    def __init__(self):
        torch.nn.Module.__init__(self)

    @property
    def tau(self):
        return 1.0


def test_a_temperature_that_cannot_be_set_is_asked_about():
    with pytest.raises(ValueError, match=r"its temperature tau cannot be set .*--no-tau"):
        wrap(ReadOnly())
    assert not wrap(ReadOnly(), tau=None).has_tau


# The number of axes


class OfThreeAxes(torch.autograd.Function):
    """Takes any logits, and cotangents of three axes only."""

    @staticmethod
    def forward(ctx, logits, tau):
        hard, _ = algorithm_2(logits.detach(), tau)
        ctx.save_for_backward(logits, hard)
        ctx.tau = tau
        return hard

    @staticmethod
    def backward(ctx, g):
        _batch, _latents, _classes = g.shape
        logits, hard = ctx.saved_tensors
        p, half = logits.softmax(-1), (hard + (logits / ctx.tau).softmax(-1)) / 2

        def product(q):
            return q * (g - (q * g).sum(-1, keepdim=True))

        return 2 * product(half) - product(p) / 2, None


def one_row(logits, tau=1.0):
    """Sets whole rows to 1 where it is given several."""
    hard, _ = algorithm_2(logits, tau)
    again = torch.zeros_like(logits)
    again[hard.argmax(-1)] = 1
    return again + (hard - hard.detach())


def test_axes_are_found_from_the_backward_pass():
    candidate = wrap(lambda logits, tau=1.0: OfThreeAxes.apply(logits, tau), "torch")
    assert candidate.rank == 3
    assert verify.check(candidate).verdict == "conforms"


def test_single_rows_are_found_where_several_broadcast_silently():
    candidate = wrap(one_row, "torch")
    assert candidate.rank == 1
    assert verify.check(candidate).verdict == "conforms"


@pytest.mark.parametrize("ndim", [1, 2, 3, 4])
def test_the_number_of_axes_can_be_said(ndim):
    seen = set()

    def op(logits, tau=1.0):
        seen.add(logits.ndim)
        return algorithm_2(logits, tau)

    assert verify.check(op, "torch", ndim=ndim).verdict == "conforms"
    assert seen == {ndim}


def test_a_number_of_axes_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="ndim is 0; expected a number of axes from 1 to 4"):
        wrap(algorithm_2, ndim=0)


# Switches


class Mode(enum.Enum):
    SOFT = 1
    HARD = 2


def by_member(logits, tau=1.0, mode=Mode.SOFT):
    return algorithm_2(logits, tau)[0] if mode is Mode.HARD else softened(logits, tau)


def by_text(logits, tau=1.0, mode="soft"):
    return algorithm_2(logits, tau)[0] if mode == "hard" else softened(logits, tau)


def by_none(logits, tau=1.0, hard=None):
    return algorithm_2(logits, tau)[0] if hard else softened(logits, tau)


@pytest.mark.parametrize(
    ("op", "asked", "on"),
    [
        (by_member, "mode=SOFT, as by default: .*--set mode=HARD", {"mode": "HARD"}),
        (by_text, "mode='soft', as by default: .*--set mode=TEXT", {"mode": "hard"}),
        (by_none, "hard=None, as by default: .*--set hard=true", {"hard": True}),
    ],
)
def test_switches_that_are_not_booleans_are_asked_about(op, asked, on):
    with pytest.raises(ValueError, match=f"gives no one-hot sample with {asked}"):
        wrap(op, "torch")
    assert verify.check(op, "torch", **on).verdict == "conforms"


# Objects and classes


class Sampling:
    def sample(self, logits, tau=1.0):
        return algorithm_2(logits, tau)


def test_methods_are_named_where_an_object_is_not_called():
    with pytest.raises(TypeError, match=r"name a method of one \(sample\), as path/to/file.py:object.sample"):
        wrap(Sampling())
    with pytest.raises(TypeError, match=r"objects of Sampling are not called on logits.*object.sample"):
        wrap(Sampling)
    with pytest.raises(TypeError, match=r"a method of a class, and needs an object: write model = Sampling"):
        wrap(Sampling.sample)
    assert wrap(Sampling().sample, "torch").has_soft


class Wide(torch.nn.Module):
    def __init__(self, dim, tau=1.0):
        super().__init__()
        self.scale, self.tau = torch.ones(dim), tau

    def forward(self, logits):
        return algorithm_2(logits * self.scale.sum() / len(self.scale), self.tau)


class WideByDefault(Wide):
    def __init__(self, dim=512, tau=1.0):
        super().__init__(dim, tau)


def test_a_width_is_no_class_axis():
    with pytest.raises(ValueError, match="what to give for dim is not known: say --set dim=VALUE"):
        wrap(Wide)
    assert verify.check(Wide, dim=4).verdict == "conforms"
    assert wrap(WideByDefault).convention.axis_name is None
    assert wrap(WideByDefault, dim=4).convention.constants == {"dim": 4}


def test_required_weights_are_not_called_a_temperature():
    def op(logits, weight):
        return algorithm_2(logits @ weight, 1.0)

    with pytest.raises(ValueError, match="what to give for weight is not known") as asked:
        wrap(op, "torch")
    assert "may be a temperature" not in str(asked.value)
    assert verify.check(op, "torch", weight=torch.eye(5, dtype=torch.float64)).verdict == "conforms"


class Quantizer(torch.nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.proj, self.codebook = torch.nn.Linear(width, classes), torch.nn.Embedding(classes, width)

    def forward(self, x, tau=1.0):
        hard, _ = algorithm_2(self.proj(x.float()), tau)
        return hard @ self.codebook.weight, hard.argmax(-1)


@pytest.mark.parametrize("shape", [(5, 5), (5, 7), (4, 16)])
def test_logits_computed_inside_are_said_to_be(shape):
    with pytest.raises(ValueError, match=r"logits are computed inside \(proj, of type Linear, codebook"):
        wrap(Quantizer(*shape))


def test_with_the_identity_inside_a_quantizer_is_checked():
    model = Quantizer(5, 5)
    model.proj = torch.nn.Identity()
    model.codebook.weight.data = torch.eye(5)
    assert verify.check(model, classes=5).verdict == "conforms"


def test_probabilities_may_be_an_attribute_of_the_sample():
    def op(logits, tau=1.0):
        hard, soft = algorithm_2(logits, tau)
        hard.probs = soft
        return hard

    candidate = wrap(op, "torch")
    assert candidate.has_soft
    assert verify.check(candidate).verdict == "conforms"


# What a target says


def test_an_exception_is_shown_with_its_line():
    def op(logits, tau=1.0):  # noqa: ARG001
        raise KeyError("codebook")

    with pytest.raises(ValueError, match=r"KeyError: 'codebook' \(.*test_objects.py, line \d+\)"):
        wrap(op, "torch")


def test_what_it_prints_is_left_out(capsys):
    def op(logits, tau=1.0):
        print("step")  # noqa: T201
        return algorithm_2(logits, tau)

    assert verify.check(op, "torch").verdict == "conforms"
    assert capsys.readouterr().out == ""


def test_devices():
    assert wrap(algorithm_2, device="cpu").has_soft
    with pytest.raises(ValueError, match="device 'nope' cannot be used"):
        wrap(algorithm_2, device="nope")
    with pytest.raises(ValueError, match="NumPy computes on the CPU alone"):
        wrap(reinmax, device="cuda")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="Say where it computes with device="):
            wrap(lambda logits, tau=1.0: algorithm_2(logits.cuda(), tau), "torch")
