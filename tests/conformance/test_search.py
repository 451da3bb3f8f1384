"""Faults that show at some values of a dimension only: each is found by the default check, and shrunk."""

import numpy as np
import pytest
import torch

import verify
from reinmax_ref import reinmax, straight_through
from reinmax_ref.torch import reinmax as torch_reinmax
from reinmax_ref.torch import straight_through as torch_straight_through
from verify.candidate import wrap
from verify.conformance.covering import cover, pairs_in, pairs_of
from verify.conformance.search import search
from verify.conformance.space import feasible, space_of


def wrong_where(condition):
    """ReinMax, but straight-through where the condition on logits and τ holds."""

    def op(logits, tau=1.0, generator=None):
        right = torch_reinmax if not condition(logits, tau) else torch_straight_through
        return right(logits, tau, generator=generator)

    return op


def greedy_without_grad(logits, tau=1.0, generator=None):
    """Takes the most likely class where no gradient is recorded."""
    if torch.is_grad_enabled():
        return torch_reinmax(logits, tau, generator=generator)
    return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype), logits.softmax(
        -1
    )


class Passed(torch.autograd.Function):
    """The identity, with a backward pass to be chosen."""

    @staticmethod
    def forward(ctx, x, change):
        ctx.change = change
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return ctx.change(gradient), None


def backward_through(change):
    def op(logits, tau=1.0, generator=None):
        return torch_reinmax(Passed.apply(logits, change), tau, generator=generator)

    return op


def rows(x):
    return x.numel() // x.shape[-1]


FAULTS = {
    "K ≥ 65": wrong_where(lambda x, _: x.shape[-1] >= 65),
    "K ≥ 200": wrong_where(lambda x, _: x.shape[-1] >= 200),
    "K even, above 2": wrong_where(lambda x, _: x.shape[-1] % 2 == 0 and x.shape[-1] > 2),
    "K = 3": wrong_where(lambda x, _: x.shape[-1] == 3),
    "K = 8": wrong_where(lambda x, _: x.shape[-1] == 8),
    "one axis": wrong_where(lambda x, _: x.ndim == 1),
    "five axes": wrong_where(lambda x, _: x.ndim == 5),
    "six axes": wrong_where(lambda x, _: x.ndim == 6),
    "one row": wrong_where(lambda x, _: x.ndim == 2 and len(x) == 1),
    "more than 4,000 rows": wrong_where(lambda x, _: rows(x) > 4000),
    "an odd number of rows": wrong_where(lambda x, _: x.ndim == 2 and len(x) % 2 == 1 and len(x) > 1),
    "as many rows as classes": wrong_where(lambda x, _: x.ndim == 2 and len(x) == x.shape[-1]),
    "float32": wrong_where(lambda x, _: x.dtype == torch.float32),
    "float32, K ≥ 33": wrong_where(lambda x, _: x.dtype == torch.float32 and x.shape[-1] >= 33),
    "float32, τ < 1": wrong_where(lambda x, tau: x.dtype == torch.float32 and float(tau) < 1),
    "int τ": wrong_where(lambda _, tau: isinstance(tau, int)),
    "τ as a tensor": wrong_where(lambda _, tau: isinstance(tau, torch.Tensor)),
    "τ ≤ 0.3": wrong_where(lambda _, tau: float(tau) <= 0.3),
    "τ ≥ 5": wrong_where(lambda _, tau: float(tau) >= 5),
    "τ = 1.1": wrong_where(lambda _, tau: 1 < float(tau) < 1.2),
    "equal logits": wrong_where(lambda x, _: bool((x == x[..., :1]).all())),
    "all positive": wrong_where(lambda x, _: bool((x > 0).all())),
    "all negative": wrong_where(lambda x, _: bool((x < 0).all())),
    "within [0, 1]": wrong_where(lambda x, _: bool(((x >= 0) & (x <= 1)).all())),
    "log-probabilities": wrong_where(lambda x, _: bool((x.logsumexp(-1).abs() < 1e-5).all())),
    "not a leaf": wrong_where(lambda x, _: not x.is_leaf),
    "strided": wrong_where(lambda x, _: not x.is_contiguous()),
    "expanded": wrong_where(lambda x, _: x.ndim > 1 and 0 in x.stride() and x.shape[0] > 1),
    "autocast": wrong_where(lambda *_: torch.is_autocast_enabled("cpu")),
    "no grad": greedy_without_grad,
    "cotangents below 1e-7": backward_through(lambda g: torch.where(g.abs() < 1e-7, 0, g)),
    "cotangents above 1,000": backward_through(lambda g: g.clamp(-1000, 1000)),
    **{
        f"logits beyond ±{size}": (
            lambda logits, tau=1.0, generator=None, size=size: torch_reinmax(
                logits.clamp(-size, size), tau, generator=generator
            )
        )
        for size in (5, 10, 30)
    },
}


@pytest.mark.parametrize("where", FAULTS)
def test_a_fault_that_shows_somewhere_only_is_found(where):
    report = verify.check(FAULTS[where], "torch")
    assert report.verdict == "deviates", str(report)


def test_the_state_of_a_later_call_is_found():
    saved = []

    class Late(torch.autograd.Function):
        @staticmethod
        def forward(ctx, logits, hard, tau):  # noqa: ARG004
            saved[:] = [logits.detach(), hard.detach(), tau]
            return hard.clone()

        @staticmethod
        def backward(ctx, gradient):  # noqa: ARG004
            logits, hard, tau = saved
            with torch.enable_grad():
                leaf = logits.clone().requires_grad_()
                again = torch_reinmax(leaf, tau, index=hard.argmax(-1))[0]
                return torch.autograd.grad(again, leaf, gradient)[0], None, None

    def op(logits, tau=1.0):
        hard, soft = torch_reinmax(logits, tau)
        return Late.apply(logits, hard.detach(), tau), soft

    report = verify.check(op, "torch")
    assert report.verdict == "deviates"
    assert "another call between" in report.failures[0].case


def test_a_fault_in_many_classes_is_shrunk_to_the_fewest():
    def op(logits, tau=1.0, rng=None):
        draw = reinmax(logits, tau, rng=rng)
        return straight_through(logits, index=draw.index) if logits.shape[-1] >= 70 else draw

    report = verify.check(op)
    assert report.verdict == "deviates"
    assert "shape (70,)" in report.failures[0].case


def test_the_smallest_case_runs_as_it_is_printed(capsys):
    report = verify.check(FAULTS["equal logits"], "torch")
    lines = report.smallest.replace("op = ...", "pass")
    exec(lines, {"op": FAULTS["equal logits"]})  # noqa: S102
    came = capsys.readouterr().out
    assert "tensor" in came
    assert "# and should be:" in report.smallest


@pytest.mark.parametrize("op", [reinmax, torch_reinmax])
def test_every_pair_of_values_that_can_occur_is_tried_and_a_right_one_is_right(op):
    candidate = wrap(op)
    space = space_of(candidate)

    def allowed(case):
        return feasible(case, candidate)

    cases = list(cover(space, allowed, np.random.default_rng(0)))
    assert set().union(*(pairs_in(case, space) for case in cases)) == pairs_of(space, allowed)
    assert len(cases) < 300
    found = search(candidate, np.random.default_rng(1))
    assert found.pairs == found.due
    assert not found.having("wrong")


def test_a_budget_goes_on_searching():
    short, long = (verify.check(reinmax, budget=seconds) for seconds in (0.0, 4.0))
    assert long.cases > short.cases
    assert long.verdict == "conforms"
