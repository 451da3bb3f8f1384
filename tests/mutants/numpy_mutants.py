"""Planted faults in NumPy."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.mutants.catalogue import Mutant
from tests.mutants.forge import (
    Array,
    Forged,
    Pieces,
    Rule,
    Sampler,
    forge,
    inverse_cdf,
    right,
    softmax,
    softmax_vjp,
    terms,
)
from tests.mutants.numpy_fragile import fragile

__all__ = ["everything"]


def everything() -> Iterator[Mutant]:
    """All of them."""
    yield from _samplers()
    yield from _narrow_samplers()
    yield from _terms()
    yield from _temperatures()
    yield from _couplings()
    yield from _noise()
    yield from _outputs()
    yield from _several()
    yield from fragile()


def _numbered(prefix: str, *faults: tuple[Any, tuple[str, ...]]) -> Iterator[Mutant]:
    for number, (fn, codes) in enumerate(faults, 1):
        yield Mutant(f"numpy {prefix} {number}", fn, codes)


def argmax(theta: Array, tau: float, rng: np.random.Generator) -> Array:
    """The most likely class."""
    del tau, rng
    return np.asarray(theta.argmax(axis=-1))


def tempered(theta: Array, tau: float, rng: np.random.Generator) -> Array:
    """A draw from softmax(θ/τ)."""
    return inverse_cdf(theta / tau, 1.0, rng)


def antithetic(theta: Array, tau: float, rng: np.random.Generator) -> Array:
    """Every second row takes one minus the uniform number of the row before."""
    del tau
    steps = softmax(theta).cumsum(axis=-1)
    u = rng.random(theta.size // theta.shape[-1] + 1)
    u[1::2] = 1 - u[: len(u) - 1 : 2][: len(u[1::2])]
    shaped = u[: theta.size // theta.shape[-1]].reshape((*theta.shape[:-1], 1))
    return np.asarray((steps[..., :-1] <= shaped).sum(axis=-1))


def sharing(share: Callable[[Array], None]) -> Sampler:
    """Rows whose uniform numbers were made to depend on each other, in place."""

    def sampler(theta: Array, tau: float, rng: np.random.Generator) -> Array:
        del tau
        steps = softmax(theta).cumsum(axis=-1)
        u = rng.random(theta.size // theta.shape[-1])
        share(u)
        return np.asarray((steps[..., :-1] <= u.reshape((*theta.shape[:-1], 1))).sum(axis=-1))

    return sampler


def _two_apart(u: Array) -> None:
    for start in (0, 1):
        u[start + 2 :: 4] = u[start::4][: len(u[start + 2 :: 4])]


def _mirrored(u: Array) -> None:
    half = len(u) // 2
    u[len(u) - half :] = 1 - u[:half][::-1]


def remembering() -> Sampler:
    """Draw from the logits of the call before, where that had the same shape."""
    last: dict[tuple[int, ...], Array] = {}

    def sampler(theta: Array, tau: float, rng: np.random.Generator) -> Array:
        before = last.get(theta.shape, theta)
        last[theta.shape] = theta.copy()
        return inverse_cdf(before, tau, rng)

    return sampler


def top(kept: int) -> Sampler:
    """The most likely classes only."""

    def sampler(theta: Array, tau: float, rng: np.random.Generator) -> Array:
        least = np.sort(theta, axis=-1)[..., -min(kept, theta.shape[-1])]
        return inverse_cdf(np.where(theta < least[..., None], -1e9, theta), tau, rng)

    return sampler


def _narrow_samplers() -> Iterator[Mutant]:
    """Faults of samplers that show in some shapes, calls, classes or temperatures only."""

    def where(wrong: Callable[[Array, float], bool], sampler: Sampler) -> Sampler:
        return lambda t, tau, r: (sampler if wrong(t, tau) else inverse_cdf)(t, tau, r)

    yield from _numbered(
        "narrow sampler",
        (forge(sampler=where(lambda t, _: t.ndim == 2, tempered)), ("tempered-sampler",)),
        (
            forge(
                sampler=where(lambda t, _: t.ndim == 2, lambda t, tau, r: inverse_cdf(softmax(t), tau, r)),
            ),
            ("probabilities-as-logits",),
        ),
        (forge(sampler=where(lambda t, _: t.ndim == 3, argmax)), ("argmax-sampler",)),
        (forge(sampler=where(lambda _, tau: tau < 1, tempered)), ("tempered-sampler",)),
        (forge(sampler=where(lambda t, _: t.shape[-1] > 8, tempered)), ("tempered-sampler",)),
        (forge(sampler=remembering()), ("unknown-sampler",)),
        (forge(sampler=top(5)), ("unknown-sampler",)),
        (
            forge(sampler=lambda t, tau, r: inverse_cdf(np.log(softmax(t).clip(0.01)), tau, r)),
            ("unknown-sampler",),
        ),
        (forge(sampler=sharing(_two_apart)), ("unknown-sampler",)),
        (forge(sampler=sharing(_mirrored)), ("unknown-sampler",)),
    )


def _samplers() -> Iterator[Mutant]:
    yield from _numbered(
        "sampler",
        (forge(sampler=argmax), ("argmax-sampler",)),
        (forge(sampler=tempered), ("tempered-sampler",)),
        (forge(sampler=lambda t, tau, r: inverse_cdf(t * tau, 1, r)), ("tempered-sampler", "inverted-tau")),
        (forge(sampler=lambda t, _, r: inverse_cdf(softmax(t), 1, r)), ("probabilities-as-logits",)),
        (forge(sampler=lambda t, _, r: inverse_cdf(1.05 * t, 1, r)), ("unknown-sampler",)),
        (forge(sampler=lambda t, _, r: inverse_cdf(0 * t, 1, r)), ("unknown-sampler",)),
        (forge(sampler=lambda t, _, r: inverse_cdf(-t, 1, r)), ("unknown-sampler",)),
        (
            forge(sampler=lambda t, tau, _: inverse_cdf(t, tau, np.random.default_rng(7))),
            ("unknown-sampler",),
        ),
        (forge(sampler=antithetic), ("unknown-sampler",)),
    )


def _terms() -> Iterator[Mutant]:
    yield from _numbered(
        "term",
        (forge(terms(0, 1)), ("straight-through",)),
        (forge(terms(2, 0)), ("missing-half-term",)),
        (forge(terms(1, -0.5)), ("missing-factor-two",)),
        (forge(terms(1, 0)), ("missing-factor-two", "missing-half-term")),
        (forge(terms(-2, -0.5)), ("sign-flip",)),
        (forge(terms(2, 0.5)), ("sign-flip",)),
        (forge(terms(-2, 0.5)), ("sign-flip",)),
        (forge(terms(0, 0)), ("severed-gradient",)),
        (forge(terms(0, -0.5)), ("severed-gradient",)),
        (forge(terms(2, -0.45)), ("unknown-gradient",)),
        (forge(terms(2.01, -0.5)), ("unknown-gradient",)),
        (forge(terms(2, -1)), ("unknown-gradient",)),
        (forge(_darn), ("unknown-gradient",)),
        (forge(lambda s, g, h: right(s, g, h) + 1e-3 * g), ("unknown-gradient",)),
        (forge(lambda s, g, h: np.clip(right(s, g, h), -0.3, 0.3)), ("unknown-gradient",)),
        (forge(_smoothed), ("unknown-gradient",)),
    )
    yield from _described()


def _described() -> Iterator[Mutant]:
    """Gradients of no class that are told in words."""
    faults: tuple[tuple[Rule, str], ...] = (
        (lambda s, g, h: right(s, g.shape[-1] * g, h), "times K, where K is the number of classes"),
        (lambda s, g, h: right(s, s.tau * g, h), "the right one times τ."),
        (
            lambda s, g, h: 2 * softmax_vjp(s.q, g) - s.p * g / 2 + softmax_vjp(s.p, h),
            "p⟨p, g⟩ comes 0 times",
        ),
        (
            lambda s, g, h: 2 * softmax_vjp(0.7 * s.p_tau + 0.3 * s.onehot, g) + terms(0)(s, g, h),
            "weighs D with 0.3",
        ),
        (lambda s, g, h: 2 * softmax_vjp(s.q - (s.onehot - 0.2) / 20, g) + terms(0)(s, g, h), "with α = 0.1"),
        (lambda s, g, h: np.clip(right(s, g, h), -1, 1), "no entry exceeds 1"),
        (lambda s, g, h: s.p * right(s, g, 0 * h) + softmax_vjp(s.p, h), "the right one times a matrix"),
        (lambda s, g, h: right(s, g, h).astype(np.float16).astype(g.dtype), "one of float16"),
    )
    for number, (rule, says) in enumerate(faults, 1):
        yield Mutant(f"numpy described {number}", forge(rule), ("unknown-gradient",), says)


def _darn(s: Pieces, g: Array, h: Array) -> Array:
    reward = (s.onehot * g).sum(axis=-1, keepdims=True)
    return np.asarray((s.onehot - s.p) * reward + softmax_vjp(s.p, h))


def _smoothed(s: Pieces, g: Array, h: Array) -> Array:
    q = s.q * 0.999 + 0.001 / s.q.shape[-1]
    return 2 * softmax_vjp(q, g) - softmax_vjp(s.p, g) / 2 + softmax_vjp(s.p, h)


def _temperatures() -> Iterator[Mutant]:
    yield from _numbered(
        "temperature",
        (forge(lambda s, g, h: softmax_vjp(s.p_tau, g) / s.tau + softmax_vjp(s.p, h)), ("straight-through",)),
        (forge(lambda s, g, h: softmax_vjp(s.p_tau, g) + softmax_vjp(s.p, h)), ("straight-through",)),
        (forge(lambda s, g, h: right(s, g / s.tau, h)), ("inverse-tau-scale",)),
        (
            forge(lambda s, g, h: 2 / s.tau * softmax_vjp(s.q, g) + terms(0)(s, g, h)),
            ("inverse-tau-scale",),
        ),
        (forge(tempered=lambda theta, tau: softmax(theta * tau)), ("inverted-tau",)),
        (
            forge(
                lambda s, g, h: 2 * softmax_vjp(s.q, g) - softmax_vjp(s.p_tau, g) / 2 + softmax_vjp(s.p, h)
            ),
            ("tempered-half-term",),
        ),
        (
            forge(lambda s, g, h: softmax_vjp(s.p_tau, g) / s.tau + terms(0)(s, g, h)),
            ("missing-stop-gradient",),
        ),
        (forge(tempered=lambda theta, _: softmax(theta)), ("unknown-gradient",)),
        (forge(tempered=lambda theta, tau: softmax(theta / tau**0.5)), ("unknown-gradient",)),
    )


def _wrong_axis(axis: int) -> Rule:
    def rule(s: Pieces, g: Array, h: Array) -> Array:
        place = min(axis, g.ndim - 1)
        return 2 * softmax_vjp(s.q, g, place) - softmax_vjp(s.p, g) / 2 + softmax_vjp(s.p, h)

    return rule


def _soft_axis_one(theta: Array, tau: float) -> Array:
    del tau
    return softmax(theta, min(1, theta.ndim - 1))


def _batch_mean(s: Pieces, g: Array, h: Array) -> Array:
    found = right(s, g, h)
    return np.asarray(found - found.reshape(-1, found.shape[-1]).mean(axis=0))


def _batch_softmax(s: Pieces, g: Array, h: Array) -> Array:
    p = np.broadcast_to(s.p.reshape(-1, s.p.shape[-1]).mean(axis=0), s.p.shape)
    return 2 * softmax_vjp(s.q, g) - softmax_vjp(p, g) / 2 + softmax_vjp(s.p, h)


def _couplings() -> Iterator[Mutant]:
    rows = "row-coupling"
    yield from _numbered(
        "coupling",
        (forge(_wrong_axis(1)), ("wrong-axis",)),
        (forge(_wrong_axis(0)), ("wrong-axis",)),
        (forge(soft=_soft_axis_one), ("wrong-axis",)),
        (forge(_batch_mean), (rows,)),
        (forge(lambda s, g, h: right(s, g, h) * g.shape[-1] / g.size), (rows,)),
        (forge(lambda s, g, h: right(s, g - 0.1 * np.roll(g, 1, axis=0), h)), (rows,)),
        (forge(_batch_softmax), (rows,)),
    )


def _resampled(s: Pieces, g: Array, h: Array) -> Array:
    again = np.eye(g.shape[-1])[inverse_cdf(s.theta, 1, s.rng)]
    return right(Pieces(s.theta, s.tau, s.p, s.p_tau, again, s.rng), g, h)


def _neighbour(s: Pieces, g: Array, h: Array) -> Array:
    other = np.roll(s.onehot.reshape(-1, g.shape[-1]), 1, axis=0).reshape(g.shape)
    return right(Pieces(s.theta, s.tau, s.p, s.p_tau, other, s.rng), g, h)


def _most_likely(s: Pieces, g: Array, h: Array) -> Array:
    top = np.eye(g.shape[-1])[s.theta.argmax(axis=-1)]
    return right(Pieces(s.theta, s.tau, s.p, s.p_tau, top, s.rng), g, h)


def _gumbel(s: Pieces, g: Array, h: Array) -> Array:
    noisy = softmax((s.theta + s.rng.gumbel(size=g.shape)) / s.tau)
    return 2 * softmax_vjp((noisy + s.onehot) / 2, g) + terms(0)(s, g, h)


def _noise() -> Iterator[Mutant]:
    yield from _numbered(
        "noise",
        (forge(_resampled), ("resampled-backward",)),
        (forge(_neighbour), ("resampled-backward",)),
        (forge(_most_likely), ("resampled-backward",)),
        (forge(_gumbel), ("noise-in-backward",)),
        (
            forge(lambda s, g, h: right(s, g, h) + 1e-3 * s.rng.standard_normal(g.shape)),
            ("noise-in-backward",),
        ),
    )


class Unused(Forged):
    """A draw whose gradient wants both cotangents."""

    def vjp(self, grad_hard: Array, grad_soft: Array | None = None) -> Array:
        """The right gradient, where both are given."""
        return right(self.pieces, grad_hard, np.asarray(1.0 * grad_soft))  # type: ignore[operator]


def _crashing(logits: Array, tau: float = 1.0, rng: Any = None) -> Unused:
    made = forge()(logits, tau, rng)
    return Unused(made.hard, made.soft, made.pieces, made.rule)


def _relaxed(logits: Array, tau: float = 1.0, rng: Any = None) -> Forged:
    made = forge()(logits, tau, rng)
    return Forged(0.99 * made.hard + 0.01 * made.soft, made.soft, made.pieces, made.rule)


def _outputs() -> Iterator[Mutant]:
    yield from _numbered(
        "output",
        (forge(terms(c=0)), ("soft-cotangent",)),
        (forge(terms(c=2)), ("soft-cotangent",)),
        (forge(lambda s, g, h: right(s, g, 0 * h) + softmax_vjp(s.p_tau, h) / s.tau), ("soft-cotangent",)),
        (_crashing, ("soft-cotangent",)),
        (_relaxed, ("unknown-sampler",)),
        (forge(soft=lambda theta, tau: softmax(theta / tau)), ("unknown-soft-output",)),
        (forge(soft=lambda theta, _: softmax(softmax(theta))), ("probabilities-as-logits",)),
    )


def _several() -> Iterator[Mutant]:
    yield from _numbered(
        "several",
        (forge(terms(2, 0), tempered), ("tempered-sampler", "missing-half-term")),
        (forge(terms(-2, -0.5, 2)), ("sign-flip", "soft-cotangent")),
        (forge(terms(1, -0.5), argmax), ("argmax-sampler", "missing-factor-two")),
        (forge(lambda s, g, h: right(s, g / s.tau, 0 * h)), ("inverse-tau-scale", "soft-cotangent")),
        (
            forge(terms(2, 0), tempered=lambda theta, tau: softmax(theta * tau)),
            ("inverted-tau", "missing-half-term"),
        ),
        (
            forge(lambda s, g, h: softmax_vjp(s.q, g) - softmax_vjp(s.p_tau, g) / 2 + softmax_vjp(s.p, h)),
            ("missing-factor-two", "tempered-half-term"),
        ),
        (forge(_wrong_axis(1), tempered), ("wrong-axis", "tempered-sampler")),
        (forge(logits=softmax), ("probabilities-as-logits",)),
        (
            forge(lambda s, g, h: terms(2, 0)(s, g, h) * g.shape[-1] / g.size),
            ("row-coupling", "missing-half-term"),
        ),
        (forge(_batch_mean, tempered), ("row-coupling", "tempered-sampler")),
        (
            forge(lambda s, g, h: right(s, g, h) - np.roll(terms(2, -0.5, 0)(s, g, h), 1, axis=0) / 10),
            ("row-coupling",),
        ),
        (forge(terms(0, 1, 0), argmax), ("straight-through", "argmax-sampler", "soft-cotangent")),
        (
            forge(terms(2, 0), tempered=lambda theta, _: softmax(theta / 0.9)),
            ("missing-half-term", "unknown-gradient"),
        ),
    )
