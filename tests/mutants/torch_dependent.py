"""Samplers in PyTorch whose draws have the right distribution and are not independent."""

from collections.abc import Callable

import torch
from torch import Tensor

from tests.mutants.torch_sampler import Sampler, inverse, right, uniform
from tests.mutants.torch_styles import surrogate

__all__ = ["DEPENDENT", "with_generator"]


def _shared(axis: int, share: float = 1.0) -> Sampler:
    """The same uniform numbers for all places along an axis, in a share of them."""

    def sampler(x: Tensor, _: float) -> Tensor:
        u = uniform(x)
        if u.ndim <= 1:
            return inverse(x, u)
        one = u.narrow(axis, 0, 1).expand_as(u)
        return inverse(x, torch.where(torch.rand(u.shape) < share, one, u))

    return sampler


def _stratified(x: Tensor, *, axis: int | None, shuffled: bool) -> Tensor:
    """Uniform numbers with one in each of n cells along an axis, or over all rows."""
    u = uniform(x)
    if not u.ndim:
        return inverse(x, u)
    flat = u.reshape(-1) if axis is None else u.movedim(axis, -1)
    n = flat.shape[-1]
    cells = torch.arange(n).expand_as(flat)
    if shuffled:
        cells = torch.rand(flat.shape).argsort(-1)
    flat = (cells + flat) / n
    return inverse(x, flat.view(u.shape) if axis is None else flat.movedim(-1, axis))


def _antithetic(x: Tensor, *, axis: int, mirrored: bool) -> Tensor:
    u = uniform(x)
    if not u.ndim or u.shape[axis] < 2:
        return inverse(x, u)
    half = u.shape[axis] // 2
    first = u.narrow(axis, 0, half)
    other = first.flip(axis) if mirrored else first
    rest = u.narrow(axis, 0, u.shape[axis] - 2 * half)
    return inverse(x, torch.cat([first, 1 - other, rest], axis))


def _seeded(x: Tensor, _: float) -> Tensor:
    own = torch.Generator().manual_seed(0)
    return inverse(x, torch.rand(x.shape[:-1], generator=own, dtype=torch.float64))


def _seeds_globally(x: Tensor, _: float) -> Tensor:
    found = right(x)
    torch.manual_seed(0)
    return found


def _puts_back(x: Tensor, _: float) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        return right(x)


def _every_second() -> Sampler:
    kept: list[Tensor] = []

    def sampler(x: Tensor, _: float) -> Tensor:
        if kept and kept[0].shape == x.shape[:-1]:
            return inverse(x, kept.pop())
        kept[:] = [uniform(x)]
        return inverse(x, kept[0])

    return sampler


def with_generator(kind: str) -> Callable[..., tuple[Tensor, Tensor]]:
    """An op that takes a generator; used rightly, ignored, copied, or put back."""

    def implementation(
        logits: Tensor, tau: float = 1.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        used, x = generator, logits.detach()
        if used is not None and kind == "copied":
            used = torch.Generator()
            used.set_state(generator.get_state())
        state = used.get_state() if used is not None else None
        u = torch.rand(x.shape[:-1], generator=None if kind == "ignored" else used, dtype=torch.float64)
        if used is not None and kind == "put back":
            used.set_state(state)
        onehot = torch.nn.functional.one_hot(inverse(x, u), x.shape[-1]).to(x.dtype)
        return surrogate(logits, onehot, tau), logits.softmax(-1)

    return implementation


#: Draws of the right distribution that are not independent.
DEPENDENT: dict[str, Sampler] = {
    "one number for all rows": lambda x, _: inverse(
        x, torch.rand((), dtype=torch.float64).expand(x.shape[:-1])
    ),
    "one number along the first axis": _shared(0),
    "one number along the last axis": _shared(-1),
    "a fifth of the rows shared": _shared(0, 0.2),
    "stratified": lambda x, _: _stratified(x, axis=None, shuffled=False),
    "stratified and shuffled": lambda x, _: _stratified(x, axis=None, shuffled=True),
    "stratified along the first axis": lambda x, _: _stratified(x, axis=0, shuffled=True),
    "stratified along the last axis": lambda x, _: _stratified(x, axis=-1, shuffled=True),
    "antithetic halves": lambda x, _: _antithetic(x, axis=0, mirrored=False),
    "antithetic mirrored rows": lambda x, _: _antithetic(x, axis=0, mirrored=True),
    "antithetic halves of the last axis": lambda x, _: _antithetic(x, axis=-1, mirrored=False),
    "a fixed seed": _seeded,
    "the global state seeded afterwards": _seeds_globally,
    "the global state put back": _puts_back,
    "every second call repeats": _every_second(),
}
