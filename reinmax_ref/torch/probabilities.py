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


def softmax(logits: Tensor, dim: int) -> Tensor:
    """softmax(θ) along a negative ``dim``, contiguous."""
    moved = logits.movedim(dim, -1)
    rows = softmax_rows(moved.reshape(-1, moved.shape[-1]))
    return rows.view(moved.shape).movedim(-1, dim).contiguous()


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
    """Probabilities, sampled index and its validity, the last two with size 1 along ``dim``."""
    moved = logits.movedim(dim, -1)
    p, index, total = softmax_and_sample(moved.reshape(-1, moved.shape[-1]), u.reshape(-1))
    batch = (*moved.shape[:-1], 1)
    index, valid = (x.view(batch).movedim(-1, dim) for x in (index, total.isfinite()))
    return p.view(moved.shape).movedim(-1, dim).contiguous(), index, valid


def forced(logits: Tensor, index: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Like :func:`sampled` for a given index, which has size 1 along ``dim``."""
    p = softmax(logits, dim)
    possible = logits.gather(dim, index) != -torch.inf
    return p, index, possible & p.gather(dim, index).isfinite()
