"""Exact sampling by 64 random bits a branch, also without float64."""

import jax
import jax.numpy as jnp
from jax import Array

__all__ = ["hits", "sample", "words"]


def words(key: Array, *shape: int) -> Array:
    """Draw 32 random bits each; one call for all that a sample needs compiles and runs fastest."""
    drawn: Array = jax.random.bits(key, shape, jnp.uint32)
    return drawn


def hits(bits: Array, m: Array) -> Array:
    """Events of probability m ≤ ½ each, from two words for each: never where m = 0, correct to 2⁻⁶⁴."""
    high, low = bits
    scaled = m * 2.0**32
    first = jnp.floor(scaled)
    second = jnp.floor((scaled - first) * 2.0**32).astype(jnp.uint32)
    word = first.astype(jnp.uint32)
    found: Array = (high < word) | ((high == word) & (low < second))
    return found


def sample(key: Array, p: Array) -> Array:
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
    for level, bits in zip(levels[-2::-1], words(key, depth, 2, *index.shape), strict=True):
        half = level.shape[-1] // 2
        left = jnp.take_along_axis(level, index, axis=-1)
        right = jnp.take_along_axis(level, index + half, axis=-1)
        rarer = jnp.minimum(left, right) / (left + right)
        index = index + half * (hits(bits, rarer) ^ (left < right))
    return index[..., 0]
