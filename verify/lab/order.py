"""The order of accuracy of an estimator by name, or of anybody's implementation."""

from collections.abc import Callable
from functools import partial
from typing import Any, SupportsFloat

import numpy as np

from reinmax_ref.protocol import needs_of
from verify.candidate import Candidate, wrap
from verify.candidate.expected_gradient import expected_gradient
from verify.lab.moments import moments
from verify.objectives import Objective
from verify.oracle.convergence import LOGITS, OrderStudy, study
from verify.typing import Array

__all__ = ["logits_for", "order"]


def order(
    estimator: str | Callable[..., Any] | Candidate,
    tau: SupportsFloat | str | None = 1.0,
    *,
    dtype: Any = np.float64,
    objective: Objective | None = None,
    logits: Any = LOGITS,
    levels: int = 10,
    **calling: Any,
) -> OrderStudy:
    """Measure the order of accuracy of a named estimator, or of anybody's implementation.

    Parameters
    ----------
    estimator : str, callable or candidate
        The name of an estimator, see :func:`verify.lab.moments.moments`; or an
        implementation in any framework, which is observed from outside, or
        what :func:`verify.wrap` made of one.
    tau : float, or str or None
        Temperature of a named estimator. An implementation is observed at 1;
        for one, a str names its temperature, and None says that it has none.
    dtype, objective, logits, levels
        See :func:`verify.oracle.convergence.study`; an implementation brings its own dtype.
    **calling
        How an implementation is called, see
        :func:`verify.wrap`.

    Returns
    -------
    OrderStudy

    Raises
    ------
    TypeError, ValueError
        For an unknown name, or an implementation that cannot be called so.

    Examples
    --------
    >>> from verify.lab.order import order
    >>> round(order("straight_through").order, 2), round(order("reinmax").order, 2)
    (1.0, 2.0)
    >>> round(order("reinmax", tau=1.5).order, 2)
    0.0
    >>> import reinmax_ref
    >>> round(order(reinmax_ref.reinmax).order, 2)
    2.0
    """
    settings = {"objective": objective, "logits": logits, "levels": levels}
    if isinstance(estimator, str):
        if tau is None or isinstance(tau, str):
            raise TypeError(
                f"tau is {tau!r}; expected the temperature of the estimator {estimator}, a number"
            )
        if needs_of(estimator).binary and logits is LOGITS:
            settings["logits"] = LOGITS[:2]

        def mean(f: Objective, theta: Array) -> Array:
            return moments(estimator, f, theta, tau).mean

        return study(mean, name=estimator, dtype=dtype, **settings)
    if tau is None or isinstance(tau, str):
        calling["tau"] = tau
    elif float(tau) != 1:
        raise ValueError(f"tau is {tau}; an implementation is observed at tau = 1, where there is an order")
    candidate = wrap(estimator, **calling)
    settings["logits"] = logits_for(candidate) if logits is LOGITS else logits
    if np.ndim(settings["logits"]) != 1:
        raise ValueError(
            f"logits have shape {np.shape(settings['logits'])}; the order of an implementation is measured "
            "on one variable: give logits of shape (K,)"
        )
    return study(
        partial(expected_gradient, candidate), name=candidate.name, dtype=candidate.dtype, **settings
    )


def logits_for(candidate: Candidate) -> Array:
    """Logits of a study, of as many classes as an implementation takes: few, where it takes any number."""
    if candidate.classes == 2:
        return np.array(LOGITS[:2])
    return np.array(LOGITS) if candidate.takes(len(LOGITS)) else np.resize(LOGITS, candidate.classes)
