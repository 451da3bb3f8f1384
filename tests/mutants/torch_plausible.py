"""Planted faults in PyTorch that look right: slips of no published class, and several of them at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout, gumbel_softmax, layer_norm, one_hot

from tests.mutants.catalogue import Mutant
from tests.mutants.torch_lines import Algorithm2, axis, flipped, gumbel, likely, tempered

__all__ = ["plausible"]

#: A fault, the codes that are to be named, and words that the diagnosis is to hold.
Fault = tuple[Any, tuple[str, ...], str]

GRADIENT, SAMPLER, SOFT = "unknown-gradient", "unknown-sampler", "unknown-soft-output"


def plausible() -> Iterator[Mutant]:
    """All of them."""
    for name, faults in (
        ("temperature", _temperatures()),
        ("line 4", _fourth_lines()),
        ("logits", _logits()),
        ("value", _values()),
        ("combination", _combinations()),
    ):
        for number, (fn, codes, says) in enumerate(faults, 1):
            yield Mutant(f"torch {name} {number}", fn, codes, says, framework="torch")


def _second(heat: Callable[[float], float]) -> Algorithm2:
    return Algorithm2(second=lambda x, tau: (x / heat(tau)).softmax(-1))


def _fixed(logits: Tensor) -> tuple[Tensor, Tensor]:
    """No temperature among the arguments, and one inside."""
    return Algorithm2()(logits, 0.9)


def _temperatures() -> Iterator[Fault]:
    yield _fixed, (GRADIENT,), "ReinMax at τ = 0.90, fixed inside"
    yield _second(lambda _: 0.9), (GRADIENT,), "ReinMax at τ = 0.90, fixed inside"
    yield _second(lambda _: 1.0), (GRADIENT,), "The temperature is not used"
    yield _second(lambda tau: tau**2), (GRADIENT,), "with t = τ^2 in place of τ"
    yield _second(lambda tau: tau + 0.05), (GRADIENT,), "with t = τ + 0.05 in place of τ"
    yield _second(lambda tau: max(tau, 1.0)), (GRADIENT,), "with t = max(τ, 1) in place of τ"


def _fourth(softmax_of: Callable[[Tensor, Tensor], Tensor]) -> Algorithm2:
    return Algorithm2(third=lambda x, pi: softmax_of(x, pi).softmax(-1))


def _fourth_lines() -> Iterator[Fault]:
    yield _fourth(lambda x, pi: pi.log().detach() + x), (GRADIENT,), "− θ is missing"
    yield _fourth(lambda x, pi: (pi - x).detach() + x), (GRADIENT,), "the logarithm is missing"
    yield _fourth(lambda x, pi: ((pi + 1e-3).log() - x).detach() + x), (GRADIENT,), "with ε = 0.001"
    yield (
        _fourth(lambda x, pi: ((pi.log() - x).detach() + x) * 0.5),
        (GRADIENT,),
        "softmax(n·ln π₁) with n = 0.5",
    )


def _logits() -> Iterator[Fault]:
    before = (SOFT, GRADIENT)
    yield Algorithm2(prepare=lambda x: x.clamp(-1, 1)), (SAMPLER, *before), "θ clamped to ±1"
    yield Algorithm2(prepare=lambda x: x / 0.7), (SAMPLER, *before), "ReinMax of s·θ with s = 1.429"
    yield (
        Algorithm2(prepare=lambda x: layer_norm(x, x.shape[-1:])),
        (SAMPLER, *before),
        "nothing is wrong but",
    )
    yield (
        Algorithm2(prepare=lambda x: dropout(x, 0.2)),
        (SAMPLER, SOFT, "noise-in-backward"),
        "changes from call to call",
    )
    yield _flipped_surrogate, (GRADIENT,), "with its classes reversed"


def _flipped_surrogate(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    hard, soft = Algorithm2()(logits, tau)
    return hard.detach() + (hard - hard.detach()).flip(-1), soft


def _values() -> Iterator[Fault]:
    """What is given as the sample is none, or not drawn as it should be."""
    yield _soft_twice, (SAMPLER,), "softmax(θ/τ) itself: it is not one-hot"
    yield _relaxed, (SAMPLER,), "a relaxed sample"
    yield _without_last_line, (SAMPLER,), "1·D − 0.5·p + 1·p_τ, not D"
    yield _seeded, (SAMPLER,), "a seed is set inside"
    yield _one_uniform, (SAMPLER,), "they share a random number"


def _soft_twice(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    return (logits / tau).softmax(-1), logits.softmax(-1)


def _relaxed(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    return gumbel_softmax(logits, tau), logits.softmax(-1)


def _without_last_line(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    hard, soft = Algorithm2()(logits, tau)
    pi2 = hard.detach() + (logits / tau).softmax(-1).detach() - soft.detach() / 2
    return pi2 + hard - hard.detach(), soft


def _at(logits: Tensor, onehot: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """Algorithm 2 with a sample from elsewhere."""
    return Algorithm2(sampled=lambda *_: onehot)(logits, tau)


def _seeded(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    p, source = logits.detach().softmax(-1), torch.Generator().manual_seed(0)
    index = torch.multinomial(p.reshape(-1, p.shape[-1]), 1, generator=source).reshape(p.shape[:-1])
    return _at(logits, one_hot(index, p.shape[-1]).to(p.dtype), tau)


def _one_uniform(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    steps = logits.detach().softmax(-1).cumsum(-1)
    index = (steps[..., :-1] <= torch.rand(1, dtype=steps.dtype)).sum(-1)
    return _at(logits, one_hot(index, logits.shape[-1]).to(logits.dtype), tau)


def _no_half(pi1: Tensor, _: Tensor) -> Tensor:
    return 2 * pi1


def _once(pi1: Tensor, pi0: Tensor) -> Tensor:
    return pi1 - 0.5 * pi0


def _combinations() -> Iterator[Fault]:
    """Two or three published classes at once."""
    new = Algorithm2
    doubled = new(prepare=lambda x: x.softmax(-1))
    inverted = new(second=lambda x, tau: (x * tau).softmax(-1))
    found: tuple[tuple[Algorithm2, tuple[str, ...]], ...] = (
        (replace(inverted, sampled=tempered), ("tempered-sampler", "inverted-tau")),
        (
            replace(inverted, third=flipped, combine=_no_half),
            ("inverted-tau", "sign-flip", "missing-half-term"),
        ),
        (
            new(sampled=likely, third=flipped, first=tempered),
            ("argmax-sampler", "sign-flip", "tempered-half-term"),
        ),
        (new(third=axis(0), combine=_no_half), ("wrong-axis", "missing-half-term")),
        (
            new(third=axis(1), sampled=likely, output=Tensor.detach),
            ("wrong-axis", "argmax-sampler", "soft-cotangent"),
        ),
        (
            new(resample=True, sampled=tempered, combine=_once),
            ("resampled-backward", "tempered-sampler", "missing-factor-two"),
        ),
        (replace(inverted, resample=True), ("resampled-backward", "inverted-tau")),
        (new(second=gumbel, sampled=tempered), ("noise-in-backward", "tempered-sampler")),
        (
            replace(doubled, sampled=tempered),
            ("probabilities-as-logits", "tempered-sampler"),
        ),
        (replace(doubled, combine=_no_half), ("probabilities-as-logits", "missing-half-term")),
        (
            new(first=tempered, combine=lambda pi1, pi0: pi1 + 0.5 * pi0),
            ("missing-factor-two", "sign-flip", "tempered-half-term"),
        ),
    )
    for fn, codes in found:
        yield fn, codes, ""
    yield (
        new(third=lambda x, pi: (pi.log().detach() + x).softmax(-1), sampled=tempered, combine=_once),
        ("tempered-sampler", "missing-factor-two", GRADIENT),
        "− θ is missing",
    )
    yield (
        new(third=lambda x, pi: (pi.log() - x.detach() + x).softmax(-1), first=tempered),
        ("tempered-half-term", GRADIENT),
        "Two mistakes come to the same gradient",
    )
