"""What the torch adapter refuses, and what it says."""

import pytest
import torch

from reinmax_ref.torch import (
    BernoulliReinMax,
    OneHotCategoricalReinMax,
    ReinMax,
    from_reference,
    reinmax,
    reinmax_bernoulli,
    straight_through,
)

INF, NAN = torch.inf, torch.nan
Z = torch.zeros(2, 3)


@pytest.mark.parametrize("op", [reinmax, straight_through])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([0.0, 1.0],), {}, TypeError, "torch.Tensor, got list"),
        ((torch.zeros(3, dtype=torch.int64),), {}, TypeError, "int64"),
        ((torch.zeros(3, dtype=torch.complex64),), {}, TypeError, "complex64"),
        ((torch.zeros(()),), {}, ValueError, "at least one dimension"),
        ((torch.zeros(2, 0),), {}, ValueError, "no class"),
        ((Z,), {"dim": 2}, ValueError, "dim 2 is out of range"),
        ((Z,), {"dim": -3}, ValueError, "dim -3 is out of range"),
        ((Z, 0.0), {}, ValueError, "tau must be a positive"),
        ((Z, -1), {}, ValueError, "got -1"),
        ((Z, NAN), {}, ValueError, "got nan"),
        ((Z, torch.tensor(-1.0)), {}, ValueError, "tau must be a positive"),
        ((Z, torch.tensor(NAN)), {}, ValueError, "tau must be a positive"),
        ((Z, torch.ones(2)), {}, TypeError, "0-d tensor"),
        ((Z, "1"), {}, TypeError, "got str"),
        ((Z, None), {}, TypeError, "got NoneType"),
        ((Z, 1j), {}, TypeError, "got complex"),
        ((torch.tensor([[0.0, NAN], [0, 0]]),), {}, ValueError, "contain NaN"),
        ((torch.tensor([[0.0, INF], [0, 0]]),), {}, ValueError, r"contain \+inf"),
        ((torch.tensor([[0.0, 0.0], [-INF, -INF]]),), {}, ValueError, "every class"),
        ((torch.full((900, 3), NAN),), {}, ValueError, "contain NaN"),
        ((torch.full((900, 300), NAN),), {}, ValueError, "contain NaN"),
        ((Z,), {"index": [0, 1]}, TypeError, "index must be an integer torch.Tensor"),
        ((Z,), {"index": torch.zeros(2)}, TypeError, "integer dtype"),
        ((Z,), {"index": torch.zeros(2, dtype=torch.bool)}, TypeError, "integer dtype"),
        ((Z,), {"index": torch.zeros(2, 1, dtype=torch.long)}, ValueError, r"shape \(2,\)"),
        ((Z,), {"index": torch.tensor([0, 3])}, ValueError, "0 .. 2"),
        ((Z,), {"index": torch.tensor([0, -1])}, ValueError, "0 .. 2"),
        ((torch.tensor([0.0, -INF]),), {"index": torch.tensor(1)}, ValueError, "masked by -inf"),
        ((torch.tensor([0.0, NAN]),), {"index": torch.tensor(0)}, ValueError, "contain NaN"),
    ],
)
def test_refused(op, arguments, options, error, message):
    with pytest.raises(error, match=message):
        op(*arguments, **options)


def test_refused_under_vmap_and_grad_too():
    with pytest.raises(ValueError, match="NaN"):
        torch.vmap(lambda x: reinmax(x).hard, randomness="different")(Z * NAN)
    with pytest.raises(ValueError, match="NaN"):
        torch.func.grad(lambda x: reinmax(x).hard[0, 0])(Z * NAN)


def test_a_class_whose_probability_underflows_may_be_forced():
    hard, soft = reinmax(torch.tensor([0.0, -1e4]), index=torch.tensor(1))
    assert hard.tolist() == [0, 1]
    assert soft.tolist() == [1, 0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")
@pytest.mark.parametrize("bad", [[NAN, 0.0], [INF, 0.0], [-INF, -INF]])
def test_compiled_it_gives_nan_instead_of_a_sample(bad):
    torch._dynamo.reset()
    hard, soft = torch.compile(reinmax, fullgraph=True)(torch.tensor([bad, [0.0, -INF]]))
    assert hard[0].isnan().any()
    assert soft[0].isnan().all()
    assert hard[1].tolist() == [1, 0]
    forced, _ = torch.compile(reinmax, fullgraph=True)(
        torch.tensor([[0.0, -INF]] * 2), index=torch.tensor([0, 1])
    )
    assert forced[0].tolist() == [1, 0]
    assert forced[1].isnan().any()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0.5,), {}, TypeError, "got float"),
        ((torch.zeros(2, dtype=torch.int32),), {}, TypeError, "int32"),
        ((Z, 0), {}, ValueError, "tau"),
        ((Z * NAN,), {}, ValueError, "NaN"),
        ((Z,), {"index": torch.full((2, 3), 2)}, ValueError, "0 .. 1"),
        ((Z,), {"index": torch.zeros(2, dtype=torch.long)}, ValueError, r"shape \(2, 3\)"),
        ((Z - INF,), {"index": torch.ones(2, 3, dtype=torch.long)}, ValueError, "probability 0"),
        ((Z + INF,), {"index": torch.zeros(2, 3, dtype=torch.long)}, ValueError, "probability 0"),
    ],
)
def test_refused_by_bernoulli(arguments, options, error, message):
    with pytest.raises(error, match=message):
        reinmax_bernoulli(*arguments, **options)


def test_refused_by_the_wrappers():
    with pytest.raises(ValueError, match="tau"):
        ReinMax(tau=0)
    for distribution in (OneHotCategoricalReinMax, BernoulliReinMax):
        with pytest.raises(ValueError, match="tau"):
            distribution(logits=Z, tau=-1.0)
        with pytest.raises(ValueError, match=r"parameter (logits|probs)"):
            distribution(logits=Z * NAN, validate_args=True)  # torch.compile turns the default off
    with pytest.raises(TypeError, match="got list"):
        from_reference(lambda *_: None)([0.0])
