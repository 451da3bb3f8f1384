"""Exact categorical sampling by inverse CDF, one uniform number per row.

Sums over classes are kept in float64, unnormalised, and the threshold is
t = u·(last sum): then t is below the last sum whatever the rounding, and the
first class whose sum exceeds t has a probability above zero.

Many classes are drawn in two steps, a block of classes and a class in that
block. What is left of u after the first step, (t - sum before the block) /
(sum of the block), is again uniform; clipped below 1 it cannot run past the
block. Only the chosen block is summed in float64, so the cost beyond softmax
is one pass of plain sums.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["sample_rows", "softmax_and_sample", "softmax_rows", "uniforms"]

_FEW = 8  # rows of so few classes are too short for a CPU's vectorised softmax
_COLUMNS = 32  # up to here one vector operation per class beats one search per row
_MANY_ROWS = 512  # fewer rows make such vectors too short
_SMALL = 4096  # so few numbers are not worth a second step
_BELOW_ONE = 1 - 2**-53


@dataclass(frozen=True)
class _Choice:
    index: Tensor
    threshold: Tensor
    cdf: Tensor
    dim: int

    @property
    def total(self) -> Tensor:
        return self.cdf.select(self.dim, -1)

    def rest(self) -> Tensor:
        """What is left of the uniform number: the place of the threshold within the chosen entry."""
        at = self.index.unsqueeze(self.dim)
        low = self.cdf.gather(self.dim, (at - 1).clamp_(min=0)).mul_(at > 0)
        high = self.cdf.gather(self.dim, at)
        place = (self.threshold.unsqueeze(self.dim) - low).div_(high.sub_(low))
        return place.clamp_(0, _BELOW_ONE).squeeze(self.dim)


def uniforms(rows: torch.Size, device: torch.device, generator: torch.Generator | None) -> Tensor:
    """Draw one number in [0, 1) per row; float64 where the device has it."""
    dtype = torch.float32 if device.type == "mps" else torch.float64
    if generator is None:  # named only when given, because a traced graph cannot hold one
        return torch.rand(rows, dtype=dtype, device=device)
    return torch.rand(rows, dtype=dtype, device=device, generator=generator)


def _by_columns(cdf: Tensor, u: Tensor) -> _Choice:
    """Draw from columns of weights, shape (K, rows); they are turned into running sums in place."""
    columns = cdf.unbind(0)
    for below, above in pairwise(columns):
        above.add_(below)
    threshold = u * columns[-1]
    passed = (cdf[:-1] <= threshold).view(torch.int8).sum(0, dtype=torch.int8)
    return _Choice(passed.long(), threshold, cdf, 0)


def _by_search(weights: Tensor, u: Tensor) -> _Choice:
    """Draw from rows of weights, shape (rows, K)."""
    cdf = weights.to(u.dtype).cumsum(-1)
    threshold = u * cdf[:, -1]
    index = torch.searchsorted(cdf, threshold.unsqueeze(-1), right=True).clamp_(max=weights.shape[1] - 1)
    if weights.device.type != "cpu":  # a parallel sum may step back by a rounding error over a zero weight
        index = torch.where(weights.gather(1, index) > 0, index, weights.argmax(-1, keepdim=True))
    return _Choice(index.squeeze(-1), threshold, cdf, 1)


def _long_columns(rows: Tensor, classes: int) -> bool:
    return rows.device.type == "cpu" and rows.shape[1] <= classes and rows.shape[0] >= _MANY_ROWS


def _choose(weights: Tensor, u: Tensor) -> _Choice:
    if not _long_columns(weights, _COLUMNS):
        return _by_search(weights, u)
    columns = torch.empty(weights.shape[::-1], dtype=u.dtype, device=u.device)
    return _by_columns(columns.copy_(weights.t()), u)


def _width(classes: int) -> int:
    """Classes per block: wide enough to sum fast, narrow enough for the second step to be cheap."""
    return 16 if classes <= 512 else 64 if classes <= 4096 else 128


def _in_two_steps(p: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    count, classes = p.shape
    width = _width(classes)
    whole = classes // width * width
    sums = p[:, :whole].view(count, -1, width).sum(-1)
    if whole < classes:
        sums = torch.cat([sums, p[:, whole:].sum(-1, keepdim=True)], 1)
    block = _choose(sums, u)
    start = block.index * width
    first = start.clamp(max=classes - width)  # the last block, if short, is read with its predecessor's end
    at = first + torch.arange(0, count * classes, classes, device=p.device)
    weights = p.view(-1).unfold(0, width, 1).index_select(0, at)
    if whole < classes:
        weights.mul_(torch.arange(width, device=p.device) >= (start - first).unsqueeze(1))
    return first + _choose(weights, block.rest()).index, block.total


def sample_rows(p: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Draw a class per row of ``p``; return the indices and the sum of each row.

    Parameters
    ----------
    p : Tensor, shape (rows, K)
        Weights, contiguous, float32 or float64; they need not sum to one.
    u : Tensor, shape (rows,)
        Numbers in [0, 1).

    Returns
    -------
    index, total : Tensor, shape (rows,)
        A row with NaN has some index and the sum NaN.
    """
    if torch.compiler.is_compiling() or p.numel() <= _SMALL or p.shape[1] <= _COLUMNS // 2:
        choice = _by_search(p, u) if torch.compiler.is_compiling() else _choose(p, u)
        return choice.index, choice.total
    return _in_two_steps(p, u)


def _short_rows(rows: Tensor) -> bool:
    return not torch.compiler.is_compiling() and _long_columns(rows, _FEW)


def _transposed(x: Tensor) -> Tensor:
    """Transpose a matrix, contiguous."""
    if torch.is_grad_enabled():
        return x.t().contiguous()
    result = x.new_empty((x.shape[1], x.shape[0]))
    return torch.mul(x.t(), 1, out=result)  # twice as fast as a copy, and exact


def softmax_rows(rows: Tensor) -> Tensor:
    """Softmax over the last of two dimensions, contiguous."""
    if _short_rows(rows):
        return _transposed(_transposed(rows).softmax(0))
    return rows.softmax(-1)


def softmax_and_sample(rows: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Softmax of ``rows``, shape (rows, K), then :func:`sample_rows` of it: p, index, total."""
    if not _short_rows(rows):
        p = rows.softmax(-1)
        return p, *sample_rows(p, u)
    columns = _transposed(rows).softmax(0)
    choice = _by_columns(columns.to(u.dtype, copy=True), u)
    return _transposed(columns), choice.index, choice.total
