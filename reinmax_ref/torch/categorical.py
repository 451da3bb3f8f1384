"""ReinMax and Straight-Through for categorical variables."""

import torch
from torch import Tensor

from reinmax_ref.torch.operator import Sample, draw

__all__ = ["reinmax", "straight_through"]


def reinmax(
    logits: Tensor,
    tau: float | Tensor = 1.0,
    hard: bool = True,  # noqa: FBT001, FBT002  the place that it has in the official signature
    *,
    dim: int = -1,
    generator: torch.Generator | None = None,
    index: Tensor | None = None,
) -> Sample:
    """Sample categories, with the ReinMax gradient: 2 J(q)g − ½ J(p)g + J(p)h, q = (p_τ + D)/2.

    Takes the place of ``reinmax.reinmax(logits, tau)`` of the official package.

    Parameters
    ----------
    logits : Tensor, shape (..., K, ...)
        Unnormalised log-probabilities θ: float64, float32, bfloat16 or float16,
        of any strides; −inf masks a class, whose gradient is then exactly 0.
    tau : float or Tensor of shape ()
        Temperature of p_τ = softmax(θ/τ) in the backward pass, above 0; it gets
        no gradient. The sample always comes from softmax(θ). The expected
        gradient is second-order accurate, exact for every quadratic function of
        the sample, at τ = 1 only.
    hard : bool
        True, as in the official package; there is no relaxed sample to ask for.
    dim : int
        The class dimension.
    generator : torch.Generator, optional
        Source of randomness; absent means the global one. One float64 is drawn
        for each row.
    index : integer Tensor, shape of the logits without the class dimension, optional
        Forces the sample.

    Returns
    -------
    Sample
        ``hard``, the one-hot sample D, and ``soft``, the probabilities
        p = softmax(θ); both of the shape and dtype of the logits, contiguous.

    Raises
    ------
    TypeError
        Where an argument has an unusable type or dtype.
    ValueError
        Where τ requires a gradient, ``hard`` is False, a logit is NaN or +inf,
        a row is fully masked, τ is not above 0,
        ``dim`` is out of range, or the index has the wrong shape, names no
        class, or names a masked one.

    Notes
    -----
    Sums are accumulated in float64 (sampling) and float32 or wider (the rest).
    For the backward pass one tensor of the logits' size is kept, and the
    indices. Differentiating twice gives the derivative of the gradient formula
    at the fixed sample.

    What only the values of ``logits``, ``index`` or a tensor ``tau`` can tell
    is checked eagerly on the CPU. Under ``torch.compile`` or ``torch.export``
    and on other devices, where looking would cost a stall, a row that cannot be
    sampled holds NaN in both outputs.

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
    Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612, Algorithm 2.

    Examples
    --------
    >>> import torch
    >>> from reinmax_ref.torch import reinmax
    >>> logits = torch.zeros(2, requires_grad=True)
    >>> hard, soft = reinmax(logits, index=torch.tensor(0))
    >>> hard.detach()
    tensor([1., 0.])
    >>> (hard @ torch.tensor([3.0, 1.0])).backward()
    >>> logits.grad
    tensor([ 0.5000, -0.5000])
    """
    if hard is not True:
        raise ValueError(
            f"hard is {hard!r}; expected True, because a ReinMax sample is one-hot: for the probabilities "
            "take the second output, for a relaxed sample torch.nn.functional.gumbel_softmax"
        )
    return draw(logits, tau, dim=dim, generator=generator, index=index, rule="reinmax")


def straight_through(
    logits: Tensor,
    tau: float | Tensor = 1.0,
    *,
    dim: int = -1,
    generator: torch.Generator | None = None,
    index: Tensor | None = None,
) -> Sample:
    """Sample categories, with the Straight-Through gradient (1/τ) J(p_τ)g + J(p)h.

    At τ = 1 the expected gradient is exact for every linear function of the
    sample.

    Parameters
    ----------
    logits, tau, dim, generator, index
        As in :func:`reinmax`.

    Returns
    -------
    Sample
        ``hard`` and ``soft``, as in :func:`reinmax`.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax`.

    References
    ----------
    Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through
    Stochastic Neurons for Conditional Computation", 2013, arXiv:1308.3432.

    Examples
    --------
    >>> import torch
    >>> from reinmax_ref.torch import straight_through
    >>> logits = torch.zeros(2, requires_grad=True)
    >>> hard, soft = straight_through(logits, index=torch.tensor(1))
    >>> (hard @ torch.tensor([3.0, 1.0])).backward()
    >>> logits.grad
    tensor([ 0.5000, -0.5000])
    """
    return draw(logits, tau, dim=dim, generator=generator, index=index, rule="straight_through")
