"""ReinMax for binary variables, one logit each."""

from typing import Any, SupportsFloat

import jax
import jax.numpy as jnp
from jax import Array, lax

from reinmax_ref.jax.arguments import Sample, check_index, check_logits, check_tau, lift, wide
from reinmax_ref.jax.sampling import hits, words

__all__ = ["reinmax_bernoulli"]


@jax.custom_vjp
def _estimate_bernoulli(theta: Array, tau: Any, z: Array) -> tuple[Array, Array]:
    """(log-odds, sampled outcomes 0 or 1) → (outcomes, probabilities)."""
    del tau
    possible = jnp.where(z == 1, theta > -jnp.inf, theta < jnp.inf) & ((z == 0) | (z == 1))
    return jnp.where(possible, z, jnp.nan).astype(theta.dtype), jax.nn.sigmoid(theta)


def _forward_bernoulli(theta: Array, tau: Any, z: Array) -> tuple[Any, Any]:
    return _estimate_bernoulli(theta, tau, z), (theta, tau, z)


def _backward_bernoulli(kept: Any, cotangents: tuple[Array, Array]) -> tuple[Array, Any, None]:
    theta, tau, z = kept
    g, h = cotangents
    variance = jax.nn.sigmoid(theta) * jax.nn.sigmoid(-theta)
    other = jnp.where(z == 1, -theta, theta)
    if tau is None:
        return g * jax.nn.sigmoid(other) / 2 + h * variance, None, None
    # With c the tempered probability of the other outcome, q(1 − q) = c(2 − c)/4.
    c = jax.nn.sigmoid(jnp.where(jnp.isinf(other), other, other / lift(tau, theta.dtype)))
    return g * (c * (2 - c) - variance) / 2 + h * variance, jnp.zeros_like(tau), None


_estimate_bernoulli.defvjp(_forward_bernoulli, _backward_bernoulli)


def reinmax_bernoulli(
    key: Any, logits: Any, tau: SupportsFloat | Array = 1.0, *, index: Any = None
) -> Sample:
    """Sample binary variables, with the ReinMax gradient [2q(1 − q) − ½p(1 − p)]g + p(1 − p)h.

    Here p = σ(l) for each logit l, the sample is z ~ Bernoulli(p), and
    q = (σ(l/τ) + z)/2. It is the categorical estimator on the pair of logits
    (l, 0); at τ = 1 the first factor is ½|z − p|.

    Parameters
    ----------
    key, tau
        As in :func:`reinmax`.
    logits : array_like, shape (...)
        Log-odds l; −inf and +inf make the outcome certain.
    index : integer array_like, shape of the logits, optional
        Forces the outcomes, 0 or 1.

    Returns
    -------
    Sample
        ``hard``, the outcomes z, and ``soft``, the probabilities p = σ(l); both of
        the shape and dtype of the logits.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reinmax`; values are treated likewise.

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
    Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from reinmax_ref.jax import reinmax_bernoulli
    >>> def loss(logits):
    ...     return reinmax_bernoulli(None, logits, index=[0, 1]).hard @ jnp.array([3.0, 1.0])
    >>> jax.grad(loss)(jnp.zeros(2))
    Array([0.75, 0.25], dtype=float32)
    """
    logits, tau = check_logits(logits), check_tau(tau)
    theta = wide(logits)
    if index is None:
        m = jax.nn.sigmoid(-jnp.abs(lax.stop_gradient(theta)))
        z = (hits(words(key, 2, *m.shape), m) ^ (theta > 0)).astype(jnp.int32)
    else:
        z = check_index(index, logits.shape)
    hard, soft = _estimate_bernoulli(theta, tau, z)
    return Sample(hard.astype(logits.dtype), soft.astype(logits.dtype))
