"""The two distributions against torch's own, and their gradient against the op's."""

import pytest
import torch
from torch.distributions import Bernoulli, OneHotCategorical, kl_divergence

from reinmax_ref.torch import BernoulliReinMax, OneHotCategoricalReinMax, reinmax, reinmax_bernoulli

LOGITS = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
PAIRS = [(OneHotCategoricalReinMax, OneHotCategorical), (BernoulliReinMax, Bernoulli)]
pairs = pytest.mark.parametrize(("ours", "parent"), PAIRS, ids=["categorical", "bernoulli"])


def seeded(call):
    torch.manual_seed(7)
    return call()


@pytest.mark.parametrize("tau", [1.0, 1.5])
@pytest.mark.parametrize("sample_shape", [(), (5,), (2, 3)])
def test_rsample_has_the_gradient_of_the_op(tau, sample_shape, deviation):
    for distribution, op in ((OneHotCategoricalReinMax, reinmax), (BernoulliReinMax, reinmax_bernoulli)):
        x, y = LOGITS.clone().requires_grad_(), LOGITS.clone().requires_grad_()
        sample = seeded(lambda: distribution(logits=x, tau=tau).rsample(sample_shape))  # noqa: B023
        hard = seeded(lambda: op(y.expand(*sample_shape, 4, 3), tau).hard)  # noqa: B023
        assert sample.shape == (*sample_shape, 4, 3)
        assert (sample == hard).all()
        g = torch.randn(sample.shape, dtype=torch.float64)
        expected = torch.autograd.grad(hard, y, g)[0]
        assert deviation(torch.autograd.grad(sample, x, g)[0], expected) <= 1
        other = torch.autograd.grad(op(y.expand(*sample_shape, 4, 3), tau + 1).hard, y, g)[0]
        assert deviation(other, expected) > 1


def test_gradient_with_respect_to_probabilities_is_the_chain_rule(deviation):
    g = torch.randn(4, 3, dtype=torch.float64)
    probs = LOGITS.softmax(-1).requires_grad_()
    torch.manual_seed(3)
    sample = OneHotCategoricalReinMax(probs, tau=1.5).rsample()
    index = sample.argmax(-1)
    normal = probs / probs.sum(-1, keepdim=True)
    expected = torch.autograd.grad(reinmax(normal.log(), 1.5, index=index).hard, probs, g)[0]
    assert deviation(torch.autograd.grad(sample, probs, g)[0], expected) <= 1


@pairs
def test_probability_zero_is_never_drawn_and_has_a_finite_gradient(ours, parent):
    del parent
    probs = torch.tensor([0.0, 1.0, 0.0]).expand(1000, 3).clone().requires_grad_()
    sample = ours(probs).rsample()
    assert (sample == probs).all()
    assert torch.autograd.grad(sample, probs, torch.randn(1000, 3))[0].isfinite().all()


@pairs
@pytest.mark.parametrize("by", ["probs", "logits"])
def test_behaves_like_its_parent(ours, parent, by):
    value = LOGITS if by == "logits" else LOGITS.sigmoid() / 3
    own, base = ours(**{by: value}, tau=1.3), parent(**{by: value})
    assert isinstance(own, parent)
    assert own.has_rsample
    sample = own.sample((6,))
    assert not sample.requires_grad
    assert own.log_prob(sample).equal(base.log_prob(sample))
    assert own.entropy().equal(base.entropy())
    assert own.mean.equal(base.mean)
    assert kl_divergence(own, base).equal(kl_divergence(base, base))
    other = parent(logits=LOGITS.flip(-1))
    assert kl_divergence(own, other).equal(kl_divergence(base, other))
    assert own.batch_shape == base.batch_shape
    assert own.event_shape == base.event_shape


@pairs
@pytest.mark.parametrize("by", ["probs", "logits"])
def test_expand_keeps_everything(ours, parent, by):
    del parent
    own = ours(**{by: LOGITS.sigmoid()}, tau=1.7)
    wide = own.expand((2, *own.batch_shape))
    assert isinstance(wide, ours)
    assert wide.tau == own.tau
    assert wide.rsample((5,)).shape == (5, 2, 4, 3)
    assert wide.sample().shape == (2, 4, 3)


@pairs
def test_validation_of_arguments(ours, parent):
    del parent
    with pytest.raises(ValueError, match=r"parameter (logits|probs)"):
        ours(torch.tensor([[2.0, 3.0, torch.nan]]), validate_args=True)  # torch.compile turns the default off
    with pytest.raises(ValueError, match="Either"):
        ours(probs=LOGITS.sigmoid(), logits=LOGITS)
    with pytest.raises(ValueError, match="support"):
        ours(logits=LOGITS, validate_args=True).log_prob(LOGITS)


def test_sample_counts():
    """Six standard deviations of a count: a false alarm in two hundred million."""
    torch.manual_seed(0)
    p = torch.tensor([0.1, 0.0, 0.6, 0.3])
    n = 100_000
    assert (OneHotCategoricalReinMax(p).sample((n,)).sum(0) - n * p).abs().max() < 3 * n**0.5
    assert (BernoulliReinMax(p).sample((n,)).sum(0) - n * p).abs().max() < 3 * n**0.5
