"""Every gradient of the torch adapter against the algebra in float64, for the same sample.

Tolerance. The op sees exactly the numbers the reference sees, so the error is
its own rounding: a few eps of the dtype it accumulates in for softmax (the
exponent's error |θ − max θ|·eps is damped by p ≤ exp(−|θ − max θ|)), for the sums
over classes and for the products, all relative to the largest cotangent, and
1/τ times that where the formula divides by τ. Results of 16 bits are rounded
once more, half a unit of their own last place.
"""

from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reinmax_ref
from reinmax_ref import algebra
from reinmax_ref.torch import gradients, reinmax, straight_through
from reinmax_ref.torch.gradients import State

EPS = 16  # of the accumulating dtype, times the largest cotangent
OPS = {"reinmax": reinmax, "straight_through": straight_through}
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_tau(x, tau):
    top = x.max(-1, keepdims=True)
    scaled = np.where(np.isneginf(x), -np.inf, 0.0 if np.isinf(tau) else (x - top) / tau)
    return softmax(scaled)


def reference(name, logits, tau, index, g, h=None):  # noqa: PLR0917  the arguments of the algebra
    """Evaluate the algebra in float64, classes last; absent cotangents are None."""
    x = logits.double().numpy()
    p, onehot = softmax(x), np.eye(x.shape[-1])[index.numpy()]
    g = np.zeros_like(x) if g is None else g.double().numpy()
    h = None if h is None else h.double().numpy()
    p_tau = p if tau == 1 else softmax_tau(x, tau)
    if name == "reinmax":
        return algebra.reinmax_vjp(p, p_tau, onehot, g, h)
    return algebra.straight_through_vjp(p, g, h, p_tau=p_tau, tau=tau)


def deviation(actual, expected, dtype, scale):
    """Return the largest error in units of its bound: at most 1 is a pass."""
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    bound = EPS * torch.finfo(wide).eps * scale * np.ones_like(expected)
    if wide != dtype:
        info = torch.finfo(dtype)
        bound = bound + info.eps / 2 * np.abs(expected) + info.smallest_normal * info.eps
    error = np.abs(actual.double().numpy() - expected) / bound
    return float(error.max(initial=0)) if np.isfinite(error).all() else np.inf


def compare(op, name, logits, tau, index, g, h):  # noqa: PLR0917  the arguments of the algebra
    x = logits.clone().requires_grad_()
    hard, soft = op(x, tau, index=index)
    loss = sum((y * c).sum() for y, c in ((hard, g), (soft, h)) if c is not None)
    (gradient,) = torch.autograd.grad(loss, x)
    scale = max(float(c.abs().max()) for c in (g, h) if c is not None)
    scale *= max(1, 1 / tau) if name == "straight_through" else 1
    return deviation(gradient, reference(name, logits, tau, index, g, h), logits.dtype, scale)


def case(shape, dtype, seed, scale=1.0, mean=0.0):
    torch.manual_seed(seed)
    logits = (scale * torch.randn(shape, dtype=torch.float64)).to(dtype)
    g = (mean + torch.randn(shape, dtype=torch.float64)).to(dtype)
    h = torch.randn(shape, dtype=torch.float64).to(dtype)
    index = torch.distributions.Categorical(logits=logits.double()).sample()
    return logits, index, g, h


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("tau", [1.0, 0.1, 1.5, 100.0, float("inf")])
@pytest.mark.parametrize("shape", [(7,), (5, 1), (5, 5), (3, 4, 6), (700, 8), (600, 40), (3, 1000)])
@pytest.mark.parametrize("outputs", ["hard", "soft", "both"])
def test_agrees_with_the_algebra(name, dtype, tau, shape, outputs):
    logits, index, g, h = case(shape, dtype, seed=sum(shape), scale=3)
    g, h = (None if outputs == "soft" else g), (None if outputs == "hard" else h)
    assert compare(OPS[name], name, logits, tau, index, g, h) <= 1


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(OPS)),
    classes=st.integers(1, 40),
    scale=st.floats(0.01, 1e4),
    tau=st.floats(0.05, 1e3) | st.just(1.0),
    mean=st.floats(-1e3, 1e3),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    seed=st.integers(0, 2**32),
)
def test_agrees_with_the_algebra_in_hard_cases(*, name, classes, scale, tau, mean, dtype, seed):
    logits, index, g, h = case((4, classes), dtype, seed, scale, mean)
    assert compare(OPS[name], name, logits, tau, index, g, h) <= 1


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_blocks_change_nothing(dtype, tau):
    """Large enough for the backward pass to go block by block, with a remainder."""
    logits, index, g, _ = case((9001, 33), dtype, seed=3)
    assert compare(reinmax, "reinmax", logits, tau, index, g, None) <= 1


