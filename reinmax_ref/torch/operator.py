"""The autograd function behind every categorical estimator of this package."""

from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from reinmax_ref.torch import checks
from reinmax_ref.torch.blocks import in_blocks
from reinmax_ref.torch.gradients import RULES, State, softmax_vjp
from reinmax_ref.torch.probabilities import forced, sampled, softmax, softmax_tau, wide
from reinmax_ref.torch.sampling import uniforms
from reinmax_ref.torch.tracing import carried, surrogate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Sample", "draw"]


class Sample(NamedTuple):
    """A sample and the probabilities that it was drawn from."""

    hard: Tensor
    soft: Tensor


def _pull_back(
    kept: Tensor,
    index: Tensor,
    grad_hard: Tensor | None,
    grad_soft: Tensor | None = None,
    *,
    rule: str,
    tau: float | Tensor,
    dim: int,
    soft: bool,
) -> Tensor | None:
    """Gradient at the logits from what was kept of the forward pass: p if ``soft``, else the logits."""
    p = kept if soft else softmax(wide(kept), dim)
    h = None if grad_soft is None else wide(grad_soft)
    if grad_hard is None:
        return h if h is None else softmax_vjp(p, h, dim).to(kept.dtype)
    plain = not isinstance(tau, Tensor) and tau == 1
    p_tau = p if plain else softmax_tau(wide(kept), tau, dim)
    vjp = RULES[rule][torch.is_grad_enabled()]
    return vjp(State(p, p_tau, tau, index, dim), wide(grad_hard), h).to(kept.dtype)


class _Draw(torch.autograd.Function):
    """(logits, one uniform number or one forced index a row) → (hard, soft, index); ``dim`` is negative."""

    @staticmethod
    def forward(  # noqa: PLR0917  an autograd function takes positions only
        logits: Tensor, u: Tensor | None, index: Tensor | None, tau: float | Tensor, dim: int, rule: str
    ) -> tuple[Tensor, Tensor, Tensor]:
        del rule
        checks.check_values(index, tau, logits.shape[dim])
        theta = wide(logits)
        if index is None:
            p, at, total = sampled(theta, u, dim)  # type: ignore[arg-type]
        else:
            p, at, total = forced(theta, index.unsqueeze(dim).long(), dim)
        ones = checks.marks(total, theta, dim, logits.dtype)
        hard = torch.zeros(logits.shape, dtype=logits.dtype, device=logits.device)
        return hard.scatter_(dim, at, ones), p.to(logits.dtype), at

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        logits, _, _, tau, ctx.dim, ctx.rule = inputs
        _, soft, index = output
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)
        ctx.tau = None if isinstance(tau, Tensor) else tau
        # Probabilities rounded to 16 bits, or at another temperature, are worth computing again.
        ctx.keeps_soft = ctx.tau == 1 and soft.dtype in (torch.float32, torch.float64)
        kept = soft if ctx.keeps_soft else logits
        ctx.save_for_backward(kept, index, *([tau] if ctx.tau is None else []))

    @staticmethod
    def backward(ctx: Any, grad_hard: Tensor | None, grad_soft: Tensor | None, _: None) -> tuple[Any, ...]:
        kept, index, *held = ctx.saved_tensors
        tau = held[0] if held else ctx.tau
        pull: Callable[..., Any] = partial(
            _pull_back, rule=ctx.rule, tau=tau, dim=ctx.dim, soft=ctx.keeps_soft
        )
        if ctx.keeps_soft or held or grad_hard is None or grad_soft is not None or ctx.dim != -1:
            gradient = pull(kept, index, grad_hard, grad_soft)
        else:  # a dozen passes, which blocks keep in the cache
            gradient = in_blocks(pull, kept, index, grad_hard)
        return gradient, None, None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        batched = lead(info.batch_size, in_dims[:4], inputs[:4])
        return _Draw.apply(*batched, *inputs[4:]), (0, 0, 0)  # type: ignore[no-untyped-call]


#: Torch asks for it at every call, and works it out anew where it is not at hand.
_Draw.forward.__signature__ = signature(_Draw.forward)  # type: ignore[attr-defined]


def lead(size: int, in_dims: tuple[int | None, ...], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put the batch dimension of a vmap in front of (logits, u, index, tau), or add one."""

    def front(x: Tensor | None, batch_dim: int | None) -> Tensor | None:
        if x is None:
            return None
        return x.expand(size, *x.shape) if batch_dim is None else x.movedim(batch_dim, 0)

    logits, u, index = (front(x, d) for x, d in zip(inputs[:3], in_dims[:3], strict=True))
    tau = inputs[3]
    if in_dims[3] is not None and logits is not None:
        tau = tau.movedim(in_dims[3], 0)
        tau = tau.reshape(*tau.shape, *[1] * (logits.ndim - tau.ndim))
    return logits, u, index, tau


def draw(
    logits: Tensor,
    tau: float | Tensor,
    *,
    dim: int,
    generator: torch.Generator | None,
    index: Tensor | None,
    rule: str,
) -> Sample:
    """Check the arguments, draw a uniform number a row where no index is given, and apply the function."""
    dim = checks.check_logits(logits, dim)
    tau = checks.check_tau(tau)
    rows = logits.movedim(dim, -1).shape[:-1]
    u = None
    if index is None:
        u = uniforms(rows, logits.device, generator)
    else:
        checks.check_index(index, rows, logits.device)
    if checks.traced():
        return _composed(logits, u, index, tau, dim, rule)
    hard, soft, _ = _Draw.apply(logits, u, index, tau, dim, rule)  # type: ignore[no-untyped-call]
    return Sample(hard, soft)


def _composed(  # noqa: PLR0917  the arguments of _Draw
    logits: Tensor, u: Tensor | None, index: Tensor | None, tau: float | Tensor, dim: int, rule: str
) -> Sample:
    """The same sample, with a gradient that tracing keeps."""
    hard, _, _ = _Draw.forward(logits.detach(), u, index, tau, dim, rule)
    theta = wide(logits)
    z = surrogate(rule, theta, wide(hard), tau, dim)
    return Sample(carried(hard, z), softmax(theta, dim).to(logits.dtype))
