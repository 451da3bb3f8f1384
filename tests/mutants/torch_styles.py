"""Right implementations in PyTorch, in the styles that are found in the wild."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import OneHotCategorical

from tests.mutants.catalogue import Mutant
from tests.mutants.torch_binary import bits, right_third
from tests.mutants.torch_functions import formula
from tests.mutants.torch_lines import Algorithm2

__all__ = ["everything"]

algorithm_2 = Algorithm2()


def surrogate(logits: Tensor, onehot: Tensor, tau: Any, dim: int = -1) -> Tensor:
    """Algorithm 2 at a given sample."""
    pi0 = logits.softmax(dim)
    pi1 = (onehot + (logits / tau).softmax(dim)) / 2
    pi1 = ((pi1.log() - logits).detach() + logits).softmax(dim)
    pi2 = 2 * pi1 - 0.5 * pi0
    return torch.sub(pi2, pi2.detach()) + onehot


def _race(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    clocks = torch.empty_like(logits).exponential_(generator=generator) / logits.detach().softmax(-1)
    return nn.functional.one_hot(clocks.argmin(-1), logits.shape[-1]).to(logits.dtype)


def hard_only(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """No temperature, the sample alone."""
    return surrogate(logits, _race(logits, generator), 1.0)


def index_first(logits: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """(index, hard)."""
    hard = _race(logits)
    return hard.argmax(-1), surrogate(logits, hard, temperature)


def index_last(logits: Tensor, temp: float) -> tuple[Tensor, Tensor]:
    """(hard, index)."""
    return index_first(logits, temp)[::-1]


def soft_first(logits: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """(soft, hard)."""
    return logits.softmax(-1), surrogate(logits, _race(logits), tau)


def channels_first(x: Tensor, temp: float = 1.0) -> Tensor:
    """Classes on axis 1, sampled by Gumbel-softmax."""
    hard = nn.functional.gumbel_softmax(x, tau=temp, dim=1, hard=True).detach()
    return surrogate(x, hard.round(), temp, dim=1)


def along(logits: Tensor, T: float = 1.0, dim: int = -1) -> tuple[Tensor, Tensor]:
    """The class axis by argument."""
    hard, soft = algorithm_2(logits.movedim(dim, -1), T)
    return hard.movedim(-1, dim), soft.movedim(-1, dim)


def matrices(logits: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
    """2-D logits only, and the temperature as a 0-d tensor."""
    if logits.ndim != 2 or not isinstance(tau, Tensor):
        raise TypeError("expected a matrix, and a tensor for the temperature")
    return algorithm_2(logits, float(tau))


def vector(alpha: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """One row only."""
    if alpha.ndim != 1:
        raise ValueError("expected a vector")
    return formula(alpha, tau)


def own_source() -> Any:
    """One row only, and a generator of its own that nobody can seed again."""
    own = torch.Generator().manual_seed(3)

    def one_row(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        if logits.ndim != 1:
            raise ValueError("expected a vector")
        return surrogate(logits, _race(logits, own), tau), logits.softmax(-1)

    return one_row


def single_inside(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """Everything in float32."""
    return algorithm_2(logits.float(), tau)


def double_inside(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """Everything in float64, cast back."""
    hard, soft = algorithm_2(logits.double(), tau)
    return hard.to(logits.dtype), soft.to(logits.dtype)


def with_sample(logits: Tensor, one_hot: Tensor, tau: float = 1.0) -> Tensor:
    """The sample as an argument."""
    return surrogate(logits, one_hot, tau)


def switched(logits: Tensor, tau: float = 1.0, *, hard: bool = False) -> Tensor:
    """ReinMax behind a switch, else a plain softmax."""
    return algorithm_2(logits, tau)[0] if hard else (logits / tau).softmax(-1)


class Module(nn.Module):
    """The temperature on a module."""

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The sample and the probabilities."""
        found: tuple[Tensor, Tensor] = formula(logits, self.temperature)
        return found


class Distribution(OneHotCategorical):
    """``rsample`` with the gradient of ReinMax."""

    has_rsample = True

    def __init__(self, tau: float = 1.0, logits: Tensor | None = None) -> None:
        self.tau = tau
        super().__init__(logits=logits)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """A sample."""
        return surrogate(self.logits, self.sample(sample_shape), self.tau)  # type: ignore[no-untyped-call]


class Heun(torch.autograd.Function):
    """A static backward pass, taken through ``apply``."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        """The sample and the probabilities."""
        p = logits.softmax(-1)
        onehot = _race(logits)
        ctx.save_for_backward(p, (logits / tau).softmax(-1), onehot)
        return onehot, p

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        """The definition."""
        (p, p_tau, onehot), (g, h) = ctx.saved_tensors, grads
        q, k = (p_tau + onehot) / 2, h - g / 2
        first = 2 * q * (g - (q * g).sum(-1, keepdim=True))
        return first + p * (k - (p * k).sum(-1, keepdim=True)), None


def everything() -> Iterator[Mutant]:
    """All of them."""
    styles: dict[str, tuple[Any, dict[str, Any]]] = {
        "Algorithm 2": (algorithm_2, {}),
        "backward pass by hand": (formula, {}),
        "exponential race, hard only, generator": (hard_only, {}),
        "index first": (index_first, {}),
        "index last": (index_last, {}),
        "soft first": (soft_first, {}),
        "channels first": (channels_first, {"axis": 1}),
        "axis argument": (along, {}),
        "2-D only, temperature as a tensor": (matrices, {}),
        "one row, own source": (own_source(), {}),
        "float32 inside": (single_inside, {}),
        "float64 inside": (double_inside, {}),
        "sample as an argument": (with_sample, {}),
        "behind a switch": (switched, {"hard": True}),
        "module": (Module(), {}),
        "module class": (Module, {}),
        "distribution": (Distribution, {}),
        "autograd function": (Heun, {}),
        "compiled": (torch.compile(hard_only, backend="eager", dynamic=True), {}),
        "binary": (bits(right_third), {"binary": True}),
    }
    for name, (fn, options) in styles.items():
        yield Mutant(f"torch {name}", fn, options=options, framework="torch")