@pytest.mark.parametrize("tau", [1.0, 1.5])
@pytest.mark.parametrize("name", OPS)
def test_agrees_with_the_numpy_reference(name, tau):
    logits, index, g, h = case((6, 5), torch.float64, seed=1)
    draw = getattr(reinmax_ref, name)(logits.numpy(), tau, index=index.numpy())
    x = logits.clone().requires_grad_()
    hard, soft = OPS[name](x, tau, index=index)
    (gradient,) = torch.autograd.grad((hard, soft), x, (g, h))
    np.testing.assert_array_equal(hard.detach(), draw.hard)
    np.testing.assert_allclose(soft.detach(), draw.soft, rtol=1e-15, atol=1e-15)
    assert deviation(gradient, draw.vjp(g.numpy(), h.numpy()), torch.float64, 4.0) <= 1


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_any_dim_and_strides(dim, tau):
    logits, _, g, _ = case((6, 6, 6), torch.float64, seed=5)
    logits, g = logits.permute(2, 0, 1)[:, ::2], g.permute(1, 2, 0)[:, ::2]
    index = logits.argmin(dim)
    x = logits.clone(memory_format=torch.preserve_format).requires_grad_()
    hard, _ = reinmax(x, tau, dim=dim, index=index)
    assert hard.is_contiguous()
    assert hard.argmax(dim).equal(index)
    (gradient,) = torch.autograd.grad(hard, x, g)
    expected = reference("reinmax", logits.movedim(dim, -1), tau, index, g.movedim(dim, -1), None)
    assert deviation(gradient.movedim(dim, -1), expected, torch.float64, 5.0) <= 1


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("tau", [1.0, 0.3, 1.5, float("inf")])
@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_masked_classes_get_exactly_zero(dtype, tau, op):
    logits = torch.randn(50, 6, dtype=dtype)
    logits[:, [1, 4]] = -torch.inf
    x = logits.requires_grad_()
    hard, soft = op(x, tau)
    (gradient,) = torch.autograd.grad((hard, soft), x, (torch.randn_like(hard), torch.randn_like(soft)))
    assert (hard[:, [1, 4]] == 0).all()
    assert (gradient[:, [1, 4]] == 0).all()
    assert (gradient[:, [0, 2]] != 0).any()


@pytest.mark.parametrize("tau", [5e-324, 1e-300, 1e-30, 1.0, 1e30, 3e38, 1e300, float("inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_extreme_logits_and_temperatures(dtype, tau):
    top = torch.finfo(dtype).max
    x = torch.tensor([[top, top, -top], [0.0, 0.0, -1.0], [top, 0.0, -torch.inf]], dtype=dtype)
    x.requires_grad_()
    hard, soft = reinmax(x, tau, index=torch.tensor([0, 1, 0]))
    assert soft[0].tolist() == [0.5, 0.5, 0.0]
    g = torch.tensor([1.0, -2.0, 0.5], dtype=dtype).expand(3, 3)
    (gradient,) = torch.autograd.grad(hard, x, g)
    assert gradient.isfinite().all()
    with np.errstate(all="ignore"):
        expected = softmax_tau(x.detach().double().numpy()[:2] / 2, max(tau / 2, 5e-324))
    if tau in (5e-324, 1e-300, 1e-30):  # one-hot at the ties of the maximum
        expected = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0]])
    p = soft.detach().double().numpy()[:2]
    onehot = np.eye(3)[[0, 1]]
    expected = algebra.reinmax_vjp(p, p if tau == 1 else expected, onehot, g[:2].double().numpy())
    assert deviation(gradient[:2], expected, dtype, 2.0) <= 1


@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_saturated_rows(tau):
    """A cotangent with a large mean loses nothing but its own rounding, even where p is one-hot."""
    for scale in (20.0, 200.0, 1e4):
        logits, index, g, h = case((40, 5), torch.float32, seed=11, scale=scale, mean=1e6)
        assert compare(reinmax, "reinmax", logits, tau, index, g, h) <= 1


def _without_half_term(x, tau, index):
    hard, soft = reinmax(x, tau, index=index)
    return hard + (soft - soft.detach()) / 2, soft


