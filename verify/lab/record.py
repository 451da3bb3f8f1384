"""What is known of an estimator: its mean, bias, variance and error at one objective and logits."""

from dataclasses import dataclass

import numpy as np

from verify.typing import Array

__all__ = ["Moments", "NoisyMoments"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of a gradient estimator over the sample D.

    Attributes
    ----------
    estimator : str
    tau : float
    exact_gradient : array, the shape of the logits
        ∇_θ E[f(D)].
    mean : array, the shape of the logits
        E[ĝ].
    variance : array, the shape of the logits
        Of each coordinate of ĝ.
    covariance : array, shape (K, K) or (L, K, K)
        Of ĝ within each variable.
    corners : int
        How many corners the sums ran over.
    standard_error : float
        0: nothing was sampled. Rounding leaves a few eps times E‖ĝ‖².
    """

    estimator: str
    tau: float
    exact_gradient: Array
    mean: Array
    variance: Array
    covariance: Array
    corners: int
    standard_error: float = 0.0

    @property
    def bias(self) -> Array:
        """E[ĝ] − ∇, in the shape of the logits."""
        return np.asarray(self.mean - self.exact_gradient)

    @property
    def total_variance(self) -> float:
        """E‖ĝ − E[ĝ]‖², the trace of the covariance over all variables."""
        return float(self.variance.sum())

    @property
    def mse(self) -> float:
        """E‖ĝ − ∇‖² = total variance + ‖bias‖²."""
        return self.total_variance + float((self.bias**2).sum())

    @property
    def cosine(self) -> float:
        """Cosine of the angle between E[ĝ] and ∇; NaN where either is zero."""
        norms = np.linalg.norm(self.mean) * np.linalg.norm(self.exact_gradient)
        return float((self.mean * self.exact_gradient).sum() / norms) if norms > 0 else float("nan")

    @property
    def relative_bias(self) -> float:
        """‖bias‖ / ‖∇‖; infinite or NaN where ∇ is zero."""
        bias, exact = float(np.linalg.norm(self.bias)), float(np.linalg.norm(self.exact_gradient))
        return bias / exact if exact > 0 else float("inf") if bias > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class NoisyMoments(Moments):
    """Moments whose mean and variance carry a standard error from integrating the noise.

    Attributes
    ----------
    mean_error, variance_error : array, the shape of the logits
        Standard errors of ``mean`` and ``variance``.
    """

    mean_error: Array | float = 0.0
    variance_error: Array | float = 0.0
