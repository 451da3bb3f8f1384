"""Reference and definitions are two readings of the same papers: equal, exactly where both are rational."""

import ast
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sympy

from reinmax_ref import algebra
from reinmax_ref.binary import Antithetic
from reinmax_ref.estimators import arm, disarm, leave_one_out, muprop, mve, names, reinforce, unordered_set
from reinmax_ref.protocol import find
from reinmax_ref.score import Calls
from verify.oracle import definitions
from verify.oracle.definitions.relaxed import conditioned

THETA = np.array([0.5, -1.0, 1.5, 0.25])
G = np.array([1.0, -2.0, 3.0, 0.5])
P = definitions.softmax(THETA)


def exponentials(count):
    u = np.random.default_rng(count).random((count, 4))
    return u, -np.log1p(-u)


def value(x):
    """A quartic of one point, of whatever shape."""
    flat = np.ravel(x)
    return sum((flat @ b) ** k for k, b in enumerate(slopes(flat), start=1))


def slope(x):
    flat = np.ravel(x)
    each = (k * (flat @ b) ** (k - 1) * b for k, b in enumerate(slopes(flat), start=1))
    return sum(each).reshape(np.shape(x))


def slopes(flat):
    kind = Fraction if flat.dtype == object else float
    return [np.array([kind((3 * k + j * j) % 7 - 3) / 4 for k in range(flat.size)]) for j in range(1, 5)]


def many(function):
    """As the reference calls f: several points along a leading axis."""
    return lambda points: np.array([function(x) for x in points])


def settled(name, definition, tau=1.5, **options):
    def pair(d):
        return find(name)(THETA, tau, index=d, **options).vjp(G), definition(d)

    return pair


def noisy(name, definition, count, **options):
    def pair(d):
        u, E = exponentials(count)
        draw = find(name)(THETA, 0.7, index=d, noise=u, **options)
        return draw.vjp(G), definition(THETA, d, E, 0.7, G)

    return pair


def scored(name, definition, index, **options):
    def pair(d):
        chosen = index(d)
        draw = find(name)(THETA, index=chosen, **options)
        return draw.gradient(many(value), many(slope)), definition(np.eye(4)[chosen])

    return pair


def antithetic(name):
    def pair(d):
        logits, v = np.array([0.5, -1.0, 2.0]), np.array([[0.2, 0.9, 0.4]])
        bits = np.array([d & 1, d >> 1, 1])
        p = 1 / (1 + np.exp(-logits))
        u = np.where(bits == 1, 1 - p * v[0], (1 - p) * v[0])
        draw = find(name)(logits, index=bits, noise=v)
        return draw.gradient(many(value)), getattr(definitions, name)(p, u, value)

    return pair


def one_bit(d):
    logit, tau, z, g = np.array([0.75]), 1.5, d % 2, 3.0
    p, p_tau = (1 / (1 + np.exp(-logit / t)) for t in (1, tau))
    return find("bernoulli")(logit, tau, index=[z]).vjp([g]), definitions.bernoulli(p, p_tau, z, g)


def one_noise(theta, d, E, tau, g):
    return definitions.gumbel_softmax(theta, d, E[0], tau, g)


def gapped(gap):
    return lambda d: definitions.gapped_straight_through(THETA, d, 1.5, G, gap=gap)


D = np.eye(4)
SOFTER = definitions.softmax(THETA, 1.5)
CENTRE = np.array([0.1, 0.2, 0.3, 0.4])
PAIRS = {
    "straight_through": settled("straight_through", lambda _: definitions.straight_through(SOFTER, 1.5, G)),
    "decoupled_straight_through": settled(
        "decoupled_straight_through", lambda _: definitions.decoupled_straight_through(SOFTER, 1.5, G)
    ),
    "gapped_straight_through": settled("gapped_straight_through", gapped(1.0)),
    "gapped_straight_through, natural": settled(
        "gapped_straight_through",
        lambda d: definitions.gapped_straight_through(THETA, d, 1.5, G, gap=None),
        gap=None,
    ),
    "darn": settled("darn", lambda d: definitions.darn(P, D[d], G, CENTRE), center=CENTRE),
    "reinmax": settled("reinmax", lambda d: definitions.reinmax_gradient(THETA, 1.5, D[d], G, 0 * G)),
    "reinmax_uniform": settled("reinmax_uniform", lambda d: definitions.reinmax_uniform(P, D[d], G)),
    "mve": settled("mve", lambda d: definitions.mve(P, d, G, 1.5)),
    "bernoulli": one_bit,
    "gumbel_softmax": noisy("gumbel_softmax", one_noise, 1),
    "gumbel_rao": noisy("gumbel_rao", definitions.gumbel_rao, 5, samples=5),
    "reinmax_rao": noisy("reinmax_rao", definitions.reinmax_rao, 5, samples=5),
    "reinmax_cv": noisy("reinmax_cv", partial(definitions.reinmax_cv, eta=0.3), 6, samples=5, eta=0.3),
    "reinforce": scored(
        "reinforce", lambda x: definitions.reinforce(P, x, value, 2), lambda d: d, baseline=2
    ),
    "muprop": scored("muprop", lambda x: definitions.muprop(P, x, value, slope), lambda d: d),
    "leave_one_out": scored(
        "leave_one_out",
        lambda xs: definitions.leave_one_out(P, xs, value),
        lambda d: [d, 1, 1],
        samples=3,
    ),
    "unordered_set": scored(
        "unordered_set",
        lambda xs: definitions.unordered_set(P[None], xs[:, None], value)[0],
        lambda d: np.array([d, (d + 1) % 4]),
    ),
    "arm": antithetic("arm"),
    "disarm": antithetic("disarm"),
}


