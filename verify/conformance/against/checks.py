"""The checks of an implementation against any estimator of the family."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from verify.candidate import Candidate
from verify.candidate.jacobians import find_excess, find_spread, jacobian
from verify.conformance.against.families import FAMILY, RELAXED, Form, Settled
from verify.conformance.against.relaxed import Law, draw_law, structure
from verify.conformance.against.settled import Seen, cases, check_law, check_matrix, fits, look
from verify.conformance.checks import Check
from verify.conformance.checks.independence import check_freshness, check_row_correlation
from verify.conformance.error_rates import MISS
from verify.conformance.inputs import cotangent, new_seed
from verify.conformance.report import Outcome
from verify.conformance.temperatures import temperatures
from verify.oracle.definitions import softmax
from verify.oracle.tables import softmax_jacobian
from verify.oracle.tolerances import gradient_tolerance, probability_tolerance
from verify.typing import Array

__all__ = ["LAW", "Trial"]

#: The chance that right noise fails its law, and draws of one row (of one that is called a row at a time).
LAW, DRAWS, FEW_DRAWS = 1e-8, 20_000, 600


@dataclass(eq=False)
class Trial:
    """One candidate, judged against one estimator; what was seen is kept for the diagnosis.

    Attributes
    ----------
    candidate : Candidate
    judged : Settled
    relaxed : bool
        Whether the gradient has the noise of its sample in it.
    looked : dict
        What was seen at each temperature.
    laws : dict
        Relaxed samples at each temperature.
    """

    candidate: Candidate
    judged: Settled
    relaxed: bool = False
    looked: dict[float, list[Seen]] = field(default_factory=dict)
    laws: dict[float, Law] = field(default_factory=dict)

    @classmethod
    def of(cls, candidate: Candidate, against: str) -> "Trial":
        """The trial of a name; raises ValueError where the candidate is not called as that estimator is."""
        if against == RELAXED:
            return cls(candidate, Settled(RELAXED, ()), relaxed=True)
        return cls(candidate, FAMILY[against](candidate))

    @property
    def taus(self) -> tuple[float, ...]:
        """The temperatures that are tried."""
        return tuple(sorted(temperatures(self.candidate)))

    def look(self, tau: float, rng: np.random.Generator) -> list[Seen]:
        """What the candidate gives at a temperature, seen once."""
        if tau not in self.looked:
            self.looked[tau] = look(self.candidate, rng, tau)
        return self.looked[tau]

    def form(self, rng: np.random.Generator) -> Form:
        """The form that holds most often; the first of those that hold equally often."""

        def misses(form: Form) -> int:
            seen = [s for tau in self.taus for s in self.look(tau, rng) if s.found is not None]
            measured = [fits(self.candidate, self.judged, form, s) for s in seen]
            return sum(not error <= single for error, _, single in measured)

        return min(self.judged.forms, key=misses)

    def checks(self) -> Iterator[Check]:
        """The checks that apply."""
        yield Check("one-hot", "the sample is one-hot", self._one_hot)
        yield Check(
            "soft-output", "the soft output is softmax(θ) or softmax(θ/τ), and so is its gradient", self._soft
        )
        yield Check(
            "sampler", "the sample has the law of the definition", partial(check_law, judged=self.judged)
        )
        yield Check("freshness", "every call and every row draws a sample of its own", check_freshness)
        yield Check("row-correlation", "rows and calls are drawn independently", check_row_correlation)
        for tau in self.taus:
            if self.relaxed:
                yield Check(
                    f"structure-tau-{tau:g}", "τM is diag(y) − yyᵀ", partial(self._structure, tau=tau)
                )
                yield Check(
                    f"noise-tau-{tau:g}",
                    "D is argmax y; the noise is Gumbel's",
                    partial(self._noise, tau=tau),
                )
            else:
                yield Check(
                    f"backward-tau-{tau:g}", "M is that of the definition", partial(self._matrix, tau=tau)
                )
        yield Check(
            "linearity", "the gradient is linear, and a row's comes from its own cotangent", self._linear
        )
        if not self.relaxed:
            yield Check("steadiness", "equal samples have equal gradients", self._steady)

    def _one_hot(self, _: Candidate, rng: np.random.Generator) -> Outcome:
        seen = [s for tau in self.taus for s in self.look(tau, rng) if s.found is not None]
        if not seen:
            return Outcome("error", f"it raised {self.look(self.taus[0], rng)[0].raised}")
        worst = 0.0
        for s in seen:
            assert s.found is not None  # noqa: S101  (chosen so)
            hard = s.found.hard
            off = np.abs(hard - np.eye(hard.shape[-1])[hard.argmax(axis=-1)]).max(initial=0.0)
            worst = max(worst, float(off) if np.isfinite(off) else np.inf)
        if not worst <= 1e-6:  # hard − soft + soft is one-hot to rounding in float32
            return Outcome("fail", f"the sample differs from a one-hot one by {worst:.2g}", None, 1e-6)
        return Outcome("pass", f"one-hot within {worst:.1e} in {len(seen)} calls", worst, 1e-6)

    def _soft(self, candidate: Candidate, rng: np.random.Generator) -> Outcome:
        if not candidate.has_soft:
            return Outcome("skip", "there is no soft output among the results")
        worst: dict[str, float] = {"softmax(θ)": 0.0, "softmax(θ/τ)": 0.0}
        bound = 0.0
        for tau in self.taus:
            logits = rng.standard_normal((4, candidate.classes))
            seen = jacobian(candidate, logits, tau, seed=new_seed(rng), soft=True)
            bound = max(bound, 4 * probability_tolerance(candidate.dtype, logits, tau))
            for name, heat in (("softmax(θ)", 1.0), ("softmax(θ/τ)", tau)):
                p = softmax(logits, heat)
                off = max(_off(seen.soft, p), _off(seen.soft_matrix, softmax_jacobian(p) / heat))
                worst[name] = max(worst[name], off)
        name = min(worst, key=lambda n: worst[n])
        if not worst[name] <= bound:
            return Outcome(
                "fail", f"the soft output or its gradient is not {name} by {worst[name]:.2g}", None, bound
            )
        return Outcome("pass", f"it is {name} within {worst[name]:.1e}", worst[name], bound)

    def _matrix(self, candidate: Candidate, rng: np.random.Generator, *, tau: float) -> Outcome:
        return check_matrix(candidate, self.judged, self.form(rng), self.look(tau, rng))

    def _structure(self, candidate: Candidate, rng: np.random.Generator, *, tau: float) -> Outcome:
        raised = [f"{s.case.what} raise {s.raised}" for s in self.look(tau, rng) if s.found is None]
        measured = [
            (s, *structure(s.found, s.case.logits, tau, s.case.options.get("dtype") or candidate.dtype))
            for s in self.look(tau, rng)
            if s.found is not None
        ]
        if not measured:
            return Outcome("error", raised[0])
        seen, error, bound, single = max(measured, key=lambda m: m[1] / m[2])
        numbers = {"error": error if np.isfinite(error) else None, "tolerance": bound}
        if not error <= single:
            return Outcome(
                "fail", f"τM is diag(y) − yyᵀ for no y on {seen.case.what}: off by {error:.2g}", **numbers
            )
        if raised:
            return Outcome("warn", f"τM is diag(y) − yyᵀ where it runs, but {raised[0]}", **numbers)
        if not error <= bound:
            return Outcome("warn", "τM is diag(y) − yyᵀ to float32 only", **numbers)
        return Outcome("pass", f"τM is diag(y) − yyᵀ within {error:.1e}", **numbers)

    def _noise(self, _: Candidate, rng: np.random.Generator, *, tau: float) -> Outcome:
        law = self.law(tau, rng)
        if law.unmatched > 0:
            return Outcome(
                "fail",
                f"D is not argmax y in {law.unmatched:.1%} of {len(law.index)} draws",
                law.unmatched,
                0.0,
            )
        found = law.tests()
        what, p = min(found, key=lambda t: t[1])[:2]
        rate = LAW / len(self.taus) / len(found)
        if not p > rate:
            return Outcome("fail", f"{what} is not uniform: Kolmogorov–Smirnov p = {p:.1g}", p, rate)
        n = len(law.index)
        least = np.sqrt(np.log(2 / rate) / (2 * n)) + np.sqrt(np.log(2 / MISS) / (2 * n))
        detail = (
            f"D is argmax y in {n} draws, and the noise is uniform on the simplex whatever D: least "
            f"Kolmogorov–Smirnov p = {p:.1g} of {len(found)} tests. Right noise fails at most once in "
            f"{1 / LAW:.0e} runs; a distribution function that is off by {least:.2g} in all draws is missed "
            f"once in {1 / MISS:.0e}"
        )
        return Outcome("pass", detail, p, rate)

    def law(self, tau: float, rng: np.random.Generator) -> Law:
        """Relaxed samples at a temperature, drawn once."""
        if tau not in self.laws:
            n = FEW_DRAWS if self.candidate.rank == 1 else DRAWS
            self.laws[tau] = draw_law(self.candidate, rng, tau, n)
        return self.laws[tau]

    def _linear(self, candidate: Candidate, rng: np.random.Generator) -> Outcome:
        worst, bound = 0.0, 1.0
        for case in cases(candidate, rng, self.taus[-1]):
            if case.options or case.logits.size > 400:
                continue
            g = 10 * cotangent(rng, case.logits.shape)
            try:
                found = jacobian(candidate, case.logits, case.tau, seed=new_seed(rng), besides=g)
            except Exception:  # noqa: BLE001, S112  (a shape that it refuses is reported by the other checks)
                continue
            scale = case.logits.shape[-1] * max(1.0, float(np.abs(found.matrix).max(initial=0.0)))
            excess, may = (
                find_excess(found, g),
                scale * gradient_tolerance(candidate.dtype, case.logits, case.tau, g),
            )
            if not excess <= may:
                return Outcome(
                    "fail",
                    f"on {case.what} the gradient of a cotangent is not Mᵀg by {excess:.2g}",
                    None,
                    may,
                )
            worst, bound = max((worst, bound), (excess, may), key=lambda e: e[0] / e[1])
        return Outcome("pass", f"the gradient is Mᵀg within {worst:.1e}, each row by itself", worst, bound)

    def _steady(self, candidate: Candidate, rng: np.random.Generator) -> Outcome:
        logits = np.tile(np.linspace(1, -1, candidate.classes), (16 if candidate.rank == 1 else 128, 1))
        found = [jacobian(candidate, logits, self.taus[-1], seed=new_seed(rng)) for _ in range(2)]
        index, matrix = (np.concatenate([getattr(f, n) for f in found]) for n in ("index", "matrix"))
        may = probability_tolerance(candidate.dtype, logits, self.taus[-1]) * max(
            1.0, float(np.abs(matrix).max())
        )
        spread = find_spread(index, matrix)
        if not spread <= may:
            return Outcome(
                "fail", f"equal samples of equal logits give matrices that differ by {spread:.2g}", None, may
            )
        return Outcome(
            "pass", f"M is a table by outcome, within {spread:.1e} in {len(index)} draws", spread, may
        )


def _off(seen: Array | None, exact: Array) -> float:
    off = np.inf if seen is None else float(np.abs(seen - exact).max(initial=0.0))
    return off if np.isfinite(off) else np.inf
