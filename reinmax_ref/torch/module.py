"""ReinMax as a layer."""

import torch
from torch import Tensor, nn

from reinmax_ref.torch.categorical import reinmax
from reinmax_ref.torch.checks import check_tau
from reinmax_ref.torch.operator import Sample

__all__ = ["ReinMax"]


class ReinMax(nn.Module):
    """Layer without parameters that applies :func:`reinmax_ref.torch.reinmax`; it samples in eval mode too.

    Parameters
    ----------
    tau : float or Tensor of shape ()
        Temperature of the backward pass, above 0.
    dim : int
        The class dimension.

    Raises
    ------
    TypeError, ValueError
        Where τ is not a number above 0.

    Examples
    --------
    >>> import torch
    >>> from reinmax_ref.torch import ReinMax
    >>> layer = ReinMax(tau=1.3)
    >>> layer
    ReinMax(tau=1.3, dim=-1)
    >>> layer(torch.zeros(2, 3), index=torch.tensor([2, 0])).hard
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """

    def __init__(self, tau: float | Tensor = 1.0, dim: int = -1) -> None:
        super().__init__()
        self.tau = check_tau(tau)
        self.dim = dim

    def forward(
        self, logits: Tensor, *, generator: torch.Generator | None = None, index: Tensor | None = None
    ) -> Sample:
        """Sample; the arguments and the result are those of :func:`reinmax_ref.torch.reinmax`."""
        return reinmax(logits, self.tau, dim=self.dim, generator=generator, index=index)

    def extra_repr(self) -> str:
        """Show the settings in the module's repr."""
        return f"tau={self.tau}, dim={self.dim}"