def test_every_estimator_has_a_definition():
    assert {name.split(",")[0] for name in PAIRS} == set(names())


@pytest.mark.parametrize("d", range(4))
@pytest.mark.parametrize("name", PAIRS)
def test_reference_and_definition_agree(name, d):
    found, exact = PAIRS[name](d)
    # Values are at most 10³ and divided by probabilities of 0.04: some hundred roundings of that size.
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() <= 1e-12 * max(1, np.abs(exact).max())


def test_the_float_comparison_sees_another_temperature():
    found, _ = PAIRS["gapped_straight_through"](0)
    other = definitions.gapped_straight_through(THETA, 0, 1.5 + 1e-9, G)
    assert np.abs(found - other).max() > 1e-12 * np.abs(other).max()


def of_bit(v):
    return np.array([1 - v, v])


def rational(*numbers):
    return np.array([Fraction(n) for n in numbers], dtype=object)


FP, FR, FG = rational(1, 2, 3, 4) / 10, rational(4, 1, 3, 2) / 10, rational(3, -1, 4, 2)
FC, TAU = rational(2, 2, 1, 3) / 8, Fraction(3, 2)
ONEHOT = np.array([rational(*row) for row in np.eye(4, dtype=int).tolist()])
EXACT = {
    "straight-through": lambda _: (
        algebra.straight_through_vjp(FP, FG, p_tau=FR, tau=TAU),
        definitions.straight_through(FR, TAU, FG),
    ),
    "darn": lambda d: (algebra.darn_vjp(FP, ONEHOT[d], FG, c=FC), definitions.darn(FP, ONEHOT[d], FG, FC)),
    "uniform": lambda d: (
        algebra.baseline_vjp(FP, ONEHOT[d], FG, c=Fraction(1, 4)),
        definitions.reinmax_uniform(FP, ONEHOT[d], FG),
    ),
    "reinmax": lambda d: (
        algebra.reinmax_vjp(FP, FR, ONEHOT[d], FG),
        2 * definitions.softmax_vjp((FR + ONEHOT[d]) / 2, FG) - definitions.softmax_vjp(FP, FG) / 2,
    ),
    "mve": lambda d: (mve_of_the_reference(d), definitions.mve(FP, d, FG, TAU)),
    "bernoulli": lambda d: (
        algebra.reinmax_vjp(*(np.array([1 - v, v]) for v in (FP[0], FR[0], Fraction(d % 2))), rational(0, 3))[
            1
        ],
        definitions.bernoulli(FP[0], FR[0], Fraction(d % 2), 3),
    ),
    "reinforce": lambda d: exactly(partial(reinforce._rule, baseline=FP[1]), definitions.reinforce, d, FP[1]),
    "muprop": lambda d: exactly(muprop._rule, definitions.muprop, d, slope),
    "leave-one-out": lambda d: several(
        leave_one_out._rule, definitions.leave_one_out, ONEHOT[[d, (d + 1) % 4, 1]]
    ),
    "unordered-set": lambda d: pair_of(ONEHOT[[d, (d + 1) % 4]]),
    "arm": lambda d: of_bits(arm._weight, definitions.arm, d),
    "disarm": lambda d: of_bits(disarm._weight, definitions.disarm, d),
}


def mve_of_the_reference(d):
    alpha, beta = 1 / (1 + TAU), TAU / (1 + TAU)
    matrix = mve.system(FP[None], alpha, beta)[0]
    right = mve.right_side(FP[None], ONEHOT[d][None], FG[None], alpha, beta)[0]
    solved = sympy.Matrix(matrix).LUsolve(sympy.Matrix(right))
    solution = rational(*(Fraction(int(v.p), int(v.q)) for v in solved))
    v = mve.cotangent(FP[None], (ONEHOT[d] * FG)[None], solution[None], alpha, beta)
    return algebra.softmax_vjp(FP, v[0])


def calls():
    return Calls(many(value), many(slope), 2)


def exactly(rule, definition, d, last):
    found = rule(FP[None, None], ONEHOT[d][None, None, None], calls())
    return found[0, 0], definition(FP, ONEHOT[d], value, last)


def several(rule, definition, xs):
    return rule(FP[None, None], xs[:, None, None], calls())[0, 0], definition(FP, xs, value)


def pair_of(xs):
    f, rest = np.array([[value(x)] for x in xs]), np.array([[1 - (x * FP).sum()] for x in xs])
    found = unordered_set.pair_gradient(rest, f, xs[:, None, None])
    return found[0, 0], definitions.unordered_set(FP[None], xs[:, None], value)[0]


def of_bits(weight, definition, d):
    u, p = rational(1 + 2 * d, 9 - 2 * d, 3) / 11, FP[:3]
    b = rational(*((u > 1 - p) * 1).tolist())
    sample = Antithetic(p, 1 - p, b, u)
    found = (value(b) - value(rational(*((u < p) * 1).tolist()))) * weight(sample)
    return found, definition(p, u, lambda bits: value(rational(*bits.tolist())))


@pytest.mark.parametrize("d", range(4))
@pytest.mark.parametrize("name", EXACT)
def test_they_agree_in_fractions(name, d):
    found, exact = EXACT[name](d)
    assert np.all(found == exact)
    assert np.any(found != 0) or name in {"arm", "disarm"}


def test_the_noise_that_makes_a_sample_makes_that_sample():
    for d in range(4):
        for E in exponentials(20)[1]:
            assert conditioned(THETA, d, E).argmax() == d


def test_the_definitions_import_no_other_part_of_the_project():
    for file in Path(definitions.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] != "reinmax_ref"
                assert not node.module.startswith("verify") or node.module.startswith(
                    ("verify.oracle.definitions", "verify.typing")
                )
