"""Samplers in PyTorch with one fault each, most of them small, and right ones in other styles.

Each takes detached logits and a temperature, and gives class numbers. All are
put into an op whose gradient is right.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.mutants.torch_styles import surrogate

__all__ = ["RIGHT", "SLIPS", "Sampler", "inverse", "op", "right", "uniform"]

Sampler = Callable[[Tensor, float], Tensor]


def op(sampler: Sampler) -> Callable[..., tuple[Tensor, Tensor]]:
    """The op that draws by a sampler; one that gives floats gives the sample itself."""

    def implementation(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        found = sampler(logits.detach(), tau)
        onehot = found
        if not found.is_floating_point():
            onehot = torch.nn.functional.one_hot(found, logits.shape[-1]).to(logits.dtype)
        return surrogate(logits, onehot, tau), logits.softmax(-1)

    return implementation


def by_weight(p: Tensor) -> Tensor:
    """Right, by ``torch.multinomial``."""
    flat = p.reshape(-1, p.shape[-1])
    return torch.multinomial(flat, 1).view(p.shape[:-1])


def right(x: Tensor, tau: float = 1.0) -> Tensor:
    """Right, whatever the temperature."""
    del tau
    return by_weight(x.softmax(-1))


def inverse(x: Tensor, u: Tensor, *, sums: torch.dtype | None = None) -> Tensor:
    """The inverse of the distribution function at uniform numbers."""
    steps = x.softmax(-1).to(sums or x.dtype).cumsum(-1).to(u.dtype)
    last = steps[..., -1:]
    return (steps <= u[..., None] * last).sum(-1).clamp(max=x.shape[-1] - 1)


def race(x: Tensor, u: Tensor) -> Tensor:
    """The largest of logits with Gumbel noise from uniform numbers."""
    return (x - (-u.log()).log()).argmax(-1)


def coarse(shape: Any, bits: int, shift: float = 0.0) -> Tensor:
    """Uniform numbers of few bits, at the start of their cells or within."""
    return (torch.randint(2**bits, shape) + shift).double() / 2**bits


def uniform(x: Tensor, *, rows: bool = True) -> Tensor:
    """Uniform numbers, one for each row or each logit."""
    return torch.rand(x.shape[:-1] if rows else x.shape, dtype=torch.float64)


def mixed(rate: float, other: Callable[[Tensor], Tensor]) -> Sampler:
    """Another sampler in a share of the rows."""

    def sampler(x: Tensor, _: float) -> Tensor:
        found = right(x)
        return torch.where(torch.rand(found.shape) < rate, other(x), found)

    return sampler


def where(condition: Callable[[Tensor, float], bool], wrong: Sampler | None = None) -> Sampler:
    """The most likely class, or another fault, where a condition on the call holds."""
    other = wrong or (lambda x, _: x.argmax(-1))
    return lambda x, tau: other(x, tau) if condition(x, tau) else right(x)


def cut(keep: Callable[[Tensor], Tensor]) -> Sampler:
    """Classes that are not kept have no mass."""

    def sampler(x: Tensor, _: float) -> Tensor:
        p = x.softmax(-1)
        return by_weight(p * keep(p))

    return sampler


def nucleus(share: float) -> Sampler:
    """The fewest classes that have a share of the mass."""

    def keep(p: Tensor) -> Tensor:
        ordered, places = p.sort(-1, descending=True)
        kept = (ordered.cumsum(-1) - ordered) < share
        return torch.zeros_like(p).scatter(-1, places, kept.to(p.dtype))

    return cut(keep)


def top(k: int) -> Sampler:
    """The k likeliest classes."""

    def keep(p: Tensor) -> Tensor:
        places = p.topk(min(k, p.shape[-1]), -1).indices
        return torch.zeros_like(p).scatter(-1, places, torch.ones_like(p))

    return cut(keep)


def _last_row(x: Tensor, _: float) -> Tensor:
    found = right(x)
    if x.ndim == 2 and len(x) % 64:
        found[-1] = x[-1].argmax()
    return found


def _not_a_number(x: Tensor, _: float) -> Tensor:
    hard = torch.nn.functional.one_hot(right(x), x.shape[-1]).to(x.dtype)
    if hard.numel() // x.shape[-1] > 500:
        hard[torch.rand(hard.shape[:-1]) < 0.002] = torch.nan
    return hard


def _two_hot(x: Tensor, _: float) -> Tensor:
    hard = torch.nn.functional.one_hot(right(x), x.shape[-1]).to(x.dtype)
    if x.dtype == torch.float32:
        hard[torch.rand(hard.shape[:-1]) < 0.001] = 1.0
    return hard


def _unlike(x: Tensor, tau: float) -> bool:
    return not torch.equal(x, x[..., :1].expand_as(x)) and tau == 1


def _eps(size: float) -> Sampler:
    def sampler(x: Tensor, _: float) -> Tensor:
        u = uniform(x, rows=False)
        return (x - (size - u.log()).log()).argmax(-1)

    return sampler


def _shuffled(x: Tensor, _: float) -> Tensor:
    order = torch.randperm(x.shape[-1])
    return order[right(x[..., order])]


#: A wrong distribution, by what is wrong.
SLIPS: dict[str, Sampler] = {
    "0.1 % uniform": mixed(1e-3, lambda x: torch.randint(x.shape[-1], x.shape[:-1])),
    "1 % greedy": mixed(1e-2, lambda x: x.argmax(-1)),
    "5e-4 never drawn": cut(lambda p: (p > 5e-4).to(p.dtype)),
    "5e-4 at least": lambda x, _: by_weight(x.softmax(-1).clamp(min=5e-4)),
    "1e-4 added": lambda x, _: by_weight(x.softmax(-1) + 1e-4),
    "logits clamped at 10": lambda x, _: right((x - x.amax(-1, keepdim=True)).clamp(min=-10)),
    "top 5": top(5),
    "top 50": top(50),
    "nucleus 0.9": nucleus(0.9),
    "nucleus 0.99": nucleus(0.99),
    "nucleus 0.999": nucleus(0.999),
    "8 bits, inverse": lambda x, _: inverse(x, coarse(x.shape[:-1], 8)),
    "11 bits, inverse": lambda x, _: inverse(x, coarse(x.shape[:-1], 11)),
    "16 bits, inverse": lambda x, _: inverse(x, coarse(x.shape[:-1], 16)),
    "16 bits, inverse, middle of the cell": lambda x, _: inverse(x, coarse(x.shape[:-1], 16, 0.5)),
    "8 bits, Gumbel": lambda x, _: race(x, coarse(x.shape, 8)),
    "11 bits, Gumbel": lambda x, _: race(x, coarse(x.shape, 11)),
    "16 bits, Gumbel": lambda x, _: race(x, coarse(x.shape, 16)),
    "noise in half precision": lambda x, _: race(x, torch.rand(x.shape, dtype=torch.float16).clamp(6e-8)),
    "sums in float16": lambda x, _: inverse(x, uniform(x), sums=torch.float16),
    "sums in bfloat16": lambda x, _: inverse(x, uniform(x), sums=torch.bfloat16),
    "eps 1e-2 in the log": _eps(1e-2),
    "eps 1e-3 in the log": _eps(1e-3),
    "eps 1e-5 in the log": _eps(1e-5),
    "log(p + 1e-5)": lambda x, _: right((x.softmax(-1) + 1e-5).log()),
    "tempered in float32 only": lambda x, tau: right(x / tau if x.dtype == torch.float32 else x),
    "greedy in float32 for 64 classes or more": where(
        lambda x, _: x.dtype == torch.float32 and x.shape[-1] >= 64
    ),
    "greedy in 1-D": where(lambda x, _: x.ndim == 1),
    "greedy in 5-D": where(lambda x, _: x.ndim == 5),
    **{f"greedy for K = {K}": where(lambda x, _, K=K: x.shape[-1] == K) for K in (2, 3, 4, 33, 65, 257)},  # type: ignore[misc]
    "greedy for more than 4096 rows": where(lambda x, _: x.ndim == 2 and len(x) > 4096),
    "the last row of a chunk greedy": _last_row,
    "greedy for equal logits": where(lambda x, tau: not _unlike(x, tau)),
    "the first of two tied": lambda x, _: right(x + 0.1 * (x == x.amax(-1, keepdim=True)).cumsum(-1).eq(1)),
    "positive logits as weights": where(lambda x, _: bool((x > 0).all()), lambda x, _: by_weight(x)),
    "log-probabilities read as probabilities": where(
        lambda x, _: torch.allclose(x.logsumexp(-1), x.new_zeros(())), lambda x, _: right(x.exp())
    ),
    "tempered for an integer": where(lambda _, tau: isinstance(tau, int), lambda x, tau: right(x / tau)),
    "tempered below 0.3": where(lambda _, tau: tau < 0.3, lambda x, tau: right(x / tau)),
    "tempered above 4": where(lambda _, tau: tau > 4, lambda x, tau: right(x / tau)),
    "NaN in 0.2 % of large calls": _not_a_number,
    "0.1 % of rows all ones in float32": _two_hot,
}


#: Right ones, in styles that round or draw in different ways.
RIGHT: dict[str, Sampler] = {
    "multinomial": right,
    "inverse of the distribution function": lambda x, _: inverse(x, uniform(x)),
    "inverse in float32": lambda x, _: inverse(x.float(), torch.rand(x.shape[:-1])),
    "Gumbel noise": lambda x, _: race(x, uniform(x, rows=False)),
    "Gumbel noise in float32": lambda x, _: race(x.float(), torch.rand(x.shape)),
    "Gumbel noise with eps 1e-20": _eps(1e-20),
    "Gumbel noise with eps 1e-10 in float32": lambda x, _: (
        x.float() - (-(torch.rand(x.shape) + 1e-10).log() + 1e-10).log()
    ).argmax(-1),
    "exponential race": lambda x, _: (torch.empty_like(x).exponential_() / x.softmax(-1)).argmin(-1),
    "hard + soft − soft": lambda x, _: (
        torch.nn.functional.one_hot(right(x), x.shape[-1]) + x.softmax(-1) - x.softmax(-1)
    ),
    "shuffled classes": _shuffled,
}
