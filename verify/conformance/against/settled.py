"""Estimators that are settled by the sample: M with the definition, for each sample that was drawn."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.candidate.frameworks import Observation
from verify.candidate.jacobians import Jacobian, jacobian
from verify.conformance.against.families import Form, Settled
from verify.conformance.checks.sampler import check_sampler
from verify.conformance.inputs import batches, brief, new_seed, representable
from verify.conformance.report import Outcome
from verify.oracle.tolerances import probability_tolerance
from verify.typing import Array

__all__ = ["Case", "Seen", "Tempered", "allowed", "cases", "check_law", "check_matrix", "fits", "look"]

#: Numbers of classes tried besides the candidate's own, and how much larger one batch of logits is.
OTHERS, LARGE = (3, 2, 17), 4.0


@dataclass(frozen=True, eq=False)
class Case:
    """Logits to call on, and how; ``options`` go to :meth:`verify.candidate.Candidate.observe`."""

    what: str
    logits: Array
    tau: float
    options: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Seen:
    """A case, with the matrices that a candidate gave, or what it raised."""

    case: Case
    found: Jacobian | None = None
    raised: str = ""


def cases(candidate: Candidate, rng: np.random.Generator, tau: float) -> Iterator[Case]:
    """Batches of every shape, other numbers of classes, larger logits, strided ones, and float32."""

    def case(what: str, batch: tuple[int, ...], classes: int, size: float = 1.0, **options: Any) -> Case:
        drawn = size * rng.standard_normal((*batch, classes))
        logits = representable(drawn, options.get("dtype") or candidate.dtype)
        return Case(f"{what} of shape {logits.shape}", logits, tau, options)

    K, rows = candidate.classes, (4 if candidate.rank == 1 else 32,)
    compiles = candidate.framework.name == "jax"  # for each shape
    for batch in batches(candidate):
        if not compiles or batch in {(64,), (3, 4)}:
            yield case("logits", rows if batch == (64,) else batch, K)
    if not candidate.convention.binary:
        for classes in OTHERS[2 * compiles :]:
            if classes != K and candidate.takes(classes):
                yield case("logits", rows, classes)
    yield case("large logits", rows, K, LARGE)
    yield case("strided logits", (3, 4), K, layout=np.asfortranarray)
    if candidate.dtype != "float32":
        yield case("float32 logits", rows, K, dtype="float32")


def look(candidate: Candidate, rng: np.random.Generator, tau: float) -> list[Seen]:
    """Call a candidate on every case at one temperature."""
    return [_one(candidate, case, new_seed(rng)) for case in cases(candidate, rng, tau)]


def _one(candidate: Candidate, case: Case, seed: int) -> Seen:
    try:
        return Seen(case, jacobian(candidate, case.logits, case.tau, seed=seed, **case.options))
    except Exception as raised:  # noqa: BLE001  (a foreign implementation may raise anything)
        return Seen(case, raised=brief(raised))


def allowed(candidate: Candidate, judged: Settled, case: Case, exact: Array) -> tuple[float, float]:
    """What honest rounding may cost in the largest entry of M, in the dtype of the case and in float32."""
    dtype = case.options.get("dtype") or candidate.dtype
    scale = max(1.0, float(np.abs(exact).max(initial=0.0))) * judged.conditioning(case.logits, case.tau)
    own, single = (scale * probability_tolerance(d, case.logits, case.tau) for d in (dtype, "float32"))
    return own, max(own, single)


def fits(candidate: Candidate, judged: Settled, form: Form, seen: Seen) -> tuple[float, float, float]:
    """How far M is from a form; how far it may be, and how far in float32."""
    assert seen.found is not None  # noqa: S101  (asked only where it ran)
    exact = form.table(seen.case.logits, seen.case.tau, seen.found.index)
    error = float(np.abs(seen.found.matrix - exact).max(initial=0.0))
    return (error if np.isfinite(error) else np.inf), *allowed(candidate, judged, seen.case, exact)


def check_matrix(candidate: Candidate, judged: Settled, form: Form, looked: list[Seen]) -> Outcome:
    """Compare every M at one temperature with one form of the definition."""
    ran = [seen for seen in looked if seen.found is not None]
    raised = [f"{seen.case.what} raise {seen.raised}" for seen in looked if seen.found is None]
    if not ran:
        return Outcome("error", raised[0])
    measured = [(seen, *fits(candidate, judged, form, seen)) for seen in ran]
    wrong = [(seen, error) for seen, error, _, single in measured if not error <= single]
    worst = max(measured, key=lambda m: m[1] / m[2])
    numbers = {"error": worst[1] if np.isfinite(worst[1]) else None, "tolerance": worst[2]}
    if wrong:
        places = "; ".join(f"{seen.case.what} by {error:.2g}" for seen, error in wrong[:4])
        return Outcome("fail", f"M is not {form.says} on {places}", **numbers)
    if raised:
        return Outcome("warn", f"M is {form.says} where it runs, but {'; '.join(raised)}", **numbers)
    if worst[1] > worst[2]:
        return Outcome("warn", f"M is {form.says} to float32 only", **numbers)
    rows = sum(seen.found.index.size for seen in ran if seen.found is not None)
    return Outcome("pass", f"M is {form.says} within {worst[1]:.1e}, in {rows} rows", **numbers)


@dataclass(frozen=True, eq=False)
class Tempered(Candidate):
    """A candidate on logits times a number, so that what draws at that temperature draws from softmax(θ)."""

    inner: Candidate | None = None
    scale: float = 1.0

    def observe(self, logits: Array, *args: Any, **options: Any) -> Observation:
        """Call the candidate itself, on scaled logits."""
        assert self.inner is not None  # noqa: S101  (set where it is made)
        return self.inner.observe(np.asarray(logits) * self.scale, *args, **options)


def check_law(candidate: Candidate, rng: np.random.Generator, *, judged: Settled) -> Outcome:
    """The sampler, at the temperature of the definition."""
    if judged.forward_tau == 1:
        return check_sampler(candidate, rng)
    fields = {name: getattr(candidate, name) for name in Candidate.__dataclass_fields__}
    outcome = check_sampler(Tempered(**fields, inner=candidate, scale=judged.forward_tau), rng)
    return replace(outcome, detail=outcome.detail.replace("softmax(θ)", f"softmax(θ/{judged.forward_tau:g})"))
