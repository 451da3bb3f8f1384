"""Worlds with one number that is to be found: a temperature, a weight, a small constant."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from verify.conformance.diagnosis.evidence import Columns
from verify.conformance.diagnosis.laws import law, listed
from verify.conformance.diagnosis.worlds import World, paper, reweighted
from verify.oracle.definitions import softmax

__all__ = ["FAMILIES", "Family"]


@dataclass(frozen=True)
class Family:
    """A world for each value of a number.

    Attributes
    ----------
    make : callable
        The world from columns and the number.
    grid : tuple of float
        Where the number is looked for first.
    tell : callable
        What is wrong, in a sentence, from the number at each temperature.
    """

    make: Callable[[Columns, float], World]
    grid: tuple[float, ...]
    tell: Callable[[dict[float, float]], str]


def _spaced(low: float, high: float) -> tuple[float, ...]:
    return tuple(map(float, np.geomspace(low, high, 60)))


def _heated(columns: Columns, heat: float) -> World:
    p, t = softmax(columns.logits), softmax(columns.logits, heat)
    return World("softmax(θ/t) for p_τ", p, t, (t + columns.onehot) / 2, heat=heat)


def _tell_heat(values: dict[float, float]) -> str:
    found = law(values)
    if found is not None and "τ" not in found:
        fixed = next(iter(values.values()))
        every = " at every τ" if len(values) > 1 else ""
        return (
            f"This is ReinMax at τ = {fixed:.2f}, fixed inside: line 3 takes softmax(θ/{found}){every}. "
            "Divide θ by a τ that the caller gives."
        )
    return f"Line 3 takes softmax(θ/t) with t = {listed(values)} in place of τ. Divide θ by τ itself."


def _scaled(columns: Columns, scale: float) -> World:
    p, t = softmax(scale * columns.logits), softmax(scale * columns.logits, columns.tau)
    name = "softmax(sθ) for p and softmax(sθ/τ) for p_τ"
    return World(name, p, t, (t + columns.onehot) / 2, factor=scale, heat=columns.tau)


def _tell_scale(values: dict[float, float]) -> str:
    return (
        f"This is ReinMax of s·θ with s = {listed(values)}: the logits are scaled before everything. "
        "Take them as they come."
    )


def _shifted(columns: Columns, times: float) -> World:
    right = paper(columns)
    q = reweighted(right.q, columns.logits, times)
    return replace(right, name="softmax(ln q + mθ) for q", q=q)


def _tell_shift(values: dict[float, float]) -> str:
    return (
        f"Line 4 comes to softmax(ln π₁ + mθ) with m = {listed(values)}, not back to π₁: what is added "
        "outside of the stop-gradient is not what was subtracted inside. Write softmax(sg(ln π₁ − θ) + θ)."
    )


def _powered(columns: Columns, power: float) -> World:
    right = paper(columns)
    with np.errstate(divide="ignore"):
        q = softmax(power * np.log(right.q))
    return replace(right, name="softmax(n·ln q) for q", q=q, lead=power)


def _tell_power(values: dict[float, float]) -> str:
    return (
        f"Line 4 comes to softmax(n·ln π₁) with n = {listed(values)}, not back to π₁: its softmax is scaled, "
        "as by a temperature. The temperature belongs to line 3 alone."
    )


def _smoothed(columns: Columns, weight: float) -> World:
    right, K = paper(columns), columns.logits.shape[-1]
    q = right.q - weight * (columns.onehot - 1 / K) / 2
    return replace(right, name="(1 − α)D + α/K for D", q=q)


def _tell_smoothing(values: dict[float, float]) -> str:
    return (
        f"D is smoothed: line 3 takes (1 − α)D + α/K with α = {listed(values)}. Take the sample as it was "
        "drawn."
    )


def _raised(columns: Columns, epsilon: float) -> World:
    right, K = paper(columns), columns.logits.shape[-1]
    q = (right.q + epsilon) / (1 + K * epsilon)
    return replace(right, name="q + ε, made to sum to one, for q", q=q)


def _tell_epsilon(values: dict[float, float]) -> str:
    return (
        f"Line 4 takes ln(π₁ + ε) with ε = {listed(values)}, or π₁ is mixed with a uniform distribution. "
        "Where a logarithm has to be guarded, take ε of the size of the smallest normal number."
    )


def _floored(columns: Columns, least: float) -> World:
    right = paper(columns)
    q = np.maximum(right.q, least)
    q = q / q.sum(axis=-1, keepdims=True)
    return replace(right, name="q, clamped from below, for q", q=q)


def _tell_floor(values: dict[float, float]) -> str:
    return (
        f"Line 4 takes the logarithm of π₁ clamped at {max(values.values()):.3g}. Where a logarithm has to "
        "be guarded, clamp at the size of the smallest normal number."
    )


FAMILIES: tuple[Family, ...] = (
    Family(_heated, _spaced(0.05, 20), _tell_heat),
    Family(_scaled, _spaced(0.05, 20), _tell_scale),
    Family(_shifted, tuple(map(float, np.linspace(-4, 4, 60))), _tell_shift),
    Family(_powered, _spaced(0.1, 10), _tell_power),
    Family(_smoothed, _spaced(1e-5, 1), _tell_smoothing),
    Family(_raised, _spaced(1e-7, 1), _tell_epsilon),
    Family(_floored, _spaced(1e-6, 0.3), _tell_floor),
)
