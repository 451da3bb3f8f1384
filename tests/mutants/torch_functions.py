"""Planted faults in hand-written backward passes in PyTorch."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from tests.mutants.catalogue import Mutant

__all__ = ["formula", "functions"]

Saved = tuple[Tensor, Tensor, Tensor]

#: The gradient from (p, p_τ, D), g, h and τ.
Backward = Callable[..., Tensor]


def _softmax_vjp(q: Tensor, v: Tensor, dim: int = -1) -> Tensor:
    return q * (v - (q * v).sum(dim, keepdim=True))


def _right(saved: Saved, g: Tensor, h: Tensor, tau: float) -> Tensor:
    del tau
    p, p_tau, onehot = saved
    return 2 * _softmax_vjp((p_tau + onehot) / 2, g) - _softmax_vjp(p, g) / 2 + _softmax_vjp(p, h)


class _Function(torch.autograd.Function):
    """A sample from softmax(θ) with a given backward pass."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tau: float, rule: Backward, strict: bool) -> tuple[Tensor, Tensor]:  # noqa: FBT001
        p = logits.softmax(-1)
        index = torch.multinomial(p.reshape(-1, p.shape[-1]), 1)
        onehot = torch.zeros_like(p).view(-1, p.shape[-1]).scatter_(-1, index, 1.0).view(p.shape)
        ctx.save_for_backward(p, (logits / tau).softmax(-1), onehot)
        ctx.tau, ctx.rule = tau, rule
        ctx.set_materialize_grads(not strict)
        return onehot, p

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        g, h = grads
        return ctx.rule(ctx.saved_tensors, g * 1.0, h * 1.0, ctx.tau), None, None, None


def _with(rule: Backward, *, strict: bool = False) -> Callable[..., tuple[Tensor, Tensor]]:
    def implementation(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = _Function.apply(logits, tau, rule, strict)  # type: ignore[no-untyped-call]
        return found

    return implementation


def _over_axis_one(saved: Saved, g: Tensor, h: Tensor, tau: float) -> Tensor:
    del tau
    p, p_tau, onehot = saved
    q, dim = (p_tau + onehot) / 2, min(1, g.ndim - 1)
    return 2 * _softmax_vjp(q, g, dim) - _softmax_vjp(p, g, dim) / 2 + _softmax_vjp(p, h)


def _redrawn(saved: Saved, g: Tensor, h: Tensor, tau: float) -> Tensor:
    p, p_tau, _ = saved
    index = torch.multinomial(p.reshape(-1, p.shape[-1]), 1)
    again = torch.zeros_like(p).view(-1, p.shape[-1]).scatter_(-1, index, 1.0).view(p.shape)
    return _right((p, p_tau, again), g, h, tau)


def _clipped(saved: Saved, g: Tensor, h: Tensor, tau: float) -> Tensor:
    return _right(saved, g.clamp(-0.5, 0.5), h, tau)


def _norm(saved: Saved, g: Tensor, h: Tensor, tau: float) -> Tensor:
    found = _right(saved, g, h, tau)
    return torch.div(found, found.norm())


def functions() -> Iterator[Mutant]:
    """All of them."""
    faults: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (_with(lambda s, g, h, _: _softmax_vjp(s[0], g + h)), ("straight-through",)),
        (_with(lambda s, g, h, tau: _softmax_vjp(s[1], g + h) / tau), ("straight-through", "soft-cotangent")),
        (_with(lambda s, g, h, tau: _right(s, g, h, tau) / tau), ("inverse-tau-scale", "soft-cotangent")),
        (_with(_over_axis_one), ("wrong-axis",)),
        (_with(_redrawn), ("resampled-backward",)),
        (_with(_norm), ("row-coupling",)),
        (_with(_right, strict=True), ("soft-cotangent",)),
        (_with(lambda s, g, h, tau: -_right(s, g, -h, tau)), ("sign-flip",)),
        (_with(lambda s, g, h, tau: 0 * _right(s, g, h, tau)), ("severed-gradient", "soft-cotangent")),
        (_with(_clipped), ("unknown-gradient",)),
    )
    for number, (fn, codes) in enumerate(faults, 1):
        yield Mutant(f"torch function {number}", fn, codes, framework="torch")


def formula(logits: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """The right one."""
    return _with(_right)(logits, tau)
