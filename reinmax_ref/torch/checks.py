"""What the public functions refuse, and when they can afford to look.

Shapes and types are always checked. Values (NaN, +inf, a fully masked row, an
impossible index, a temperature held in a tensor) are checked where reading one
flag is free: eagerly, on the CPU. While a graph is being traced, and on
devices where reading a value would stall the queue, the row that cannot be
sampled gets NaN in place of the 1 instead, so that it never passes for a sample.
"""

import math
from typing import Any, SupportsFloat

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import get_proxy_mode

__all__ = [
    "check_dtype",
    "check_index",
    "check_logits",
    "check_tau",
    "check_values",
    "marks",
    "readable",
    "traced",
]

_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
_TEMPERATURE = "tau must be a positive number (math.inf is allowed); got {}"


def traced() -> bool:
    """Whether a tool records the operations that would forget the backward pass of an autograd function."""
    if torch.compiler.is_exporting() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return True
    return not torch.compiler.is_compiling() and get_proxy_mode() is not None


def readable(x: Tensor) -> bool:
    """Whether a value of ``x`` can be read now without stalling a device or breaking a trace."""
    if torch.compiler.is_compiling() or traced():
        return False
    return x.device.type == "cpu" and type(x) is Tensor


def _check_trace() -> None:
    """Keep ``torch.compile`` from tracing inside of ``torch.func.grad`` or ``vmap``.

    It would put the forward pass in the place of an autograd function there, and drop the
    gradient without a word. This call cannot be traced inside of a transform: an error where
    ``fullgraph`` is asked for, else the transform runs eagerly, with the right gradient.
    """
    if torch.compiler.is_compiling():
        torch._C._functorch.maybe_current_level()  # noqa: SLF001  there is no public way to ask


def check_dtype(logits: Any) -> None:
    """Check that the logits are a tensor of a supported dtype."""
    _check_trace()
    if not isinstance(logits, Tensor):
        raise TypeError(f"logits must be a torch.Tensor, got {type(logits).__name__}; use torch.as_tensor")
    if logits.dtype not in _DTYPES:
        raise TypeError(
            f"logits must be float64, float32, bfloat16 or float16, got {logits.dtype}; convert with .float()"
        )


def check_logits(logits: Any, dim: int) -> int:
    """Check type and shape of the logits; return ``dim`` counted from the end, which is negative."""
    check_dtype(logits)
    if not -logits.ndim <= dim < logits.ndim:
        raise ValueError(
            f"dim {dim} is out of range for logits of shape {tuple(logits.shape)}; "
            "expected logits of at least one dimension, and dim among them"
        )
    negative = dim - logits.ndim if dim >= 0 else dim
    if logits.shape[negative] == 0:
        raise ValueError(f"no class to draw: dim {dim} of logits of shape {tuple(logits.shape)} is empty")
    return negative


def check_tau(tau: Any) -> float | Tensor:
    """Return the temperature as a positive float, or as a 0-d tensor, which may have no gradient."""
    if isinstance(tau, Tensor):
        if tau.ndim or tau.is_complex() or tau.dtype == torch.bool:
            raise TypeError(
                f"tau must be a number or a real 0-d tensor, got {tau.dtype} of shape {tuple(tau.shape)}"
            )
        if tau.requires_grad:
            raise ValueError(
                "tau requires a gradient, and these estimators define none for the temperature; "
                "pass tau.detach(), or anneal it by hand"
            )
        return tau
    if not isinstance(tau, (int, float)):
        if not isinstance(tau, SupportsFloat) or isinstance(tau, (str, bytes)):
            raise TypeError(f"tau must be a number or a 0-d tensor, got {type(tau).__name__}")
        tau = float(tau)
    value: int | float = tau
    if not value > 0:
        raise ValueError(_TEMPERATURE.format(value))
    return value


def check_index(index: Any, shape: torch.Size, device: torch.device) -> None:
    """Check type, shape and device of a forced sample."""
    if not isinstance(index, Tensor):
        raise TypeError(f"index must be an integer torch.Tensor, got {type(index).__name__}")
    if index.is_floating_point() or index.is_complex() or index.dtype == torch.bool:
        raise TypeError(f"index must have an integer dtype, got {index.dtype}; convert with .long()")
    if index.shape != shape:
        raise ValueError(
            f"index must hold one integer per variable, shape {tuple(shape)}; got {tuple(index.shape)}"
        )
    if index.device != device:
        raise ValueError(f"index is on {index.device}, logits on {device}; move one of them")


def check_values(index: Tensor | None, tau: float | Tensor, classes: int) -> None:
    """Check what only the values tell; does nothing where they cannot be read."""
    if isinstance(tau, Tensor) and readable(tau) and not bool((tau > 0).all()):
        raise ValueError(_TEMPERATURE.format(tau.tolist()))
    if index is None or not readable(index) or index.numel() == 0:
        return
    low, high = (int(bound) for bound in index.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(f"index must be in 0 .. {classes - 1}, got values from {low} to {high}")


def _explain_rows(rows: Tensor) -> str:
    """Say why some row of ``rows``, classes last, has no distribution to draw from."""
    if bool(rows.isnan().any()):
        return "logits contain NaN; look for the operation that made it"
    if bool(rows.isposinf().any()):
        return "logits contain +inf; mask the other classes with -inf instead"
    if bool(rows.isneginf().all(-1).any()):
        return "a row of logits is -inf in every class; leave one class unmasked"
    return "index names a class masked by -inf, which cannot have been drawn"


def marks(total: Tensor, logits: Tensor, dim: int, dtype: torch.dtype) -> Tensor:
    """Give the number that marks each sample: 1, or NaN in a row that cannot be sampled.

    Parameters
    ----------
    total : Tensor
        A number for each row, not finite in those that cannot be sampled; no
        others are so large that their sum overflows.
    logits : Tensor
        With their class dimension ``dim``, to say what is wrong with them.
    dtype : torch.dtype
        Of the result.

    Raises
    ------
    ValueError
        Where such a row can be seen to be there.
    """
    ones = torch.ones(total.shape, dtype=dtype, device=total.device)
    if not readable(total):
        return torch.where(total.isfinite(), ones, torch.nan)
    if not math.isfinite(total.sum()):  # one pass, where isfinite takes four
        raise ValueError(_explain_rows(logits.movedim(dim, -1)))
    return ones
