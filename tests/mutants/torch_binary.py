"""Planted faults in binary implementations in PyTorch: one logit, one bit."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tests.mutants.catalogue import Mutant

__all__ = ["binary", "bits"]

Implementation = Callable[..., tuple[Tensor, Tensor]]


def bits(
    third: Callable[[Tensor, Tensor], Tensor],
    probability: Callable[[Tensor], Tensor] = torch.sigmoid,
    half: float = 0.5,
) -> Implementation:
    """Algorithm 2 for one logit.

    Parameters
    ----------
    third : callable
        Line 4, from the logit and π₁.
    probability : callable
        The probability of 1 from the logit.
    half : float
        The coefficient of π₀.
    """

    def implementation(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        pi0 = probability(logits)
        bit = torch.bernoulli(pi0.detach())
        pi1 = third(logits, (bit + probability(logits / tau)) / 2)
        pi2 = 2 * pi1 - half * pi0
        return pi2 - pi2.detach() + bit, pi0

    return implementation


def right_third(x: Tensor, pi: Tensor) -> Tensor:
    """sigmoid(sg(logit π₁ − l) + l)."""
    return torch.sigmoid((torch.logit(pi) - x).detach() + x)


def _log_sigmoid(x: Tensor, pi: Tensor) -> Tensor:
    return torch.sigmoid((pi.log() - x).detach() + x)


def _doubled(x: Tensor) -> Tensor:
    return torch.sigmoid(2 * x)


def binary() -> Iterator[Mutant]:
    """All of them."""
    faults: tuple[tuple[Implementation, tuple[str, ...]], ...] = (
        (bits(_log_sigmoid), ("binary-log-sigmoid",)),
        (bits(_log_sigmoid, half=0.0), ("binary-log-sigmoid", "missing-half-term")),
        (bits(right_third, half=0.0), ("missing-half-term",)),
        (bits(right_third, _doubled), ("unknown-sampler", "unknown-soft-output", "unknown-gradient")),
        (bits(lambda x, pi: torch.sigmoid(torch.logit(pi) - x + x)), ("missing-stop-gradient",)),
    )
    for number, (fn, codes) in enumerate(faults, 1):
        yield Mutant(f"torch binary {number}", fn, codes, options={"binary": True}, framework="torch")
