"""Planted faults of other estimators than ReinMax, in PyTorch: straight-through and Gumbel-softmax."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gumbel_softmax, one_hot

__all__ = ["FamilyMutant", "everything"]


@dataclass(frozen=True, eq=False)
class FamilyMutant:
    """A fault, the estimator that is meant, and the mistakes to be named."""

    name: str
    against: str
    fn: Callable[..., Any]
    codes: tuple[str, ...]


def _draw(p: Tensor) -> Tensor:
    return one_hot(torch.distributions.Categorical(p.detach()).sample(), p.shape[-1]).to(p.dtype)


def _likely(p: Tensor) -> Tensor:
    return one_hot(p.argmax(-1), p.shape[-1]).to(p.dtype)


class _Identity(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, logits: Tensor) -> Tensor:
        return _draw(logits.softmax(-1))

    @staticmethod
    def backward(_ctx: Any, g: Tensor) -> Tensor:
        return g


def _scaled(y: Tensor, factor: float) -> Tensor:
    """The same values, with the gradient times a factor."""
    return factor * y - ((factor - 1) * y).detach()


def _straight(
    factor: Callable[[float], float] = lambda _: 1.0,
    sampled: Callable[[Tensor, float], Tensor] = lambda x, _: _draw(x.softmax(-1)),
    soft: Callable[[Tensor, float], Tensor] = lambda x, tau: (x / tau).softmax(-1),
) -> Callable[..., Tensor]:
    def op(logits: Tensor, tau: float = 1.0) -> Tensor:
        y = soft(logits, tau)
        return sampled(logits, tau) + _scaled(y - y.detach(), factor(tau))

    return op


def _gumbel(like: Tensor) -> Tensor:
    return -torch.empty_like(like).exponential_().log()


def _relaxed(
    factor: Callable[[float], float] = lambda _: 1.0,
    noisy: Callable[[Tensor, float], Tensor] = lambda x, tau: (x + _gumbel(x)) / tau,
) -> Callable[..., Tensor]:
    def op(logits: Tensor, tau: float = 1.0) -> Tensor:
        y = noisy(logits, tau).softmax(-1)
        return _likely(y) + _scaled(y - y.detach(), factor(tau))

    return op


def _own_noises(logits: Tensor, tau: float = 1.0) -> Tensor:
    y = ((logits + _gumbel(logits)) / tau).softmax(-1)
    return _likely(logits + _gumbel(logits)) + y - y.detach()


def _eps(x: Tensor, tau: float, eps: float = 0.1) -> Tensor:
    return (x - torch.log(-torch.log(torch.rand_like(x) + eps) + eps)) / tau


def everything() -> Iterator[FamilyMutant]:
    """All of them; the first of each estimator is right."""
    for name, fn, codes in (
        ("right", _straight(), ()),
        ("no 1/τ", _straight(lambda tau: tau), ("missing-inverse-tau",)),
        ("1/τ twice", _straight(lambda tau: 1 / tau), ("double-inverse-tau",)),
        ("twice", _straight(lambda _: 2.0), ("double-gradient",)),
        ("minus", _straight(lambda _: -1.0), ("sign-flip",)),
        ("argmax", _straight(sampled=lambda x, _: _likely(x)), ("argmax-sampler",)),
        ("tempered", _straight(sampled=lambda x, tau: _draw((x / tau).softmax(-1))), ("tempered-sampler",)),
        ("identity", _Identity, ("identity-backward",)),
        ("inverted", _straight(soft=lambda x, tau: (x * tau).softmax(-1)), ("inverted-tau",)),
        ("severed", _straight(soft=lambda x, tau: (x / tau).detach().softmax(-1)), ("severed-gradient",)),
        (
            "probabilities",
            lambda logits, tau=1.0: _straight()(logits.softmax(-1), tau),
            ("probabilities-as-logits",),
        ),
        ("soft", lambda logits, tau=1.0: (logits / tau).softmax(-1), ("soft-value-returned",)),
    ):
        yield FamilyMutant(f"straight-through {name}", "straight_through", fn, codes)
    for name, fn, codes in (
        ("right", _relaxed(), ()),
        ("no 1/τ", _relaxed(lambda tau: tau), ("missing-inverse-tau",)),
        ("1/τ twice", _relaxed(lambda tau: 1 / tau), ("double-inverse-tau",)),
        ("twice", _relaxed(lambda _: 2.0), ("double-gradient",)),
        ("minus", _relaxed(lambda _: -1.0), ("sign-flip",)),
        ("own noises", _own_noises, ("unmatched-noise",)),
        ("no noise", _relaxed(noisy=lambda x, tau: x / tau), ("no-noise",)),
        ("minus noise", _relaxed(noisy=lambda x, tau: (x - _gumbel(x)) / tau), ("noise-sign",)),
        (
            "τ on the logits",
            _relaxed(noisy=lambda x, tau: x / tau + _gumbel(x)),
            ("tau-on-logits-only", "tempered-sampler"),
        ),
        ("eps", _relaxed(noisy=_eps), ("eps-in-logarithms",)),
        ("soft", lambda logits, tau=1.0: gumbel_softmax(logits, tau), ("soft-value-returned",)),
    ):
        yield FamilyMutant(f"gumbel-softmax {name}", "gumbel_softmax", fn, codes)
