"""Planted faults in PyTorch: Algorithm 2 differentiated automatically, and hand-written backward passes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from verify.mutants.catalogue import Mutant
from verify.mutants.torch_binary import binary
from verify.mutants.torch_functions import functions

__all__ = ["Algorithm2", "everything"]


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


@dataclass(frozen=True)
class Algorithm2:
    """Algorithm 2 line by line, with every line open to faults.

    Each attribute is one line or a part of one; the defaults are right.
    """

    prepare: Callable[[Tensor], Tensor] = lambda x: x
    sampled: Callable[[Tensor, float], Tensor] = lambda x, _: x.softmax(-1)
    first: Callable[[Tensor, float], Tensor] = lambda x, _: _softmax(x)
    second: Callable[[Tensor, float], Tensor] = lambda x, tau: _softmax(x / tau)
    third: Callable[[Tensor, Tensor], Tensor] = lambda x, pi: ((pi.log() - x).detach() + x).softmax(-1)
    combine: Callable[[Tensor, Tensor], Tensor] = lambda pi1, pi0: 2 * pi1 - 0.5 * pi0
    resample: bool = False
    output: Callable[[Tensor], Tensor] = lambda soft: soft

    def __call__(self, logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        """The sample, with the gradient of the surrogate, and the probabilities."""
        x = self.prepare(logits)
        weights = self.sampled(x, tau).detach()
        onehot = _draw(weights)
        pi0 = self.first(x, tau)
        other = _draw(weights) if self.resample else onehot
        pi1 = self.third(x, (other + self.second(x, tau)) / 2)
        pi2 = self.combine(pi1, pi0)
        return pi2 - pi2.detach() + onehot, self.output(x.softmax(-1))


def _draw(weights: Tensor) -> Tensor:
    index = torch.multinomial(weights.reshape(-1, weights.shape[-1]), 1)
    return torch.zeros_like(weights).view(-1, weights.shape[-1]).scatter_(-1, index, 1.0).view(weights.shape)


def _axis(number: int) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, pi: ((pi.log() - x).detach() + x).softmax(min(number, x.ndim - 1))


def _likely(x: Tensor, tau: float) -> Tensor:
    del tau
    return torch.nn.functional.one_hot(x.argmax(-1), x.shape[-1]).to(x.dtype)


def _gumbel(x: Tensor, tau: float) -> Tensor:
    return ((x - torch.empty_like(x).exponential_().log()) / tau).softmax(-1)


def _straight_through(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    del tau
    soft = logits.softmax(-1)
    return _draw(soft.detach()) + soft - soft.detach(), soft


def _gumbel_softmax(logits: Tensor, tau: float = 1.0) -> Tensor:
    return torch.nn.functional.gumbel_softmax(logits, tau, hard=True)


def _without_gradient(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    hard, soft = Algorithm2()(logits, tau)
    return hard.detach(), soft


def _fixed_axis(logits: Tensor, tau: float = 1.0, dim: int = -1) -> tuple[Tensor, Tensor]:
    del dim
    return Algorithm2()(logits, tau)


def _batch_scaled(x: Tensor, tau: float) -> Tensor:
    return (x / (tau * (0.5 + x.detach().abs().mean()))).softmax(-1)


def _numbered(prefix: str, *faults: tuple[Any, tuple[str, ...]]) -> Iterator[Mutant]:
    for number, (fn, codes) in enumerate(faults, 1):
        yield Mutant(f"torch {prefix} {number}", fn, codes, framework="torch")


def everything() -> Iterator[Mutant]:
    """All of them."""
    yield from _lines()
    yield from _several()
    yield from _whole()
    yield from functions()
    yield from binary()


def _lines() -> Iterator[Mutant]:
    new = Algorithm2
    yield from _numbered(
        "line",
        (new(third=_axis(1)), ("wrong-axis",)),
        (new(third=_axis(0)), ("wrong-axis",)),
        (new(first=lambda x, _: x.softmax(min(1, x.ndim - 1))), ("wrong-axis",)),
        (new(sampled=_likely), ("argmax-sampler",)),
        (new(sampled=lambda x, tau: (x / tau).softmax(-1)), ("tempered-sampler",)),
        (new(sampled=lambda x, _: x.softmax(-1).softmax(-1)), ("probabilities-as-logits",)),
        (new(prepare=_softmax), ("probabilities-as-logits",)),
        (new(combine=lambda pi1, _: 2 * pi1), ("missing-half-term",)),
        (new(combine=lambda pi1, pi0: 2 * pi1 - 0.5 * pi0.detach()), ("missing-half-term",)),
        (new(combine=lambda pi1, pi0: pi1 - 0.5 * pi0), ("missing-factor-two",)),
        (new(combine=lambda pi1, pi0: 2 * pi1 + 0.5 * pi0), ("sign-flip",)),
        (new(combine=lambda pi1, pi0: 2 * pi1.detach() - 0.5 * pi0), ("severed-gradient",)),
        (new(second=lambda x, tau: (x * tau).softmax(-1)), ("inverted-tau",)),
        (new(first=lambda x, tau: (x / tau).softmax(-1)), ("tempered-half-term",)),
        (new(third=lambda x, pi: ((pi.log() - x).detach() - x).softmax(-1)), ("sign-flip",)),
        (new(third=lambda x, pi: (pi.log() - x + x).softmax(-1)), ("missing-stop-gradient",)),
        (new(third=lambda x, pi: (pi.log() - x.detach() + x).softmax(-1)), ("missing-stop-gradient",)),
        (new(resample=True), ("resampled-backward",)),
        (new(second=_gumbel), ("noise-in-backward",)),
        (new(first=_gumbel), ("noise-in-backward",)),
        (new(output=lambda soft: soft.detach()), ("soft-cotangent",)),
        (new(output=lambda soft: 2 * soft - soft.detach()), ("soft-cotangent",)),
        (new(combine=lambda pi1, pi0: 2 * pi1 - 0.4 * pi0), ("unknown-gradient",)),
        (new(third=lambda _, pi: pi), ("missing-stop-gradient",)),
    )


def _several() -> Iterator[Mutant]:
    wrong = Algorithm2(third=_axis(1))
    yield from _numbered(
        "several",
        (
            replace(wrong, sampled=lambda x, tau: (x / tau).softmax(-1)),
            ("wrong-axis", "tempered-sampler"),
        ),
        (
            Algorithm2(sampled=_likely, combine=lambda pi1, _: 2 * pi1),
            ("argmax-sampler", "missing-half-term"),
        ),
        (
            Algorithm2(second=lambda x, tau: (x * tau).softmax(-1), combine=lambda pi1, pi0: pi1 - 0.5 * pi0),
            ("inverted-tau", "missing-factor-two"),
        ),
        (
            Algorithm2(first=lambda x, tau: (x / tau).softmax(-1), output=lambda soft: soft.detach()),
            ("tempered-half-term", "soft-cotangent"),
        ),
    )


def _whole() -> Iterator[Mutant]:
    yield from _numbered(
        "whole",
        (_straight_through, ("straight-through",)),
        (_gumbel_softmax, ("noise-in-backward",)),
        (_without_gradient, ("severed-gradient",)),
        (_fixed_axis, ("wrong-axis",)),
        (Algorithm2(second=_batch_scaled), ("row-coupling",)),
    )
