"""One relaxed sample: y recovered from M, and the law of the noise behind it.

With y = softmax((θ + G)/τ) and D = argmax y the matrix is M = (1/τ)(diag(y) − yyᵀ).
Off the diagonal its entries are −y_iy_j/τ, whose ratios give y whatever the
factor in front. Let x = τ ln y and d = argmax y. Given d, the noise comes
from independent exponential variables E with E_j/E_d = p_j (e^{x_d − x_j} − 1), so that
E/ΣE is uniform on the simplex, independently of d. Stick-breaking turns it into K − 1 independent
uniform numbers.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from verify.candidate import Candidate
from verify.candidate.jacobians import Jacobian, jacobian
from verify.conformance.inputs import new_seed
from verify.oracle.definitions import softmax
from verify.oracle.tables import softmax_jacobian
from verify.oracle.tolerances import probability_tolerance
from verify.typing import Array

__all__ = ["MOST_NOISE", "Law", "distance", "draw_law", "recover", "structure", "uniforms", "weights"]

#: Gumbel noise in double precision is below this in absolute value; it conditions y as logits do.
MOST_NOISE = 40.0


def recover(matrix: Array) -> tuple[Array, Array]:
    """Find y, and the factor s in M = s(diag(y) − yyᵀ), for more than two classes.

    Parameters
    ----------
    matrix : array, shape (n, K, K)

    Returns
    -------
    y : array, shape (n, K)
    factor : array, shape (n,)
    """
    outer = -matrix * (1 - np.eye(matrix.shape[-1]))
    each = np.arange(len(matrix))
    weight = np.abs(outer).sum(axis=-1)
    first, second = np.argsort(weight, axis=-1)[:, [-1, -2]].T
    third = np.argsort(weight, axis=-1)[:, -3]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = outer[each, :, first] / outer[each, second, first][:, None]  # y_i/y_second for i ≠ first
        ratio[each, first] = outer[each, first, third] / outer[each, second, third]
        y = ratio / ratio.sum(axis=-1, keepdims=True)
        expected = y[:, :, None] * y[:, None, :] * (1 - np.eye(y.shape[-1]))
        factor = outer.sum(axis=(-1, -2)) / expected.sum(axis=(-1, -2))
    return y, factor


def recover_pair(matrix: Array, index: Array, factor: float) -> Array:
    """The same for two classes and a known factor: y and 1 − y give one matrix, and the sample says which."""
    product = -matrix[:, 0, 1] / factor
    with np.errstate(invalid="ignore"):
        least = 2 * product / (1 + np.sqrt(1 - 4 * product))  # the smaller root, without cancellation
    return np.asarray(np.where(np.arange(2) == index[:, None], 1 - least[:, None], least[:, None]))


def solve(found: Jacobian, tau: float) -> tuple[Array, Array]:
    """Y and the factor in front, of rows of any number of classes."""
    K = found.hard.shape[-1]
    matrix, index = found.matrix.reshape(-1, K, K), found.index.reshape(-1)
    if K > 2:
        return recover(matrix)
    return recover_pair(matrix, index, 1 / tau), np.full(len(matrix), 1 / tau)


def structure(found: Jacobian, logits: Array, tau: float, dtype: str) -> tuple[float, float, float]:
    """How far τM is from diag(y) − yyᵀ in its largest entry; what rounding may cost, and in float32."""
    y, _ = solve(found, tau)
    error = np.abs(tau * found.matrix.reshape(*y.shape, -1) - softmax_jacobian(y)).max(initial=0.0)
    noisy = np.append(np.abs(logits), MOST_NOISE)
    own, single = (probability_tolerance(d, noisy, tau) for d in (dtype, "float32"))
    return (float(error) if np.isfinite(error) else np.inf), own, max(own, single)


def distance(found: Jacobian, tau: float) -> float:
    """The same, relative by the Frobenius norm, and the share of rows where D is not argmax y besides."""
    y, _ = solve(found, tau)
    exact = softmax_jacobian(y)
    off = float(np.linalg.norm(tau * found.matrix.reshape(exact.shape) - exact)) / float(
        np.linalg.norm(exact)
    )
    off += float((y.argmax(axis=-1) != found.index.reshape(-1)).mean())
    return off if np.isfinite(off) else np.inf


def weights(y: Array, p: Array, tau: float) -> Array:
    """E/ΣE, shape (n, K): uniform on the simplex, independently of argmax y."""
    each, top = np.arange(len(y)), y.argmax(axis=-1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        gap = tau * (np.log(y[each, top])[:, None] - np.log(y))
        mass = p * np.expm1(gap)
        mass[each, top] = 1.0
        w = mass / mass.sum(axis=-1, keepdims=True)
    return np.asarray(w)


def uniforms(w: Array) -> Array:
    """Stick-breaking: K − 1 independent uniform numbers from a uniform point of the simplex.

    Examples
    --------
    >>> uniforms(np.array([[0.5, 0.25, 0.25]]))
    array([[0.75, 0.5 ]])
    """
    K = w.shape[-1]
    left = w[:, ::-1].cumsum(axis=-1)[:, ::-1]  # what is left of the stick before each break
    with np.errstate(divide="ignore", invalid="ignore"):
        broken = np.clip(w[:, :-1] / left[:, :-1], 0, 1)
    return np.asarray(1 - (1 - broken) ** np.arange(K - 1, 0, -1))


@dataclass(frozen=True, eq=False)
class Law:
    """Relaxed samples of one row of logits, drawn many times.

    Attributes
    ----------
    logits : array, shape (K,)
    tau : float
    index : integer array, shape (n,)
        Of the sample D.
    y : array, shape (n, K)
    factor : array, shape (n,)
    """

    logits: Array
    tau: float
    index: Array
    y: Array
    factor: Array

    @property
    def unmatched(self) -> float:
        """The share of draws in which D is not argmax y."""
        return float((self.y.argmax(axis=-1) != self.index).mean())

    @property
    def uniforms(self) -> Array:
        """Those behind the noise, shape (n, K − 1)."""
        return uniforms(weights(self.y, softmax(self.logits).astype(float), self.tau))

    def tests(self) -> list[tuple[str, float, int]]:
        """What is compared with the uniform law, its p-value and its number of draws: for each sample too."""
        u = self.uniforms
        groups = [("all draws", np.full(len(u), True))]
        groups += [(f"draws of class {d}", self.index == d) for d in range(self.y.shape[-1])]
        return [
            (f"noise {k + 1} in {name}", float(stats.kstest(u[rows, k], "uniform").pvalue), int(rows.sum()))
            for name, rows in groups
            if rows.sum() >= 50
            for k in range(u.shape[1])
        ]


def draw_law(candidate: Candidate, rng: np.random.Generator, tau: float, n: int) -> Law:
    """Draw one row of logits many times, in calls of many rows."""
    logits = np.linspace(1.0, -1.0, candidate.classes)
    found: list[tuple[Array, Array, Array]] = []
    while sum(len(index) for index, _, _ in found) < n:
        rows = np.tile(logits, (min(n, 2000), 1))
        seen = jacobian(candidate, rows, tau, seed=new_seed(rng))
        found.append((seen.index, *solve(seen, tau)))
    index, y, factor = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Law(logits, tau, index, y, factor)
