"""The vector-Jacobian products of :mod:`reinmax_ref.algebra` with the fewest passes over memory.

The sample is known by its index, so ⟨D, g⟩ is a gather and D∘c a scatter, and
temporaries are reused in place. Where the result is to be differentiated again,
the algebra itself is evaluated. Each function here is tested against it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reinmax_ref import algebra
from reinmax_ref.torch.probabilities import lift_tau

__all__ = ["RULES", "State", "reinmax_vjp", "softmax_vjp", "straight_through_vjp"]


@dataclass(frozen=True)
class State:
    """What a gradient needs of the forward pass.

    ``p`` and ``p_tau`` are one object at τ = 1; ``index`` has size 1 along the
    class dimension ``dim``, which is negative.
    """

    p: Tensor
    p_tau: Tensor
    tau: float | Tensor
    index: Tensor
    dim: int

    @property
    def plain(self) -> bool:
        """Whether τ = 1."""
        return self.p_tau is self.p


def softmax_vjp(p: Tensor, g: Tensor, dim: int) -> Tensor:
    """J(p)g = p∘g − p⟨p, g⟩."""
    product = p * g
    return torch.addcmul(product, p, product.sum(dim, keepdim=True), value=-1)


def _plus_soft(state: State, gradient: Tensor, h: Tensor | None) -> Tensor:
    return gradient if h is None else softmax_vjp(state.p, h, state.dim) + gradient


def straight_through_vjp(state: State, g: Tensor, h: Tensor | None) -> Tensor:
    """(1/τ) J(p_τ)g + J(p)h."""
    if state.plain:
        return softmax_vjp(state.p, g if h is None else g + h, state.dim)
    through = softmax_vjp(state.p_tau, g, state.dim).div_(lift_tau(state.tau, g.dtype))
    return _plus_soft(state, through, h)


def reinmax_vjp(state: State, g: Tensor, h: Tensor | None) -> Tensor:
    """2 J(q)g − ½ J(p)g + J(p)h with q = (p_τ + D)/2, by way of a = g − g_d as in the algebra.

    a is 0 at the sample, hence so is p∘a, and what D adds can be written there.
    """
    p, p_tau, index, dim = state.p, state.p_tau, state.index, state.dim
    g_d = g.gather(dim, index)
    if state.plain:
        heun = torch.add(g_d.mul_(-0.5), g, alpha=0.5).mul_(p)
        return _plus_soft(state, heun.scatter_(dim, index, heun.sum(dim, keepdim=True).neg_()), h)
    a = g - g_d
    heun = p_tau * a
    centre = heun.sum(dim, keepdim=True)
    a.mul_(p)
    heun.sub_(a, alpha=0.5).addcmul_(p_tau, centre, value=-0.5)
    heun.addcmul_(p, a.sum(dim, keepdim=True), value=0.5).scatter_add_(dim, index, centre.mul_(-0.5))
    return _plus_soft(state, heun, h)


def _last(state: State, g: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    p = state.p.movedim(state.dim, -1)
    return p, g.movedim(state.dim, -1), h if h is None else h.movedim(state.dim, -1)


def _differentiable_straight_through(state: State, g: Tensor, h: Tensor | None) -> Tensor:
    p, g, h = _last(state, g, h)
    p_tau = None if state.plain else state.p_tau.movedim(state.dim, -1)
    tau = lift_tau(state.tau, g.dtype)
    return algebra.straight_through_vjp(p, g, h, p_tau=p_tau, tau=tau).movedim(-1, state.dim)  # type: ignore[no-any-return]


def _differentiable_reinmax(state: State, g: Tensor, h: Tensor | None) -> Tensor:
    p, g, h = _last(state, g, h)
    p_tau = p if state.plain else state.p_tau.movedim(state.dim, -1)
    onehot = torch.zeros_like(p).scatter(-1, state.index.movedim(state.dim, -1), 1.0)
    return algebra.reinmax_vjp(p, p_tau, onehot, g, h).movedim(-1, state.dim)  # type: ignore[no-any-return]


Rule = Callable[[State, Tensor, Tensor | None], Tensor]

#: By name of the estimator: the fast form, and the one to differentiate again.
RULES: dict[str, tuple[Rule, Rule]] = {
    "reinmax": (reinmax_vjp, _differentiable_reinmax),
    "straight_through": (straight_through_vjp, _differentiable_straight_through),
}
