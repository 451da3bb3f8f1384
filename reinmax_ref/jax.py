"""ReinMax in JAX: pure functions of an explicit key, for ``jit``, ``vmap``, ``grad`` and ``scan``.

The gradients are those of :mod:`reinmax_ref.algebra`, evaluated on JAX arrays.

>>> import jax
>>> import jax.numpy as jnp
>>> from reinmax_ref.jax import reinmax
>>> cost = jnp.array([2.0, 0.0, 1.0])
>>> def loss(logits):
...     hard, soft = reinmax(None, logits, index=jnp.array(1))
...     return hard @ cost
>>> jax.grad(loss)(jnp.array([0.0, 1.0, -1.0])).round(4)
Array([ 0.2447, -0.2897,  0.045 ], dtype=float32)
"""

from functools import partial
from typing import Any, NamedTuple, SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from reinmax_ref import algebra

__all__ = ["Sample", "reinmax", "reinmax_bernoulli", "straight_through"]


class Sample(NamedTuple):
    """A sample and the probabilities that it was drawn from."""

    hard: Array
    soft: Array


def _check_logits(logits: Any) -> Array:
    array: Array = jnp.asarray(logits)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"logits must be real floating-point numbers, got {array.dtype}; convert them")
    return array


def _check_tau(tau: Any) -> Any:
    """Return the temperature, None where it is known to be 1."""
    if isinstance(tau, (jax.core.Tracer, Array)):
        if tau.ndim or not jnp.issubdtype(tau.dtype, jnp.floating):
            raise TypeError(f"tau must be a number or a floating 0-d array, got {tau.dtype}{tau.shape}")
        return lax.stop_gradient(tau)
    if not isinstance(tau, SupportsFloat) or isinstance(tau, (str, bytes)):
        raise TypeError(f"tau must be a number or a 0-d array, got {type(tau).__name__}")
    if not float(tau) > 0:
        raise ValueError(f"tau must be a positive number (math.inf is allowed); got {tau}")
    return None if float(tau) == 1 else float(tau)


def _check_index(index: Any, shape: tuple[int, ...]) -> Array:
    array: Array = jnp.asarray(index)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"index must have an integer dtype, got {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"index must hold one integer per variable, shape {shape}; got {array.shape}")
    return array


def _wide(x: Array) -> Array:
    """Give the array in the dtype that sums are accumulated in: float64 stays, all else is float32."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _lift(tau: Any, dtype: Any) -> Array:
    """Keep the temperature from rounding to 0, where 0/0 would hide a tie."""
    return jnp.maximum(jnp.asarray(tau, dtype), np.finfo(dtype).tiny)


def _hits(key: Array, m: Array) -> Array:
    """Events of probability m ≤ ½ each, with 64 random bits: never where m = 0, correct to 2⁻⁶⁴."""
    high, low = jax.random.bits(key, (2, *m.shape), jnp.uint32)
    scaled = m * 2.0**32
    first = jnp.floor(scaled)
    second = jnp.floor((scaled - first) * 2.0**32).astype(jnp.uint32)
    word = first.astype(jnp.uint32)
    hits: Array = (high < word) | ((high == word) & (low < second))
    return hits


def _sample(key: Array, p: Array) -> Array:
    """Draw a class per row by walking down a binary tree of sums of ``p``, shape (..., K).

    A cumulative sum in float32 loses small probabilities. Here every branch is
    decided by a ratio of sums of its own magnitude, so every class has its
    probability up to float32 rounding, relative to itself; the rarer branch is
    the one that is compared, so a branch of sum 0 is never taken.
    """
    depth = (p.shape[-1] - 1).bit_length()
    pad = [(0, 0)] * (p.ndim - 1) + [(0, 2**depth - p.shape[-1])]
    levels = [jnp.pad(p, pad)]
    for _ in range(depth):
        half = levels[-1].shape[-1] // 2
        levels.append(levels[-1][..., :half] + levels[-1][..., half:])
    index = jnp.zeros((*p.shape[:-1], 1), jnp.int32)
    for level, branch_key in zip(levels[-2::-1], jax.random.split(key, depth), strict=True):
        half = level.shape[-1] // 2
        left = jnp.take_along_axis(level, index, axis=-1)
        right = jnp.take_along_axis(level, index + half, axis=-1)
        rarer = jnp.minimum(left, right) / (left + right)
        index = index + half * (_hits(branch_key, rarer) ^ (left < right))
    return index[..., 0]


def _softmax_tau(theta: Array, tau: Any) -> Array:
    """softmax(θ/τ) for every τ from above 0 to inf and every finite θ, −inf masks included."""
    top = lax.stop_gradient(theta.max(axis=-1, keepdims=True))
    # Halves, because the distance of two finite numbers may be infinite, but not its quotient by τ.
    scaled = (theta / 2 - top / 2) / _lift(tau, theta.dtype) * 2
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
    lifted = _lift(tau, theta.dtype)
    return algebra.straight_through_vjp(p, *cotangents, p_tau=p_tau, tau=lifted), no_tau, None


_estimate.defvjp(_forward, _backward)


def _draw(rule: str, key: Any, logits: Any, tau: Any, *, axis: int, index: Any) -> Sample:
    logits, tau = _check_logits(logits), _check_tau(tau)
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"axis {axis} is out of range for logits of shape {logits.shape}")
    theta = jnp.moveaxis(_wide(logits), axis, -1)
    if theta.shape[-1] == 0:
        raise ValueError(f"no class to draw: axis {axis} of logits of shape {logits.shape} is empty")
    if index is None:
        index = _sample(key, jax.nn.softmax(lax.stop_gradient(theta), axis=-1))
    else:
        index = _check_index(index, theta.shape[:-1])
    hard, soft = _estimate(rule, theta, tau, index)
    return Sample(*(jnp.moveaxis(x, -1, axis).astype(logits.dtype) for x in (hard, soft)))


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
    c = jax.nn.sigmoid(jnp.where(jnp.isinf(other), other, other / _lift(tau, theta.dtype)))
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
    logits, tau = _check_logits(logits), _check_tau(tau)
    theta = _wide(logits)
    if index is None:
        rarer = _hits(key, jax.nn.sigmoid(-jnp.abs(lax.stop_gradient(theta))))
        z = (rarer ^ (theta > 0)).astype(jnp.int32)
    else:
        z = _check_index(index, logits.shape)
    hard, soft = _estimate_bernoulli(theta, tau, z)
    return Sample(hard.astype(logits.dtype), soft.astype(logits.dtype))
