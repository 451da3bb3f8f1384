"""From a target to a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from verify.candidate import Candidate, wrap
from verify.candidate.options import RETURNS, TAU
from verify.conformance.against import find, judge
from verify.conformance.checks import CHECKS, run
from verify.conformance.diagnosis import diagnose
from verify.conformance.findings import failures, merged
from verify.conformance.report import CheckResult, Failure, Report, Verdict
from verify.conformance.search import Search, search

__all__ = ["check", "check_candidate"]


def check(
    fn: Callable[..., Any] | Candidate,
    framework: str | None = None,
    tau: str | None = TAU,
    returns: str | Sequence[str] = RETURNS,
    axis: int | str | None = None,
    *,
    against: str = "reinmax",
    strict: bool = False,
    logits: str | None = None,
    injected: str | None = None,
    binary: bool = False,
    classes: int | None = None,
    ndim: int | None = None,
    device: str | None = None,
    rng: Any = 0,
    budget: float = 0.0,
    **constants: Any,
) -> Report:
    """Check whether an implementation is ReinMax, or another estimator of the family.

    Parameters
    ----------
    fn : callable
        Takes logits of shape (..., K), and gives the one-hot sample and what
        else ``returns`` names. A function, compiled or jitted or not; a module,
        or its class where the temperature is given to the constructor; a
        distribution class with ``rsample``; an autograd function; or the
        candidate that :func:`verify.wrap` makes of one.
    framework : str, optional
        ``numpy``, ``torch`` or ``jax``; found out from the module of ``fn``.
    tau : str or None
        Name of the temperature, an argument or an attribute; None where there
        is none. Unless it is given, ``temperature``, ``temp`` and ``T`` are
        found as well, and so is that there is none.
    returns : sequence of str, or str with commas
        Names of the parts of the result in order: ``hard``, ``soft``,
        ``index``, ``_`` (ignored). Unless it is given, the parts are told from
        each other by shape, dtype and one-hotness; parts that bear names are
        taken by them in any case. (The defaults are objects of their own, equal
        to ``"tau"`` and ``("hard", "soft")``: giving these counts as given.)
    axis : int or str, optional
        The class axis as a number, or the name of the argument that sets it.
    against : str
        The estimator that it is judged against: ``reinmax``, or ``bernoulli``,
        ``darn``, ``decoupled_straight_through``, ``gapped_straight_through``,
        ``gumbel_softmax``, ``mve``, ``reinmax_uniform``, ``straight_through``.
    strict : bool
        Let warnings count as failures.
    logits : str, optional
        Name of the logits argument, where they are not the first.
    injected : str, optional
        Name of an argument that takes the sample, class numbers or one-hot;
        found without being named where it must be given. The sample is then
        drawn here, and the checks of the sampler do not apply.
    binary : bool
        Whether each logit is a Bernoulli variable of its own, and the results
        have no class axis.
    classes : int, optional
        The one number of classes that ``fn`` takes, up to 64. Checks that need
        another are skipped.
    ndim : int, optional
        The one number of axes that ``fn`` takes. Logits of other shapes are laid
        out in so many; with 1 there is a call for each row.
    device : str, optional
        Where PyTorch or JAX computes, as ``cuda``; the CPU if absent.
    rng : optional
        Anything ``numpy.random.default_rng`` takes; the default gives the same
        report every time.
    budget : float
        Seconds for which to go on searching for cases that fail, after those
        that are always tried.
    **constants
        Passed on to ``fn`` as they are.

    Returns
    -------
    Report
        ``verdict``, ``checks``, ``diagnosis``, ``order``; ``str`` gives it as text.

    Raises
    ------
    TypeError, ValueError, ModuleNotFoundError
        Where ``fn`` cannot be called as described, or nothing can be judged
        against that name.

    Examples
    --------
    >>> import verify
    >>> from reinmax_ref import reinmax, straight_through
    >>> verify.check(reinmax).verdict
    'conforms'
    >>> verify.check(straight_through).verdict
    'deviates'
    >>> verify.check(straight_through, against="straight_through").verdict
    'conforms'
    """
    find(against)
    candidate = wrap(
        fn,
        framework,
        tau,
        returns,
        axis,
        logits=logits,
        injected=injected,
        binary=binary or (against == "bernoulli" and not isinstance(fn, Candidate)),
        classes=classes,
        ndim=ndim,
        device=device,
        **constants,
    )
    return check_candidate(candidate, against=against, strict=strict, rng=rng, budget=budget)


def check_candidate(
    candidate: Candidate,
    *,
    against: str = "reinmax",
    strict: bool = False,
    rng: Any = 0,
    budget: float = 0.0,
) -> Report:
    """Run every check on a candidate, and conclude; the parameters are those of :func:`check`.

    Where the verdict is not ``conforms``, the mistakes are named.
    """
    if against != "reinmax":
        return _judge_by(candidate, against, strict=strict, rng=rng)
    *streams, last, cases = np.random.default_rng(rng).spawn(len(CHECKS) + 2)
    results = tuple(run(c, candidate, stream) for c, stream in zip(CHECKS, streams, strict=True))
    found: tuple[Failure, ...] = ()
    searched = Search()
    if conclude(results) == "conforms":  # what fails for every example needs no search
        searched = search(candidate, cases, budget)
        found = failures(candidate, searched)
        results = merged(results, found, searched)
    verdict = conclude(results, strict=strict)
    report = Report(
        candidate.name,
        candidate.framework.name,
        verdict,
        results,
        () if verdict == "conforms" else diagnose(candidate, results, last),
        next((r.order for r in results if r.order is not None), None),
        failures=found,
        cases=len(searched.results),
        pairs=searched.pairs,
        pairs_due=searched.due,
    )
    other = _identified(candidate) if verdict == "deviates" and not found else ""
    return report if other in {"reinmax", "bernoulli"} else replace(report, right_as=other)


def _identified(candidate: Candidate) -> str:
    """The estimator that it conforms to; empty where there is none, or the candidate raises."""
    from verify.conformance.against.identify import identify_candidate  # noqa: PLC0415

    try:
        return identify_candidate(candidate).estimator or ""
    except (Exception, SystemExit):  # noqa: BLE001  (a foreign implementation may raise anything)
        return ""


def _judge_by(candidate: Candidate, against: str, *, strict: bool, rng: Any) -> Report:
    """The report against another estimator than ReinMax."""
    from verify.conformance.against.mistakes import name_mistakes  # noqa: PLC0415

    results, trial = judge(candidate, against, rng)
    verdict = conclude(results, strict=strict)
    report = Report(candidate.name, candidate.framework.name, verdict, results, estimator=against)
    if verdict == "conforms":
        return report
    other = _identified(candidate)
    if other and other != against:
        return replace(report, right_as=other)
    try:
        return replace(report, diagnosis=name_mistakes(trial, results, np.random.default_rng(rng)))
    except (Exception, SystemExit):  # noqa: BLE001  (a foreign implementation may raise anything)
        return report


def conclude(results: tuple[CheckResult, ...], *, strict: bool = False) -> Verdict:
    """The verdict of a set of results.

    Parameters
    ----------
    results : tuple of CheckResult
    strict : bool
        Whether a warning counts as a failure.

    Returns
    -------
    str
        ``deviates`` where a check failed; else ``inconclusive`` where one could
        not run or not decide, or none passed; else ``conforms``.
    """
    statuses = {r.status for r in results}
    if "fail" in statuses or (strict and "warn" in statuses):
        return "deviates"
    if statuses & {"error", "inconclusive"} or "pass" not in statuses:
        return "inconclusive"
    return "conforms"
