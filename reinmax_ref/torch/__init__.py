"""ReinMax in PyTorch: same call as the official package, exact sampling, a fraction of its time.

>>> import torch
>>> from reinmax_ref.torch import reinmax
>>> logits = torch.tensor([[0.0, 1.0, -1.0]], requires_grad=True)
>>> hard, soft = reinmax(logits, 1.0, index=torch.tensor([1]))
>>> hard.detach()
tensor([[0., 1., 0.]])
>>> (hard * torch.tensor([2.0, 0.0, 1.0])).sum().backward()
>>> logits.grad
tensor([[ 0.2447, -0.2897,  0.0450]])
"""

from reinmax_ref.torch.bernoulli import reinmax_bernoulli
from reinmax_ref.torch.categorical import reinmax, straight_through
from reinmax_ref.torch.distributions import BernoulliReinMax, OneHotCategoricalReinMax
from reinmax_ref.torch.module import ReinMax
from reinmax_ref.torch.operator import Sample
from reinmax_ref.torch.reference import from_reference

__all__ = [
    "BernoulliReinMax",
    "OneHotCategoricalReinMax",
    "ReinMax",
    "Sample",
    "from_reference",
    "reinmax",
    "reinmax_bernoulli",
    "straight_through",
]
