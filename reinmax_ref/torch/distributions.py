"""ReinMax as torch.distributions whose ``rsample`` carries its gradient."""

from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, OneHotCategorical

from reinmax_ref.torch.bernoulli import reinmax_bernoulli
from reinmax_ref.torch.categorical import reinmax
from reinmax_ref.torch.checks import check_tau

__all__ = ["BernoulliReinMax", "OneHotCategoricalReinMax"]

_NO_SHAPE = torch.Size()


class _ReinMaxDistribution(Distribution):
    """What both add to their parents in torch, which follow in the order of resolution."""

    has_rsample = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,  # noqa: FBT001  the parent's signature
        *,
        tau: float | Tensor = 1.0,
    ) -> None:
        self.tau = check_tau(tau)
        self._by_probs = probs is not None
        super().__init__(probs, logits, validate_args)  # type: ignore[arg-type]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """Expand the batch shape, as in every torch distribution."""
        new = self._get_checked_instance(_ReinMaxDistribution, _instance)  # type: ignore[no-untyped-call]
        new.tau, new._by_probs = self.tau, self._by_probs  # noqa: SLF001  an instance of this class
        return super().expand(batch_shape, _instance=new)  # type: ignore[no-any-return]

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw without a gradient, from the same sampler."""
        with torch.no_grad():
            return self.rsample(sample_shape)


class OneHotCategoricalReinMax(_ReinMaxDistribution, OneHotCategorical):
    """One-hot categorical distribution whose ``rsample`` has the ReinMax gradient.

    A drop-in for ``torch.distributions.OneHotCategoricalStraightThrough``.
    Divergences and everything else are the parent's. A class of probability 0
    is never drawn.

    Parameters
    ----------
    probs : Tensor, shape (..., K), optional
        Probabilities, normalised over the last dimension.
    logits : Tensor, shape (..., K), optional
        Unnormalised log-probabilities. Exactly one of the two must be given.
    validate_args : bool, optional
        As in every torch distribution.
    tau : float or Tensor of shape ()
        Temperature of the backward pass, above 0.

    Raises
    ------
    TypeError, ValueError
        Where τ is not a number above 0, or the parameters are invalid.

    Examples
    --------
    >>> import torch
    >>> from reinmax_ref.torch import OneHotCategoricalReinMax
    >>> probs = torch.tensor([0.0, 1.0, 0.0], requires_grad=True)
    >>> OneHotCategoricalReinMax(probs, tau=1.3).rsample((2,)).detach()
    tensor([[0., 1., 0.],
            [0., 1., 0.]])
    """

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw with the ReinMax gradient; shape sample_shape + batch_shape + (K,)."""
        logits = _log(self.probs) if self._by_probs else self.logits
        return reinmax(logits.expand(self._extended_shape(sample_shape)), self.tau).hard


class BernoulliReinMax(_ReinMaxDistribution, Bernoulli):
    """Bernoulli distribution whose ``rsample`` has the ReinMax gradient.

    Parameters
    ----------
    probs : Tensor, shape (...), optional
        Probabilities of 1.
    logits : Tensor, shape (...), optional
        Log-odds of 1. Exactly one of the two must be given.
    validate_args : bool, optional
        As in every torch distribution.
    tau : float or Tensor of shape ()
        Temperature of the backward pass, above 0.

    Raises
    ------
    TypeError, ValueError
        Where τ is not a number above 0, or the parameters are invalid.

    Examples
    --------
    >>> import torch
    >>> from reinmax_ref.torch import BernoulliReinMax
    >>> BernoulliReinMax(torch.tensor([0.0, 1.0])).rsample((2,))
    tensor([[0., 1.],
            [0., 1.]])
    """

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw with the ReinMax gradient; shape sample_shape + batch_shape."""
        logits = _log(self.probs) - _log(1 - self.probs) if self._by_probs else self.logits
        return reinmax_bernoulli(logits.expand(self._extended_shape(sample_shape)), self.tau).hard


def _log(p: Tensor) -> Tensor:
    """Logarithm of p, −inf where p = 0, with the gradient 0 there instead of NaN."""
    zero = p == 0
    return p.masked_fill(zero, 1).log().masked_fill(zero, -torch.inf)
