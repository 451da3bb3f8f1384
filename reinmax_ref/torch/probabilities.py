"""Softmax, plain and tempered, and the sample with it; classes along any dimension."""

import torch
from torch import Tensor

from reinmax_ref.torch.sampling import softmax_and_sample, softmax_rows

__all__ = ["forced", "lift_tau", "sampled", "softmax", "softmax_tau", "wide"]


def wide(x: Tensor) -> Tensor:
    """Give the tensor in the dtype that sums are accumulated in: float64 stays, all else is float32."""
    return x if x.dtype == torch.float64 else x.float()


def lift_tau(tau: float | Tensor, dtype: torch.dtype) -> float | Tensor:
    """Keep the temperature from rounding to 0 in ``dtype``, where 0/0 would hide a tie."""
    tiny = torch.finfo(dtype).tiny
    return tau.to(dtype).clamp(min=tiny) if isinstance(tau, Tensor) else max(tau, tiny)


def _as_rows(x: Tensor, dim: int) -> Tensor:
    return (x if dim == -1 else x.movedim(dim, -1)).reshape(-1, x.shape[dim])


def _from_rows(rows: Tensor, dim: int, shape: torch.Size) -> Tensor:
    """Undo :func:`_as_rows`, contiguous, for a tensor of this shape."""
    if dim == -1:
        return rows.view(shape)
    moved = (*shape[:dim], *(shape[dim:][1:]), rows.shape[-1])
    return rows.view(moved).movedim(-1, dim).contiguous()


def softmax(logits: Tensor, dim: int) -> Tensor:
    """softmax(θ) along a negative ``dim``, contiguous."""
    return _from_rows(softmax_rows(_as_rows(logits, dim)), dim, logits.shape)


def softmax_tau(logits: Tensor, tau: float | Tensor, dim: int) -> Tensor:
    """softmax(θ/τ) for every τ from above 0 to inf and every finite θ, −inf masks included."""
    # The largest logit goes first: rounding is then relative to differences, not to sizes.
    top = logits.detach().amax(dim, keepdim=True)
    if not isinstance(tau, Tensor) and tau < torch.finfo(logits.dtype).max / 1e5:
        return softmax((logits - top).div_(lift_tau(tau, logits.dtype)), dim)
    # Halves, because the distance of two finite numbers may be infinite, but not its quotient by τ.
    scaled = (logits / 2 - top / 2) / lift_tau(tau, logits.dtype) * 2
    return softmax(scaled.masked_fill(logits == -torch.inf, -torch.inf), dim)


def sampled(logits: Tensor, u: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities, sampled index and the sum of the probabilities, the last two with size 1 along ``dim``.

    Where a row cannot be sampled its sum is not finite.
    """
    p, index, total = softmax_and_sample(_as_rows(logits, dim), u.reshape(-1))
    single = (*logits.shape[:dim], 1, *(logits.shape[dim:][1:]))
    return _from_rows(p, dim, logits.shape), index.view(single), total.view(single)


def forced(logits: Tensor, index: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Like :func:`sampled` for a given index, which has size 1 along ``dim``."""
    p = softmax(logits, dim)
    impossible = logits.gather(dim, index) == -torch.inf
    return p, index, p.gather(dim, index).masked_fill(impossible, torch.inf)
