"""The gradient through the sample and through the soft output, fitted with the terms of the paper."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from verify.candidate import Candidate
from verify.definition import softmax
from verify.diagnosis.evidence import Columns, hard_columns, soft_columns, spread
from verify.diagnosis.interpretation import Triple, interpret
from verify.diagnosis.mistakes import name
from verify.diagnosis.worlds import World, product, worlds
from verify.frameworks import Array
from verify.report import Diagnosis
from verify.tolerances import gradient_tolerance

__all__ = ["Fit", "diagnose_gradient", "diagnose_soft_cotangent", "fit_worlds", "is_steady"]

TAUS = (1.0, 1.5, 2.0)
TERMS = ("J(q)g", "J(p)g", "J(p_τ)g")


@dataclass(frozen=True)
class Fit:
    """Coefficients by temperature in one world.

    Attributes
    ----------
    world : World
        At the last temperature.
    coefficients : dict from τ to (a, b, c)
    residual : float
        Largest entry that the fit leaves, over the tolerance.
    """

    world: World
    coefficients: dict[float, Triple]
    residual: float

    @property
    def formula(self) -> str:
        """The gradient in words of the paper."""
        (first, *rest), parts = sorted(self.coefficients.items()), []
        for tau, triple in rest or [first]:
            shown = [f"{x:.3g}·{t}" for x, t in zip(triple, TERMS, strict=True) if abs(x) > 5e-4]
            parts.append(f"{' + '.join(shown).replace('+ -', '− ') or '0'} at τ = {tau:g}")
        return "; ".join(parts)


def observed(candidate: Candidate, rng: np.random.Generator) -> list[Columns]:
    """Columns at each temperature that the candidate takes."""
    return [hard_columns(candidate, tau, rng) for tau in (TAUS if candidate.has_tau else TAUS[:1])]


def _bound(columns: Columns) -> float:
    return gradient_tolerance("float32", columns.logits, columns.tau, columns.basis)


def is_steady(all_columns: list[Columns]) -> bool:
    """Whether equal samples with equal cotangents have equal gradients."""
    return all(spread(columns)[0] <= _bound(columns) for columns in all_columns)


def fit_worlds(all_columns: list[Columns], *, binary: bool) -> list[Fit]:
    """The fit in each world, in their order."""
    sets = [list(worlds(columns, binary=binary)) for columns in all_columns]
    return [_fit(all_columns, list(world)) for world in zip(*sets, strict=True)]


def _fit(all_columns: list[Columns], world: list[World]) -> Fit:
    found, worst = {}, 0.0
    for columns, here in zip(all_columns, world, strict=True):
        terms = here.terms(columns.basis)
        used = terms[:2] if columns.tau == 1 else terms
        design, target = used.reshape(len(used), -1).T, columns.gradient.ravel()
        solution = np.linalg.lstsq(design, target)[0]
        worst = max(worst, float(np.abs(design @ solution - target).max()) / _bound(columns))
        found[columns.tau] = tuple(map(float, [*solution, 0.0][:3]))
    return Fit(world[-1], found, worst)  # type: ignore[arg-type]


def diagnose_gradient(candidate: Candidate, all_columns: list[Columns]) -> Iterator[Diagnosis]:
    """Name what the gradient through the sample is made of, where it is not the paper's."""
    if not all(np.isfinite(columns.gradient).all() for columns in all_columns):
        yield Diagnosis("unknown-gradient", "The gradient of ordinary logits is not finite.")
        return
    if not is_steady(all_columns):
        few = all(spread(columns)[1] for columns in all_columns)
        yield name(
            "resampled-backward" if few else "noise-in-backward",
            "equal logits, samples and cotangents give "
            + ("one of a few gradients." if few else "another gradient every time."),
        )
        return
    fits = [f for f in fit_worlds(all_columns, binary=candidate.convention.binary) if f.residual <= 1]
    for fit in fits:
        explanation = interpret(fit.coefficients) if fit.world.known else None
        if explanation is not None:
            for code in dict.fromkeys(fit.world.codes + explanation.codes):
                yield name(code, f"with {fit.world.name}, the gradient is {fit.formula}.")
            return
    yield _unknown(fits, all_columns)


