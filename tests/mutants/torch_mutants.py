"""Planted faults in PyTorch: Algorithm 2 differentiated automatically, and hand-written backward passes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.mutants.catalogue import Mutant
from tests.mutants.torch_binary import binary
from tests.mutants.torch_conditions import chunked
from tests.mutants.torch_functions import functions
from tests.mutants.torch_lines import Algorithm2, axis, draw, flipped, gumbel, likely, tempered
from tests.mutants.torch_plain import plain
from tests.mutants.torch_plausible import plausible

__all__ = ["everything"]


def _straight_through(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    del tau
    soft = logits.softmax(-1)
    return draw(soft.detach()) + soft - soft.detach(), soft


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
    yield from plausible()
    yield from plain()
    yield from chunked()


def _lines() -> Iterator[Mutant]:
    new = Algorithm2
    yield from _numbered(
        "line",
        (new(third=axis(1)), ("wrong-axis",)),
        (new(third=axis(0)), ("wrong-axis",)),
        (new(first=lambda x, _: x.softmax(min(1, x.ndim - 1))), ("wrong-axis",)),
        (new(sampled=likely), ("argmax-sampler",)),
        (new(sampled=tempered), ("tempered-sampler",)),
        (new(sampled=lambda x, _: x.softmax(-1).softmax(-1)), ("probabilities-as-logits",)),
        (new(prepare=lambda x: x.softmax(-1)), ("probabilities-as-logits",)),
        (new(combine=lambda pi1, _: 2 * pi1), ("missing-half-term",)),
        (new(combine=lambda pi1, pi0: 2 * pi1 - 0.5 * pi0.detach()), ("missing-half-term",)),
        (new(combine=lambda pi1, pi0: pi1 - 0.5 * pi0), ("missing-factor-two",)),
        (new(combine=lambda pi1, pi0: 2 * pi1 + 0.5 * pi0), ("sign-flip",)),
        (new(combine=lambda pi1, pi0: 2 * pi1.detach() - 0.5 * pi0), ("severed-gradient",)),
        (new(second=lambda x, tau: (x * tau).softmax(-1)), ("inverted-tau",)),
        (new(first=tempered), ("tempered-half-term",)),
        (new(third=flipped), ("sign-flip",)),
        (new(third=lambda x, pi: (pi.log() - x + x).softmax(-1)), ("missing-stop-gradient",)),
        (new(third=lambda x, pi: (pi.log() - x.detach() + x).softmax(-1)), ("missing-stop-gradient",)),
        (new(resample=True), ("resampled-backward",)),
        (new(second=gumbel), ("noise-in-backward",)),
        (new(first=gumbel), ("noise-in-backward",)),
        (new(output=lambda soft: soft.detach()), ("soft-cotangent",)),
        (new(output=lambda soft: 2 * soft - soft.detach()), ("soft-cotangent",)),
        (new(combine=lambda pi1, pi0: 2 * pi1 - 0.4 * pi0), ("unknown-gradient",)),
        (new(third=lambda _, pi: pi), ("missing-stop-gradient",)),
    )


def _several() -> Iterator[Mutant]:
    wrong = Algorithm2(third=axis(1))
    yield from _numbered(
        "several",
        (
            replace(wrong, sampled=tempered),
            ("wrong-axis", "tempered-sampler"),
        ),
        (
            Algorithm2(sampled=likely, combine=lambda pi1, _: 2 * pi1),
            ("argmax-sampler", "missing-half-term"),
        ),
        (
            Algorithm2(second=lambda x, tau: (x * tau).softmax(-1), combine=lambda pi1, pi0: pi1 - 0.5 * pi0),
            ("inverted-tau", "missing-factor-two"),
        ),
        (
            Algorithm2(first=tempered, output=lambda soft: soft.detach()),
            ("tempered-half-term", "soft-cotangent"),
        ),
    )


def _whole() -> Iterator[Mutant]:
    yield from _numbered(
        "whole",
        (_straight_through, ("straight-through",)),
        (_gumbel_softmax, ("noise-in-backward",)),
        (_without_gradient, ("severed-gradient",)),
        (_fixed_axis, ("wrong-axis", "unknown-sampler")),
        (Algorithm2(second=_batch_scaled), ("row-coupling",)),
    )
