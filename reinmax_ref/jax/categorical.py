"""ReinMax and Straight-Through for categorical variables, as functions with a custom derivative."""

from functools import partial
from typing import Any, SupportsFloat

import jax
import jax.numpy as jnp
from jax import Array, lax

from reinmax_ref import algebra
from reinmax_ref.jax.arguments import Sample, check_index, check_logits, check_tau, lift, wide
from reinmax_ref.jax.sampling import sample

__all__ = ["reinmax", "straight_through"]


def _softmax_tau(theta: Array, tau: Any) -> Array:
    """softmax(θ/τ) for every τ from above 0 to inf and every finite θ, −inf masks included."""
    top = lax.stop_gradient(theta.max(axis=-1, keepdims=True))
    # Halves, because the distance of two finite numbers may be infinite, but not its quotient by τ.
    scaled = (theta / 2 - top / 2) / lift(tau, theta.dtype) * 2
    return jax.nn.softmax(jnp.where(theta == -jnp.inf, -jnp.inf, scaled), axis=-1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _estimate(rule: str, theta: Array, tau: Any, index: Array) -> tuple[Array, Array]:
    """(logits of shape (..., K), sampled classes of shape (...)) → (one-hot, probabilities)."""
    del rule, tau
    p = jax.nn.softmax(theta, axis=-1)
    onehot = jax.nn.one_hot(index, theta.shape[-1], dtype=theta.dtype)
    possible = jnp.where(onehot > 0, (theta != -jnp.inf) & jnp.isfinite(p), False).any(-1, keepdims=True)
    return jnp.where(possible, onehot, jnp.nan), p


def _forward(rule: str, theta: Array, tau: Any, index: Array) -> tuple[Any, Any]:
    return _estimate(rule, theta, tau, index), (theta, tau, index)


def _backward(rule: str, kept: Any, cotangents: tuple[Array, Array]) -> tuple[Array, Any, None]:
    theta, tau, index = kept
    p = jax.nn.softmax(theta, axis=-1)
    p_tau = p if tau is None else _softmax_tau(theta, tau)
    no_tau = None if tau is None else jnp.zeros_like(tau)
    if rule == "reinmax":
        onehot = jax.nn.one_hot(index, theta.shape[-1], dtype=theta.dtype)
        return algebra.reinmax_vjp(p, p_tau, onehot, *cotangents), no_tau, None
    if tau is None:
        return algebra.straight_through_vjp(p, *cotangents), no_tau, None
    lifted = lift(tau, theta.dtype)
    return algebra.straight_through_vjp(p, *cotangents, p_tau=p_tau, tau=lifted), no_tau, None


_estimate.defvjp(_forward, _backward)


@partial(jax.jit, static_argnames=("rule", "axis"))
def _run(rule: str, key: Any, logits: Array, tau: Any, index: Array | None, *, axis: int) -> Sample:
    theta = jnp.moveaxis(wide(logits), axis, -1)
    if index is None:
        index = sample(key, jax.nn.softmax(lax.stop_gradient(theta), axis=-1))
    hard, soft = _estimate(rule, theta, tau, index)
    return Sample(*(jnp.moveaxis(x, -1, axis).astype(logits.dtype) for x in (hard, soft)))


def _draw(rule: str, key: Any, logits: Any, tau: Any, *, axis: int, index: Any) -> Sample:
    logits, tau = check_logits(logits), check_tau(tau)
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"axis {axis} is out of range for logits of shape {logits.shape}")
    if logits.shape[axis] == 0:
        raise ValueError(f"no class to draw: axis {axis} of logits of shape {logits.shape} is empty")
    if index is not None:
        rows = logits.shape[:axis] + logits.shape[axis:][1:]
        index = check_index(index, rows)
    drawn: Sample = _run(rule, key if index is None else None, logits, tau, index, axis=axis)
    return drawn


def reinmax(
    key: Any, logits: Any, tau: SupportsFloat | Array = 1.0, *, axis: int = -1, index: Any = None
) -> Sample:
    """Sample categories, with the ReinMax gradient: 2 J(q)g − ½ J(p)g + J(p)h, q = (p_τ + D)/2.

    Parameters
    ----------
    key : PRNG key
        Source of randomness; not used where ``index`` is given, and may then be None.
    logits : array_like, shape (..., K, ...)
        Unnormalised log-probabilities θ of any floating dtype; −inf masks a
        class, whose gradient is then exactly 0.
    tau : float or array of shape ()
        Temperature of p_τ = softmax(θ/τ) in the backward pass, above 0; it gets
        no gradient. The sample always comes from softmax(θ). The expected
        gradient is second-order accurate, exact for every quadratic function of
        the sample, at τ = 1 only.
    axis : int
        The class axis.
    index : integer array_like, shape of the logits without the class axis, optional
        Forces the sample.

    Returns
    -------
    Sample
        ``hard``, the one-hot sample D, and ``soft``, the probabilities
        p = softmax(θ); both of the shape and dtype of the logits.

    Raises
    ------
    TypeError
        Where an argument has an unusable type or dtype.
    ValueError
        Where τ is a number not above 0, the axis is out of range, or the index
        has the wrong shape.

    Notes
    -----
    Values are not looked at, as everywhere in JAX: a row with NaN or +inf, a
    fully masked row, and a row whose forced class is masked or out of range
    give NaN in ``hard``, never something that could pass for a sample.
    Sums are accumulated in float32 or wider.

    References
    ----------
    Liu, Dong, Liu, Yu and Gao, "Bridging Discrete and Backpropagation:
    Straight-Through and Beyond", NeurIPS 2023, arXiv:2304.08612, Algorithm 2.

    Examples
    --------
    >>> import jax
    >>> from reinmax_ref.jax import reinmax
    >>> hard, soft = reinmax(jax.random.key(0), [[0.0, 0.0]], index=[1])
    >>> hard
    Array([[0., 1.]], dtype=float32)
    """
    return _draw("reinmax", key, logits, tau, axis=axis, index=index)


def straight_through(
    key: Any, logits: Any, tau: SupportsFloat | Array = 1.0, *, axis: int = -1, index: Any = None
) -> Sample:
    """Sample categories, with the Straight-Through gradient (1/τ) J(p_τ)g + J(p)h.

    Parameters
    ----------
    key, logits, tau, axis, index
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
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from reinmax_ref.jax import straight_through
    >>> def loss(logits):
    ...     return straight_through(None, logits, index=1).hard @ jnp.array([3.0, 1.0])
    >>> jax.grad(loss)(jnp.zeros(2))
    Array([ 0.5, -0.5], dtype=float32)
    """
    return _draw("straight_through", key, logits, tau, axis=axis, index=index)
