"""Planted faults in PyTorch that show under a condition only; each says the condition."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tests.mutants.catalogue import Mutant
from tests.mutants.torch_lines import Algorithm2

__all__ = ["chunked", "conditions"]

Condition = Callable[[Tensor, float], bool]
Implementation = Callable[..., tuple[Tensor, Tensor]]

WITHOUT_HALF = Algorithm2(combine=lambda pi1, _: 2 * pi1)
HALVED = Algorithm2(combine=lambda pi1, pi0: pi1 - 0.5 * pi0)


def _where(condition: Condition, wrong: Implementation) -> Implementation:
    """Wrong where the condition holds, and right elsewhere."""
    right = Algorithm2()
    return lambda logits, tau=1.0: (wrong if condition(logits, tau) else right)(logits, tau)


def conditions() -> Iterator[Mutant]:
    """All but the chunked ones, which are wrong in every large call."""
    faults: tuple[tuple[Condition, Implementation, tuple[str, ...], str], ...] = (
        (lambda x, _: x.shape[-1] >= 33, WITHOUT_HALF, ("missing-half-term",), "where K ≥ 33"),
        (lambda x, _: x.shape[-1] <= 5, WITHOUT_HALF, ("missing-half-term",), "where K ≤ 5"),
        (lambda x, _: x.shape[-1] % 2 == 1, WITHOUT_HALF, ("missing-half-term",), "where K is 3, 5, 17, 33"),
        (lambda x, _: x.shape[-1] <= 3, HALVED, ("missing-factor-two",), "where K ≤ 3"),
        (lambda x, _: x.dtype == torch.float32, WITHOUT_HALF, ("missing-half-term",), "in float32"),
        (lambda x, _: x.dtype == torch.float32, HALVED, ("missing-factor-two",), "in float32"),
        (lambda x, _: x.ndim >= 4, WITHOUT_HALF, ("missing-half-term",), "a number of axes ≥ 4"),
        (lambda x, _: x.ndim == 1, HALVED, ("missing-factor-two",), "a number of axes ≤ 1"),
        (lambda x, _: bool((x > 0).all()), WITHOUT_HALF, ("missing-half-term",), "all positive"),
    )
    for number, (condition, wrong, codes, says) in enumerate(faults, 1):
        yield Mutant(f"torch condition {number}", _where(condition, wrong), codes, says, framework="torch")


def chunked() -> Iterator[Mutant]:
    """Kernels in whole chunks of rows, which leave the rest without a gradient or with another one."""
    faults = [(rows, factor) for rows in (4, 8) for factor in (0.0, 0.5)]
    for number, (rows, factor) in enumerate(faults, 1):
        fn, codes = _leftover(rows, factor), ("unknown-gradient",)
        yield Mutant(f"torch chunk {number}", fn, codes, "the last rows", framework="torch")


def _leftover(rows: int, factor: float) -> Implementation:
    def op(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        hard, soft = Algorithm2()(logits, tau)
        number = hard.numel() // hard.shape[-1]
        kept = torch.ones(number, dtype=hard.dtype)
        kept[number // rows * rows :] = factor
        weight = kept.reshape(hard.shape[:-1])[..., None]
        return weight * hard + ((1 - weight) * hard).detach(), soft

    return op
