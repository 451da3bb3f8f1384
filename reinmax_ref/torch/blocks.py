"""Row blocks that fit a core's own cache: several passes over memory become one."""

from collections.abc import Callable

import torch
from torch import Tensor

from reinmax_ref.torch.checks import readable

__all__ = ["in_blocks"]

_BLOCK = 2**17  # numbers; a few float32 arrays of this size fit a second-level cache


def in_blocks(function: Callable[..., Tensor], first: Tensor, *others: Tensor) -> Tensor:
    """Evaluate a row-wise function block by block, where that pays, writing each result once.

    All arguments share their leading dimensions; the result is like the last.
    """
    arguments = (first, *others)
    if first.numel() < 2 * _BLOCK or not all(readable(x) and x.is_contiguous() for x in arguments):
        return function(*arguments)
    if torch.is_grad_enabled():  # a result to be differentiated again must stay in one piece
        return function(*arguments)
    # Like the last, the cotangent: under a vmap of the backward pass it alone is certain to be batched.
    out = torch.empty_like(others[-1])
    size = max(1, _BLOCK // first.shape[-1])
    parts = (torch.split(x.view(-1, x.shape[-1]), size) for x in (out, *arguments))
    for block, *pieces in zip(*parts, strict=True):
        block.copy_(function(*pieces))
    return out
