"""Which estimator of the family an implementation computes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.candidate import Candidate, wrap
from verify.candidate.jacobians import Jacobian, jacobian
from verify.conformance.against import judge
from verify.conformance.against.families import FAMILY, RELAXED, Form
from verify.conformance.against.relaxed import distance
from verify.conformance.inputs import new_seed
from verify.conformance.temperatures import temperatures
from verify.typing import Array

__all__ = ["Identification", "identify", "identify_candidate"]

#: Below this relative distance an implementation is tried against a name: float32 comes to 1e-6.
NEAR, ROWS = 1e-4, 12


@dataclass(frozen=True)
class Identification:
    """What an implementation was found to be.

    Attributes
    ----------
    estimator : str or None
        The name of the estimator that it conforms to; None where there is none.
    explanation : str
        A sentence.
    ranking : tuple of (str, float)
        Every name with the distance of the matrices M from its definition,
        relative and by the Frobenius norm, the nearest first. A distance of 0
        says nothing of the sampler.
    """

    estimator: str | None
    explanation: str
    ranking: tuple[tuple[str, float], ...] = field(default=())


def identify(fn: Callable[..., Any], **options: Any) -> Identification:
    """Find out which estimator of the family an implementation computes.

    Parameters
    ----------
    fn : callable
        Or a candidate of :func:`verify.wrap`.
    **options
        How it is called, as for :func:`verify.check`.

    Returns
    -------
    Identification
        ``estimator``, ``explanation`` and ``ranking``; known are those that
        :func:`verify.check` takes as ``against``.

    Raises
    ------
    TypeError, ValueError, ModuleNotFoundError
        Where ``fn`` cannot be called as described.

    Examples
    --------
    >>> import verify
    >>> from reinmax_ref import straight_through
    >>> verify.identify(straight_through).estimator
    'straight_through'
    """
    return identify_candidate(wrap(fn, **options))


def identify_candidate(candidate: Candidate, rng: Any = 0) -> Identification:
    """Rank the names by the matrices of a few calls, and judge by those that are near."""
    source = np.random.default_rng(rng)
    ranking = _rank(candidate, source)
    reasons: list[str] = []
    for name, _ in [pair for pair in ranking if pair[1] < NEAR]:
        results, trial = judge(candidate, name, source)
        failed = [r for r in results if r.status in {"fail", "error", "inconclusive"}]
        if not failed:
            how = "" if trial.relaxed else f": M is {trial.form(source).says}"
            return Identification(name, f"It is {name}{how}.", ranking)
        said = "; ".join(f"{r.name}: {r.detail}" for r in failed[:2])
        reasons.append(f"Its gradient is that of {name}, but {said}.")
    if reasons:
        return Identification(None, reasons[0], ranking)
    nearest = f"the nearest is {ranking[0][0]}, at a relative distance of {ranking[0][1]:.2g}"
    return Identification(None, f"It is no estimator that is known here; {nearest}.", ranking)


def _rank(candidate: Candidate, rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    seen: list[tuple[Array, float, Jacobian]] = []
    for tau in temperatures(candidate):
        logits = rng.standard_normal((ROWS, candidate.classes))
        seen.append((logits, tau, jacobian(candidate, logits, tau, seed=new_seed(rng))))
    found: dict[str, float] = {}
    for name, make in FAMILY.items():
        try:
            forms = make(candidate).forms
        except ValueError:  # it is not called as this estimator is
            continue
        found[name] = min(_distance(form, seen) for form in forms)
    found[RELAXED] = max(distance(jac, tau) for _, tau, jac in seen)
    if candidate.convention.binary:  # there each name is that of the pair of logits
        found.pop("reinmax")
    return tuple(sorted(found.items(), key=lambda pair: pair[1] if pair[1] > NEAR else 0.0))


def _distance(form: Form, seen: list[tuple[Array, float, Jacobian]]) -> float:
    worst = 0.0
    for logits, tau, jac in seen:
        exact = form.table(logits, tau, jac.index).astype(float)
        off = float(np.linalg.norm(jac.matrix - exact)) / float(np.linalg.norm(exact))
        worst = max(worst, off if np.isfinite(off) else np.inf)
    return worst
