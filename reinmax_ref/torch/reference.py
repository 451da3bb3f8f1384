"""Any NumPy estimator of the package as a torch function, by way of the CPU."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from reinmax_ref.protocol import needs_of
from reinmax_ref.torch.checks import check_index, check_logits
from reinmax_ref.torch.operator import Sample
from reinmax_ref.torch.probabilities import wide

__all__ = ["from_reference"]


def _array(x: Tensor) -> Any:
    return wide(x.detach()).cpu().numpy()


class _Reference(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, run: Callable[[Any], Any]) -> tuple[Tensor, Tensor]:
        ctx.draw = run(_array(logits))
        ctx.set_materialize_grads(False)
        ctx.like = logits.new_empty(0)
        hard, soft = (torch.tensor(x, dtype=logits.dtype) for x in (ctx.draw.hard, ctx.draw.soft))
        return hard.to(logits.device), soft.to(logits.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hard: Tensor | None, grad_soft: Tensor | None) -> tuple[Tensor | None, None]:
        if grad_hard is None and grad_soft is None:
            return None, None
        g = np.zeros_like(ctx.draw.hard) if grad_hard is None else _array(grad_hard)
        h = None if grad_soft is None else _array(grad_soft)
        return torch.as_tensor(ctx.draw.vjp(g, h)).to(ctx.like), None


def _seed(generator: torch.Generator | None) -> int:
    device = None if generator is None else generator.device
    return int(torch.randint(2**63 - 1, (), generator=generator, device=device))


def from_reference(estimator: Callable[..., Any]) -> Callable[..., Sample]:
    """Make a torch function of a NumPy estimator, for research: any device, but computed on the CPU.

    Parameters
    ----------
    estimator : callable
        ``estimator(logits, tau, axis=, rng=, index=)`` returning a draw with
        ``hard``, ``soft`` and ``vjp(grad_hard, grad_soft)``, such as
        :func:`reinmax_ref.reinmax` or any estimator of ``reinmax_ref.estimators``
        that needs ∇f alone and has a class axis.

    Returns
    -------
    callable
        ``fn(logits, tau=1.0, *, dim=-1, generator=None, index=None)`` returning
        a pair (hard, soft) with the estimator's gradient. It is differentiable
        once, and neither for ``torch.compile`` nor for ``torch.func``.

    Raises
    ------
    TypeError
        Where the estimator needs f itself, or is for bits.
    TypeError, ValueError
        From the function returned, as in :func:`reinmax_ref.torch.reinmax`.

    Examples
    --------
    >>> import torch
    >>> import reinmax_ref
    >>> from reinmax_ref.torch import from_reference
    >>> straight_through = from_reference(reinmax_ref.straight_through)
    >>> logits = torch.zeros(2, requires_grad=True)
    >>> hard, soft = straight_through(logits, index=torch.tensor(1))
    >>> (hard @ torch.tensor([3.0, 1.0])).backward()
    >>> logits.grad
    tensor([ 0.5000, -0.5000])
    """
    needs = needs_of(estimator)
    if needs.value or needs.binary:
        kind = "values of f" if needs.value else "bits, without a class axis"
        raise TypeError(
            f"{getattr(estimator, '__name__', estimator)} is an estimator that needs {kind}; expected "
            "one that pulls a cotangent of a one-hot sample back"
        )

    def fn(
        logits: Tensor,
        tau: float = 1.0,
        *,
        dim: int = -1,
        generator: torch.Generator | None = None,
        index: Tensor | None = None,
    ) -> Sample:
        axis = check_logits(logits, dim)
        if index is not None:
            check_index(index, logits.movedim(axis, -1).shape[:-1], logits.device)
        forced = None if index is None else index.cpu().numpy()
        rng = None if forced is not None else np.random.default_rng(_seed(generator))
        run = partial(estimator, tau=float(tau), axis=axis, rng=rng, index=forced)
        return Sample(*_Reference.apply(logits, run))  # type: ignore[no-untyped-call]

    return fn
