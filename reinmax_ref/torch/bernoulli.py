"""ReinMax for binary variables, each given by one logit."""

from typing import Any

import torch
from torch import Tensor

from reinmax_ref.torch import checks
from reinmax_ref.torch.operator import Sample, lead
from reinmax_ref.torch.probabilities import lift_tau, wide
from reinmax_ref.torch.sampling import uniforms
from reinmax_ref.torch.tracing import carried

__all__ = ["reinmax_bernoulli"]


def _slopes(logits: Tensor, z: Tensor, tau: float | Tensor) -> tuple[Tensor, Tensor]:
    """2q(1 − q) − ½p(1 − p) and p(1 − p), from tail probabilities, which do not cancel.

    With c the tempered probability of the other outcome, q(1 − q) = c(2 − c)/4.
    """
    variance = logits.sigmoid() * (-logits).sigmoid()
    signed = torch.where(z, -logits, logits)
    if not isinstance(tau, Tensor) and tau == 1:
        return signed.sigmoid() / 2, variance
    tempered = torch.where(signed.isinf(), signed, signed / lift_tau(tau, logits.dtype))
    c = tempered.sigmoid()
    return c * (2 - c) / 2 - variance / 2, variance


class _DrawBernoulli(torch.autograd.Function):
    """(logits, uniform numbers or forced outcomes) → (hard, soft, outcome)."""

    @staticmethod
    def forward(
        logits: Tensor, u: Tensor | None, index: Tensor | None, tau: float | Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        checks.check_values(index, tau, 2)
        theta = wide(logits)
        valid = ~theta.isnan()
        if u is not None:
            z = (u < (-theta.abs()).sigmoid()) ^ (theta > 0)  # the rarer outcome has the exact probability
        else:
            z = torch.eq(index, 1)  # type: ignore[arg-type]
            valid = valid & (torch.where(z, theta, -theta) != -torch.inf)
        _certify(valid, theta)
        hard = torch.where(valid, z.to(logits.dtype), torch.nan)
        return hard.contiguous(), theta.sigmoid().to(logits.dtype), z

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        logits, _, _, tau = inputs
        ctx.mark_non_differentiable(output[2])
        ctx.set_materialize_grads(False)
        ctx.tau = None if isinstance(tau, Tensor) else tau
        ctx.save_for_backward(logits, output[2], *([tau] if ctx.tau is None else []))

    @staticmethod
    def backward(ctx: Any, grad_hard: Tensor | None, grad_soft: Tensor | None, _: None) -> tuple[Any, ...]:
        logits, z, *held = ctx.saved_tensors
        at_hard, at_soft = _slopes(wide(logits), z, held[0] if held else ctx.tau)
        pairs = ((at_hard, grad_hard), (at_soft, grad_soft))
        terms = [slope * wide(cotangent) for slope, cotangent in pairs if cotangent is not None]
        return sum(terms[1:], terms[0]).to(logits.dtype) if terms else None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        return _DrawBernoulli.apply(*lead(info.batch_size, in_dims, inputs)), (0, 0, 0)  # type: ignore[no-untyped-call]


def _certify(valid: Tensor, theta: Tensor) -> None:
    if checks.readable(valid) and not bool(valid.all()):
        if bool(theta.isnan().any()):
            raise ValueError("logits contain NaN; look for the operation that made it")
        raise ValueError("index holds an outcome whose logit, -inf or +inf, gives it probability 0")


def reinmax_bernoulli(
    logits: Tensor,
    tau: float | Tensor = 1.0,
    *,
    generator: torch.Generator | None = None,
    index: Tensor | None = None,
) -> Sample:
    """Sample binary variables, with the ReinMax gradient [2q(1 − q) − ½p(1 − p)]g + p(1 − p)h.

    Here p = σ(l) for each logit l, the sample is z ~ Bernoulli(p), and
    q = (σ(l/τ) + z)/2. It is the categorical estimator on the pair of logits
    (l, 0); at τ = 1 the first factor is ½|z − p|.

    Parameters
    ----------
    logits : Tensor, shape (...)
        Log-odds l, of any floating dtype; −inf and +inf make the outcome certain.
    tau : float or Tensor of shape ()
        Temperature of the backward pass, above 0; it gets no gradient.
    generator : torch.Generator, optional
        Source of randomness; absent means the global one.
    index : integer Tensor, shape of the logits, optional
        Forces the outcomes, 0 or 1.

    Returns
    -------
    Sample
        ``hard``, the outcomes z, and ``soft``, the probabilities p = σ(l); both of
        the shape and dtype of the logits.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax_ref.torch.reinmax`, except that +inf is allowed.

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
    Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612.

    Examples
    --------
    >>> import torch
    >>> from reinmax_ref.torch import reinmax_bernoulli
    >>> logits = torch.zeros(2, requires_grad=True)
    >>> hard, soft = reinmax_bernoulli(logits, index=torch.tensor([0, 1]))
    >>> hard.detach(), soft.detach()
    (tensor([0., 1.]), tensor([0.5000, 0.5000]))
    >>> (hard @ torch.tensor([3.0, 1.0])).backward()
    >>> logits.grad
    tensor([0.7500, 0.2500])
    """
    checks.check_dtype(logits)
    tau = checks.check_tau(tau)
    if index is not None:
        checks.check_index(index, logits.shape, logits.device)
    u = uniforms(logits.shape, logits.device, generator) if index is None else None
    if checks.traced():
        return _composed(logits, u, index, tau)
    hard, soft, _ = _DrawBernoulli.apply(logits, u, index, tau)  # type: ignore[no-untyped-call]
    return Sample(hard, soft)


def _composed(logits: Tensor, u: Tensor | None, index: Tensor | None, tau: float | Tensor) -> Sample:
    """The same sample, with a gradient that tracing keeps."""
    hard, _, z = _DrawBernoulli.forward(logits.detach(), u, index, tau)
    theta = wide(logits)
    slope, _ = _slopes(theta.detach(), z, tau)
    finite = theta.masked_fill(theta.isinf(), 0)
    return Sample(carried(hard, slope * finite), theta.sigmoid().to(logits.dtype))
