"""The Bernoulli form: against the categorical one on the pair (l, 0), and against the definition.

Tolerances are 16 eps of the accumulating dtype times the largest cotangent, and
half a unit in the last place where the result has 16 bits.
"""

import numpy as np
import pytest
import sympy
import torch

from reinmax_ref.torch import bernoulli, reinmax, reinmax_bernoulli

TAUS = [1.0, 0.2, 1.5, 40.0, float("inf")]


def gradient(op, logits, tau, z, cotangents):
    x = logits.clone().requires_grad_()
    return torch.autograd.grad(tuple(op(x, tau, index=z)), x, cotangents)[0]


def by_the_pair(x, tau, index):
    pair = torch.stack([torch.zeros_like(x), x], -1)
    hard, soft = reinmax(pair, tau, index=index)
    return hard[..., 1], soft[..., 1]


def by_the_wrong_pair(x, tau, index):
    hard, soft = reinmax(torch.stack([-x, x], -1), tau, index=index)
    return hard[..., 1], soft[..., 1]


def deviation(op, tau, dtype=torch.float64):
    torch.manual_seed(0)
    x = (3 * torch.randn(50, dtype=torch.float64)).to(dtype)
    g, h = torch.randn(50).to(dtype), torch.randn(50).to(dtype)
    z = (torch.rand(50) < 0.5).long()
    p, pt = x.double().sigmoid(), (x.double() / tau).sigmoid()
    q = (pt + z) / 2
    expected = (2 * q * (1 - q) - p * (1 - p) / 2) * g.double() + p * (1 - p) * h.double()
    error = (gradient(op, x, tau, z, (g, h)).double() - expected).abs()
    bound = 16 * torch.finfo(torch.promote_types(dtype, torch.float32)).eps * 4
    if dtype.itemsize == 2:
        bound = bound + torch.finfo(dtype).eps / 2 * expected.abs() + torch.finfo(dtype).smallest_normal
    return float((error / bound).max())


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_definition(tau, dtype):
    assert deviation(reinmax_bernoulli, tau, dtype) <= 1
    assert deviation(reinmax_bernoulli, torch.tensor(tau), dtype) <= 1


@pytest.mark.parametrize("tau", TAUS)
def test_is_the_categorical_form_of_the_pair(tau):
    assert deviation(by_the_pair, tau) <= 1


@pytest.mark.parametrize("tau", TAUS)
def test_planted_faults_are_caught(tau):
    assert deviation(by_the_wrong_pair, tau) > 1
    if tau < float("inf"):  # where the two outcomes have the same slope
        assert deviation(lambda x, t, index: reinmax_bernoulli(x, t, index=1 - index), tau) > 1


def test_at_tau_one_it_is_half_the_distance():
    x = torch.tensor([-200.0, -30.0, 0.0, 30.0, 200.0, -torch.inf, torch.inf], dtype=torch.float64)
    g = torch.linspace(1, 2, 7, dtype=torch.float64)
    for z in (0, 1):  # 4 eps: the roundings of a sigmoid and two products
        outcomes = torch.full((5,), z)
        actual = gradient(reinmax_bernoulli, x[:5], 1.0, outcomes, (g[:5], torch.zeros(5).double()))
        np.testing.assert_allclose(actual, (g[:5] * (x[:5] * (1 - 2 * z)).sigmoid() / 2), rtol=4 * 2**-52)
    certain = torch.tensor([0, 1])
    for tau in (*TAUS, 1e-300):
        assert (gradient(reinmax_bernoulli, x[5:], tau, certain, (g[5:], g[5:])) == 0).all()


def test_certain_outcomes_and_shapes():
    assert reinmax_bernoulli(torch.tensor([-torch.inf, torch.inf])).hard.tolist() == [0, 1]
    for shape in [(), (0,), (3, 1, 2)]:
        hard, soft = reinmax_bernoulli(torch.zeros(shape))
        assert hard.shape == soft.shape == shape
    strided = torch.randn(6, 8)[::2, ::3]
    assert set(reinmax_bernoulli(strided).hard.unique().tolist()) <= {0.0, 1.0}


def test_a_generator_decides():
    x = torch.zeros(100)
    draws = [reinmax_bernoulli(x, generator=torch.Generator().manual_seed(s)).hard for s in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


class Symbol:
    """Log-odds that answer to the torch calls in ``bernoulli``, so that its lines run exactly."""

    dtype = torch.float64

    def __init__(self, value):
        self.value = value

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        del types, kwargs
        assert function is torch.where
        condition, yes, no = args
        return yes if condition else no

    def __neg__(self):
        return Symbol(-self.value)

    def __truediv__(self, number):
        return Symbol(self.value / sympy.Rational(number))

    def isinf(self):
        return torch.tensor(data=False)

    def sigmoid(self):
        return sigmoid(self.value)


def sigmoid(x):
    return 1 / (1 + sympy.exp(-x))


def residuals(tau, z, sampled):
    """Both slopes less [2q(1 − q) − ½p(1 − p)] and p(1 − p) at l = 3 ln x, where all is rational in x."""
    logit = 3 * sympy.log(sympy.Symbol("x", positive=True))
    p, q = sigmoid(logit), (sigmoid(logit / sympy.Rational(tau)) + z) / 2
    expected = 2 * q * (1 - q) - p * (1 - p) / 2, p * (1 - p)
    actual = bernoulli._slopes(Symbol(logit), torch.tensor(sampled == 1), tau)
    return [sympy.cancel(a - b) for a, b in zip(actual, expected, strict=True)]


@pytest.mark.parametrize("z", [0, 1])
@pytest.mark.parametrize("tau", [1.0, 1.5, 0.5])
def test_the_slopes_are_symbolically_the_definition(tau, z):
    assert residuals(tau, z, z) == [0, 0]
    assert residuals(tau, z, 1 - z)[0] != 0
