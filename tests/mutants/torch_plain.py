"""Planted faults in PyTorch of the plainest kinds: other estimators, other samples, other draws."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from tests.mutants.catalogue import Mutant
from tests.mutants.torch_binary import bits, right_third
from tests.mutants.torch_lines import Algorithm2, draw

__all__ = ["plain"]

#: A fault, the codes that are to be named, and words that the diagnosis is to hold.
Fault = tuple[Any, tuple[str, ...], str]

GRADIENT, SAMPLER, SOFT = "unknown-gradient", "unknown-sampler", "unknown-soft-output"


def plain() -> Iterator[Mutant]:
    """All of them."""
    groups: tuple[tuple[str, dict[str, Any], Iterator[Fault]], ...] = (
        ("straight", {}, _straight()),
        ("sample", {}, _samples()),
        ("draw", {}, _draws()),
        ("plain binary", {"binary": True}, _binary()),
    )
    for name, options, faults in groups:
        for number, (fn, codes, says) in enumerate(faults, 1):
            yield Mutant(f"torch {name} {number}", fn, codes, says, options=options, framework="torch")


def _identity(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    del tau
    p = logits.softmax(-1)
    return draw(p.detach()) + logits - logits.detach(), p


def _threshold(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """The most likely class, with the gradient of the logits themselves."""
    del tau
    hard = torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
    return hard + logits - logits.detach(), logits.softmax(-1)


def _refusing(implementation: Callable[..., Any]) -> Callable[..., Any]:
    """One that takes no temperature below 1."""

    def op(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        if tau < 1:
            raise ValueError("the temperature must be at least 1")
        found: tuple[Tensor, Tensor] = implementation(logits, tau)
        return found

    return op


def _straight() -> Iterator[Fault]:
    yield _identity, (GRADIENT,), "the cotangent itself"
    yield _threshold, ("argmax-sampler", GRADIENT), "the cotangent itself"
    yield _refusing(_identity), (GRADIENT,), "the cotangent itself"
    yield _refusing(Algorithm2(first=lambda x, tau: (x / tau).softmax(-1))), ("tempered-half-term",), ""
    yield _refusing(Algorithm2(second=lambda x, tau: (x * tau).softmax(-1))), ("inverted-tau",), ""
    yield _refusing(Algorithm2(second=lambda x, tau: (x / tau**2).softmax(-1))), (GRADIENT,), "t = τ^2"
    yield _refusing(Algorithm2(combine=lambda a, b: 2 * a - b)), (GRADIENT,), "J(p)g is -1 and should be -0.5"


def _changed(change: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Right, but for what is done to the value of the sample."""

    def op(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        hard, soft = Algorithm2()(logits, tau)
        return hard + (change(hard) - hard).detach(), soft

    return op


def _reordered(order: Callable[[int], list[int]]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Right, but for the order of the classes in the sample and its gradient."""

    def op(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        hard, soft = Algorithm2()(logits, tau)
        return hard[..., order(logits.shape[-1])], soft

    return op


def _subset(number: int) -> Callable[..., tuple[Tensor, Tensor]]:
    """So many classes at once, by the largest perturbed logits."""

    def op(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        p = (logits / tau).softmax(-1)
        noisy = logits - torch.empty_like(logits).exponential_().log()
        chosen = noisy.topk(min(number, logits.shape[-1]), -1).indices
        return torch.zeros_like(logits).scatter(-1, chosen, 1.0) + p - p.detach(), logits.softmax(-1)

    return op


def _samples() -> Iterator[Fault]:
    yield _changed(lambda hard: 1 - hard), (SAMPLER,), "The sample is 1 − D"
    yield _reordered(lambda K: [*range(K)][::-1]), (SAMPLER,), "has its classes reversed"
    yield _reordered(lambda K: [*range(1, K), 0]), (SAMPLER,), "has its classes in the order 1, 2, 3, 4, 0"
    yield _subset(3), (SAMPLER,), "The sample has 3 ones: a subset, not a category"
    yield _subset(2), (SAMPLER,), "The sample has 2 ones: a subset, not a category"
    yield _changed(lambda hard: 0.5 * hard), (SAMPLER,), "Every row of the sample sums to 0.5"


def _wrong_sign(x: Tensor, tau: float) -> Tensor:
    """The index of the largest logit minus Gumbel noise."""
    del tau
    return torch.nn.functional.one_hot(
        (x + torch.empty_like(x).exponential_().log()).argmax(-1), x.shape[-1]
    ).to(x.dtype)


def _negative(x: Tensor, tau: float) -> Tensor:
    """The index of the largest noise of a standard Gumbel distribution with the sign of -log(-log u) lost."""
    del tau
    noise = torch.log(-torch.log(torch.rand_like(x)))
    return torch.nn.functional.one_hot((x + noise).argmax(-1), x.shape[-1]).to(x.dtype)


def _draws() -> Iterator[Fault]:
    yield Algorithm2(sampled=_negative), (SAMPLER,), "Gumbel noise with the wrong sign"
    yield Algorithm2(sampled=_wrong_sign), (SAMPLER,), "Gumbel noise with the wrong sign"
    yield (
        Algorithm2(sampled=lambda x, _: (x.softmax(-1) / 0.5).softmax(-1)),
        ("probabilities-as-logits",),
        "softmax(softmax(θ)/t) with t near 0.5",
    )
    yield (
        Algorithm2(sampled=lambda x, _: (x.softmax(-1) / 0.1).softmax(-1)),
        ("probabilities-as-logits",),
        "softmax(softmax(θ)/t) with t near 0.1",
    )
    yield Algorithm2(sampled=lambda x, _: (-x).softmax(-1)), (SAMPLER,), "softmax(−θ)"


def _identity_bit(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    del tau
    p = torch.sigmoid(logits)
    return torch.bernoulli(p.detach()) + logits - logits.detach(), p


def _threshold_bit(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    del tau
    p = torch.sigmoid(logits)
    return (logits > 0).to(logits.dtype) + p - p.detach(), p


def _binary_without_slope(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """Straight-Through by hand, without the factor σ′ of the sigmoid."""

    class Bit(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            del ctx
            return torch.bernoulli(torch.sigmoid(x))

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            del ctx
            return g

    del tau
    return Bit.apply(logits), torch.sigmoid(logits)


def _other_bit(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    bit, p = bits(right_third)(logits, tau)
    return bit + (1 - 2 * bit).detach(), p


def _negated_bit(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    bit, p = bits(right_third)(logits, tau)
    return 1 - bit, p


def _binary() -> Iterator[Fault]:
    yield _identity_bit, (GRADIENT,), "the cotangent itself"
    yield _binary_without_slope, (GRADIENT,), "the cotangent itself"
    yield _threshold_bit, ("argmax-sampler", "straight-through"), ""
    yield _other_bit, (SAMPLER,), "The sample is 1 − D"
    yield _negated_bit, (SAMPLER,), "The sample is 1 − D"
