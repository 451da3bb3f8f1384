"""The error of a variance that is integrated: the error of the mean cancels in it to first order."""

from types import SimpleNamespace

import numpy as np

from verify.lab.noise import from_replicates


def test_an_error_of_the_mean_alone_is_no_error_of_the_variance():
    """Every scramble has the variance 3 exactly, about a mean of its own."""
    mean = 5 + 1e-3 * np.random.default_rng(0).standard_normal((16, 1, 2))
    second = mean[..., None] * mean[..., None, :] + 3 * np.eye(2)
    total = SimpleNamespace(exact_gradient=np.zeros((1, 2)), corners=2)
    found = from_replicates("an estimator", 1.0, (2,), total, (mean, second))
    assert np.abs(found.variance - 3).max() < 1e-5
    # Second order in the error; the spread of second − mean·centre is 5 times the error of the mean.
    assert found.variance_error.max() < 1e-5
    assert found.mean_error.min() > 1e-4


def test_an_error_of_the_second_moment_is_stated():
    spread = np.random.default_rng(1).standard_normal(16)
    second = (3 + spread)[:, None, None, None] * np.eye(2)
    total = SimpleNamespace(exact_gradient=np.zeros((1, 2)), corners=2)
    found = from_replicates("an estimator", 1.0, (2,), total, (np.zeros((16, 1, 2)), second))
    assert np.allclose(found.variance_error, spread.std(ddof=1) / 4, rtol=1e-12)
