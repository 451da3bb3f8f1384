"""Algorithm 2 in PyTorch put together from its lines, right ones or wrong ones."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Algorithm2", "axis", "draw", "flipped", "gumbel", "likely", "tempered"]


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
        onehot = draw(weights)
        pi0 = self.first(x, tau)
        other = draw(weights) if self.resample else onehot
        pi1 = self.third(x, (other + self.second(x, tau)) / 2)
        pi2 = self.combine(pi1, pi0)
        return pi2 - pi2.detach() + onehot, self.output(x.softmax(-1))


def draw(weights: Tensor) -> Tensor:
    """One-hot draws in proportion to the weights."""
    index = torch.multinomial(weights.reshape(-1, weights.shape[-1]), 1)
    return torch.zeros_like(weights).view(-1, weights.shape[-1]).scatter_(-1, index, 1.0).view(weights.shape)


def axis(number: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Line 4 over a fixed axis."""
    return lambda x, pi: ((pi.log() - x).detach() + x).softmax(min(number, x.ndim - 1))


def likely(x: Tensor, tau: float) -> Tensor:
    """All weight on the most likely class."""
    del tau
    return torch.nn.functional.one_hot(x.argmax(-1), x.shape[-1]).to(x.dtype)


def gumbel(x: Tensor, tau: float) -> Tensor:
    """A Gumbel-softmax in place of p or p_τ."""
    return ((x - torch.empty_like(x).exponential_().log()) / tau).softmax(-1)


def tempered(x: Tensor, tau: float) -> Tensor:
    """softmax(θ/τ) in place of p."""
    return (x / tau).softmax(-1)


def flipped(x: Tensor, pi: Tensor) -> Tensor:
    """Line 4 with − θ outside of the stop-gradient."""
    return ((pi.log() - x).detach() - x).softmax(-1)