def _times(factor):
    def op(x, tau, index):
        hard, soft = reinmax(x, tau, index=index)
        return hard.detach() + factor * (hard - hard.detach()), soft

    return op


FAULTS = {
    "straight-through": lambda x, tau, index: straight_through(x, tau, index=index),
    "missing-half-term": _without_half_term,
    "scaled by a ten-thousandth": _times(1.0001),
    "sign-flip": _times(-1.0),
    "inverse temperature": lambda x, tau, index: reinmax(x, 1 / tau + (tau == 1), index=index),
    "another sample": lambda x, tau, index: reinmax(x, tau, index=(index + 1) % x.shape[-1]),
    "severed": lambda x, tau, index: reinmax(x * (1 - 1e-3) + (x * 1e-3).detach(), tau, index=index),
    "soft cotangent doubled": lambda x, tau, index: (
        reinmax(x, tau, index=index)[0],
        2 * reinmax(x, tau, index=index)[1],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_planted_faults_are_caught(fault, tau):
    logits, index, g, h = case((5, 4), torch.float32, seed=2)
    assert compare(FAULTS[fault], "reinmax", logits, tau, index, g, h) > 1


class Exact:
    """An object array that answers to the torch calls in ``gradients``, so that its lines run exactly."""

    dtype = torch.float64

    def __init__(self, array):
        self.array = np.asarray(array, dtype=object)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        del types
        first, second, *rest = (x.array if isinstance(x, Exact) else x for x in args)
        options = kwargs or {}
        if function is torch.add:
            return cls(first + _rational(options["alpha"]) * second)
        assert function is torch.addcmul
        return cls(first + _rational(options["value"]) * second * rest[0])

    def _set(self, array):
        self.array = np.broadcast_to(array, self.array.shape).copy()
        return self

    def gather(self, dim, index):
        assert dim == -1
        return Exact(np.take_along_axis(self.array, index, -1))

    def sum(self, dim, keepdim):
        return Exact(self.array.sum(axis=dim, keepdims=keepdim))

    def scatter_(self, dim, index, source):
        assert dim == -1
        np.put_along_axis(self.array, index, source.array, -1)
        return self

    def scatter_add_(self, dim, index, source):
        return self.scatter_(dim, index, self.gather(dim, index) + source)

    def __add__(self, other):
        return Exact(self.array + other.array)

    def __sub__(self, other):
        return Exact(self.array - other.array)

    def __mul__(self, other):
        return Exact(self.array * other.array)

    def neg_(self):
        return self._set(-self.array)

    def mul_(self, other):
        return self._set(self.array * (other.array if isinstance(other, Exact) else _rational(other)))

    def div_(self, other):
        return self._set(self.array / _rational(other))

    def sub_(self, other, alpha):
        return self._set(self.array - _rational(alpha) * other.array)

    def addcmul_(self, first, second, value):
        return self._set(self.array + _rational(value) * first.array * second.array)


def _rational(number):
    return sympy.Rational(*Fraction(number).as_integer_ratio())


def _equal(plain, soft, name):
    """Whether the fast form and the algebra are the same polynomial, for each sample and K = 3."""
    p, p_tau, g, h = (np.array(sympy.symbols(f"{s}:3"))[None] for s in "prgh")
    p_tau, h = (p if plain else p_tau), (h if soft else None)
    tau = 1.0 if plain else 1.5
    for d in range(3):
        onehot, index = np.eye(3, dtype=int).astype(object)[[d]], np.array([[d]])
        probabilities = Exact(p)
        state = State(probabilities, probabilities if plain else Exact(p_tau), tau, index, -1)
        fast = gradients.RULES[name][0](state, Exact(g.copy()), None if h is None else Exact(h.copy()))
        if name == "reinmax":
            expected = algebra.reinmax_vjp(p, p_tau, onehot, g, h)
        else:
            expected = algebra.straight_through_vjp(p, g, h, p_tau=p_tau, tau=_rational(tau))
        if any(sympy.expand(r) != 0 for r in (fast.array - expected).flat):
            return False
    return True


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("soft", [True, False])
def test_fast_forms_are_symbolically_the_algebra(name, plain, soft):
    assert _equal(plain, soft, name)


def test_a_wrong_fast_form_is_symbolically_caught(monkeypatch):
    monkeypatch.setitem(gradients.RULES, "reinmax", gradients.RULES["straight_through"])
    assert not _equal(plain=True, soft=False, name="reinmax")
