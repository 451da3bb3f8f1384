"""From a target to a verdict."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.checks import CHECKS, run
from verify.report import CheckResult, Report, Verdict

__all__ = ["check", "check_candidate"]


def check(
    fn: Callable[..., Any],
    framework: str | None = None,
    tau: str | None = "tau",
    returns: Sequence[str] = ("hard", "soft"),
    axis: int | str | None = None,
    *,
    strict: bool = False,
    logits: str | None = None,
    rng: Any = 0,
    **constants: Any,
) -> Report:
    """Check whether an implementation is ReinMax.

    Parameters
    ----------
    fn : callable
        Takes logits of shape (..., K), and gives the one-hot sample and the
        probabilities.
    framework : str, optional
        ``numpy``, ``torch`` or ``jax``; found out from the module of ``fn``.
    tau : str or None
        Name of the temperature argument; None where there is none.
    returns : sequence of str
        Names of the parts of the result in order: ``hard``, ``soft``,
        ``index``, ``_`` (ignored). A lone result is taken for ``hard``.
    axis : int or str, optional
        The class axis as a number, or the name of the argument that sets it.
    strict : bool
        Let warnings count as failures.
    logits : str, optional
        Name of the logits argument, where they are not the first.
    rng : optional
        Anything ``numpy.random.default_rng`` takes; the default gives the same
        report every time.
    **constants
        Passed on to ``fn`` as they are.

    Returns
    -------
    Report
        ``verdict``, ``checks``, ``diagnosis``, ``order``; ``str`` gives it as text.

    Raises
    ------
    TypeError, ValueError, ModuleNotFoundError
        Where ``fn`` cannot be called as described.

    Examples
    --------
    >>> import verify
    >>> from reinmax_ref import reinmax, straight_through
    >>> verify.check(reinmax).verdict
    'conforms'
    >>> verify.check(straight_through).verdict
    'deviates'
    """
    candidate = Candidate.wrap(
        fn,
        framework=framework,
        tau=tau,
        returns=tuple(returns),
        axis=axis,
        logits=logits,
        constants=constants,
    )
    return check_candidate(candidate, strict=strict, rng=rng)


def check_candidate(candidate: Candidate, *, strict: bool = False, rng: Any = 0) -> Report:
    """Run every check on a candidate, and conclude; the parameters are those of :func:`check`."""
    streams = np.random.default_rng(rng).spawn(len(CHECKS))
    results = tuple(run(c, candidate, stream) for c, stream in zip(CHECKS, streams, strict=True))
    return Report(candidate.name, candidate.framework.name, _conclude(results, strict=strict), results)


def _conclude(results: tuple[CheckResult, ...], *, strict: bool) -> Verdict:
    statuses = {r.status for r in results}
    if "fail" in statuses or (strict and "warn" in statuses):
        return "deviates"
    if statuses & {"error", "inconclusive"} or "pass" not in statuses:
        return "inconclusive"
    return "conforms"