def _unknown(fits: list[Fit], all_columns: list[Columns]) -> Diagnosis:
    if fits:
        fit = fits[0]
        text = (
            f"Your gradient is {fit.formula}, with {fit.world.name}; it should be 2·J(q)g − 0.5·J(p)g with "
            f"q = (p_τ + D)/2, line 5 of Algorithm 2: {_advice(fit)}."
        )
        return Diagnosis("unknown-gradient", text)
    return Diagnosis("unknown-gradient", _freely(all_columns[-1]))


def _advice(fit: Fit) -> str:
    tau, seen = max(fit.coefficients.items())
    wrong = [
        f"the coefficient of {term} is {x:.3g} and should be {right:g}"
        for term, x, right in zip(TERMS, seen, (2.0, -0.5, 0.0), strict=True)
        if abs(x - right) > 1e-3
    ]
    return f"at τ = {tau:g} {', '.join(wrong)}" if wrong else "look at what stands for q"


def _freely(columns: Columns) -> str:
    """The best fit by the parts that the terms are made of, each with its own coefficient."""
    p, p_tau, D, g = (
        softmax(columns.logits),
        softmax(columns.logits, columns.tau),
        columns.onehot,
        columns.basis,
    )
    parts = _parts(p, p_tau, D, g) if columns.tau != 1 else _parts(p, None, D, g)
    design = np.stack([part.ravel() for part in parts.values()]).T.astype(float)
    target = columns.gradient.ravel()
    solution = np.linalg.lstsq(design, target)[0]
    left = float(np.linalg.norm(design @ solution - target) / (np.linalg.norm(target) or 1))
    shown = [f"{x:.3g}·{term}" for x, term in zip(solution, parts, strict=True) if abs(x) > 5e-3]
    return (
        f"No combination of the terms J(q)g, J(p)g and J(p_τ)g is your gradient. Nearest at τ = "
        f"{columns.tau:g}, leaving {left:.1%} of its norm: {' + '.join(shown).replace('+ -', '− ') or '0'}; "
        "it should be 2·J(q)g − 0.5·J(p)g with q = (p_τ + D)/2, line 5 of Algorithm 2."
    )


def _parts(p: Array, p_tau: Array | None, D: Array, g: Array) -> dict[str, Array]:
    def inner(a: Array) -> Array:
        return np.asarray((a * g).sum(axis=-1, keepdims=True))

    found = {"p∘g": p * g, "p⟨p, g⟩": p * inner(p), "D⟨D, g⟩": D * inner(D), "g": g}
    t, mark = (p, "p") if p_tau is None else (p_tau, "p_τ")
    found |= {f"D⟨{mark}, g⟩": D * inner(t), f"{mark}⟨D, g⟩": t * inner(D)}
    if p_tau is not None:
        found |= {"p_τ∘g": p_tau * g, "p_τ⟨p_τ, g⟩": p_tau * inner(p_tau)}
    return found


def diagnose_soft_cotangent(candidate: Candidate, rng: np.random.Generator) -> Iterator[Diagnosis]:
    """Name a gradient through the soft output that is not J(p)h."""
    for tau in (1.0, 2.0) if candidate.has_soft and candidate.has_tau else (1.0,) * candidate.has_soft:
        found = list(_soft_cotangent(candidate, tau, rng))
        yield from found
        if found:
            return


def _soft_cotangent(candidate: Candidate, tau: float, rng: np.random.Generator) -> Iterator[Diagnosis]:
    columns = soft_columns(candidate, tau, rng)
    crash = columns.crash or hard_columns(candidate, tau, rng).crash
    if crash is not None:
        yield name("soft-cotangent", f"a loss that leaves one output unused raises {crash}")
    bound, term = _bound(columns), product(softmax(columns.logits), columns.basis).astype(float)
    if np.abs(columns.gradient - term).max() <= bound or crash is not None:
        return
    factor = float((columns.gradient * term).sum() / (term**2).sum())
    exact = np.abs(columns.gradient - factor * term).max() <= bound
    yield name(
        "soft-cotangent",
        f"the gradient through the soft output is {factor:.3g}·J(p)h at τ = {tau:g}"
        + ("." if exact else f", and {np.abs(columns.gradient - factor * term).max():.2g} besides."),
    )
