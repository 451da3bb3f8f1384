"""The estimators as compositions of differentiable operations, for programs that are traced.

`torch.export`, `make_fx` and `torch.jit.trace` record what runs inside of an
autograd function and forget its backward pass. There the gradient is carried by
a surrogate z whose vector-Jacobian product is that of the estimator, and the
output is D + z − sg(z): the sample, with the gradient of z.
"""

import torch
from torch import Tensor

from reinmax_ref.torch.probabilities import softmax_tau

__all__ = ["carried", "softmax_surrogate", "surrogate"]


def softmax_surrogate(weights: Tensor, logits: Tensor, dim: int) -> Tensor:
    """Give a function of the logits, linear in them, whose vector-Jacobian product is J(weights)g."""
    q = weights.detach()
    finite = logits.masked_fill(logits == -torch.inf, 0)
    return q * (finite - (q * finite).sum(dim, keepdim=True))


def surrogate(rule: str, logits: Tensor, onehot: Tensor, tau: float | Tensor, dim: int) -> Tensor:
    """Give the surrogate of an estimator at a sample; logits are of the dtype of the sums."""
    p_tau = softmax_tau(logits, tau, dim)
    if rule == "straight_through":
        return p_tau
    p, q = logits.softmax(dim), (p_tau + onehot) / 2
    return 2 * softmax_surrogate(q, logits, dim) - softmax_surrogate(p, logits, dim) / 2


def carried(sample: Tensor, z: Tensor) -> Tensor:
    """Give the sample with the gradient of z."""
    return sample.detach() + (z - z.detach()).to(sample.dtype)
