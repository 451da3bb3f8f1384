"""Programs that are traced give the eager gradient at the same sample.

The bound is a few roundings of sums of order one: 1e-13 in float64.
"""

import warnings

import pytest
import torch
from torch import nn
from torch.distributions import Distribution
from torch.func import functional_call, grad
from torch.fx.experimental.proxy_tensor import make_fx

from reinmax_ref.torch import (
    BernoulliReinMax,
    OneHotCategoricalReinMax,
    reinmax,
    reinmax_bernoulli,
    straight_through,
)
from reinmax_ref.torch.tracing import surrogate

INDEX = torch.tensor([0, 1, 2, 3, 1])
BITS = torch.tensor([[0, 1, 1, 0]] * 5)


class Model(nn.Module):
    """A layer, the op, and a loss at both of its outputs."""

    def __init__(self, op, tau):
        super().__init__()
        self.layer = nn.Linear(3, 4).double()
        self.op, self.tau = op, tau

    def forward(self, x, index):
        hard, soft = self.op(self.layer(x), self.tau, index=index)
        return (hard * torch.arange(4.0).double()).sum() + (soft * soft.log()).sum()


OPS = (reinmax, straight_through, reinmax_bernoulli)


@pytest.fixture(params=[(op, tau) for op in OPS for tau in (1.0, 1.5)])
def model(request):
    return Model(*request.param)


@pytest.fixture
def inputs(model):
    return torch.randn(5, 3).double(), BITS if model.op is reinmax_bernoulli else INDEX


def gradients(program, module, inputs):
    module.zero_grad()
    program(*inputs).backward()
    return [p.grad.clone() for p in module.parameters()]


def same(left, right):
    return all((a - b).abs().max() < 1e-13 for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("strict", [False, True])
def test_exported(model, inputs, strict):
    exported = torch.export.export(model, inputs, strict=strict).module()
    assert same(gradients(exported, exported, inputs), gradients(model, model, inputs))


def test_make_fx(model, inputs):
    parameters = dict(model.named_parameters())
    graph = make_fx(lambda p, x, i: functional_call(model, p, (x, i)))(parameters, *inputs)
    traced = gradients(lambda x, i: graph(parameters, x, i), model, inputs)
    assert same(traced, gradients(model, model, inputs))


def test_make_fx_of_a_gradient(model, inputs):
    detached = {name: p.detach() for name, p in model.named_parameters()}
    whole = grad(lambda p, x, i: functional_call(model, p, (x, i)))
    found = make_fx(whole)(detached, *inputs)(detached, *inputs)
    assert same(found.values(), gradients(model, model, inputs))


def test_jit_trace(model, inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every shape that is compared, and that it is deprecated
        traced = torch.jit.trace(model, inputs, check_trace=False)
        assert same(gradients(traced, traced, inputs), gradients(model, model, inputs))


@pytest.mark.parametrize("distribution", [OneHotCategoricalReinMax, BernoulliReinMax])
def test_an_exported_distribution_keeps_its_gradient(distribution, monkeypatch):
    class Sampler(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, x):
            drawn = distribution(logits=self.layer(x), validate_args=False).rsample()
            return (drawn * torch.arange(4.0)).sum()

    monkeypatch.setattr(Distribution, "_validate_args", False)  # torch's own validation reads values
    exported = torch.export.export(Sampler(), (torch.randn(5, 3),)).module()
    exported(torch.randn(5, 3)).backward()
    assert all(p.grad.abs().max() > 0 for p in exported.parameters())


def test_a_masked_class_has_no_gradient_in_a_traced_program():
    logits = torch.tensor([[0.5, -torch.inf, 1.0]])
    graph = make_fx(lambda x: reinmax(x, 1.5, index=torch.tensor([2])).hard)(logits)
    leaf = logits.clone().requires_grad_()
    hard = graph(leaf)
    (hard * torch.tensor([[1.0, 5.0, -2.0]])).sum().backward()
    eager = logits.clone().requires_grad_()
    (reinmax(eager, 1.5, index=torch.tensor([2])).hard * torch.tensor([[1.0, 5.0, -2.0]])).sum().backward()
    assert hard.tolist() == [[0.0, 0.0, 1.0]]
    assert (leaf.grad - eager.grad).abs().max() < 1e-6
    assert leaf.grad[0, 1] == 0


def test_another_surrogate_would_be_seen():
    theta, onehot = torch.randn(4).double().requires_grad_(), torch.eye(4)[1].double()
    g = torch.randn(4).double()
    (right,) = torch.autograd.grad(surrogate("reinmax", theta, onehot, 1.0, -1), theta, g)
    (wrong,) = torch.autograd.grad(surrogate("straight_through", theta, onehot, 1.0, -1), theta, g)
    assert not same([right], [wrong])


def test_official_signature():
    logits = torch.zeros(2, 3)
    assert reinmax(logits, 1.0, True).hard.shape == (2, 3)
    assert reinmax(logits, tau=1.0, hard=True).hard.shape == (2, 3)
    with pytest.raises(ValueError, match="one-hot"):
        reinmax(logits, 1.0, hard=False)


@pytest.mark.parametrize("op", OPS)
def test_a_learnable_temperature_is_refused(op):
    with pytest.raises(ValueError, match="tau requires a gradient"):
        op(torch.zeros(2, 3), nn.Parameter(torch.tensor(1.0)))
