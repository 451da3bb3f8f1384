"""The torch adapter under compile, export, torch.func, double backward, checkpointing and autocast.

The samples are forced where results are compared, and gradients are compared
with eager mode, which ``test_torch_gradients.py`` compares with the algebra.
Two ways to one gradient may differ by its rounding (``deviation``) alone.
"""

import subprocess
import sys

import pytest
import reinmax as official
import torch
from torch.utils.checkpoint import checkpoint

import reinmax_ref.torch as adapter
from reinmax_ref.torch import reinmax, reinmax_bernoulli, straight_through

OPS = [reinmax, straight_through]
TAUS = [1.0, 1.5, torch.tensor(1.5)]
INDEX = torch.tensor([0, 3, 1, 4, 2, 2])
G = torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
H = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
X = torch.randn(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
both = pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
taus = pytest.mark.parametrize("tau", TAUS, ids=str)
# Third parties' own deprecations, raised while they compile or export.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:torch.*"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch.*"),
]


def loss(x, tau=1.0, op=reinmax, index=INDEX):
    hard, soft = op(x, tau, index=index)
    return (hard * G).sum() + (soft * H).sum() + ((hard * G).sum(-1) ** 2).sum()


def eager(tau, op):
    x = X.clone().requires_grad_()
    return torch.autograd.grad(loss(x, tau, op), x)[0]


@both
@pytest.mark.parametrize("error", [1e-5, -1e-5])
def test_an_error_of_a_hundred_thousandth_is_seen_in_float32(op, error, deviation):
    def off(x, tau, index):
        hard, soft = op(x, tau, index=index)
        return hard.detach() + (1 + error) * (hard - hard.detach()), soft

    x, g = X.float().requires_grad_(), G.float()
    right, wrong = (torch.autograd.grad(f(x, 1.5, index=INDEX)[0], x, g)[0] for f in (op, off))
    assert deviation(wrong, right) > 1


@both
@taus
@pytest.mark.slow
def test_compile(op, tau, deviation):
    torch._dynamo.reset()
    x = X.clone().requires_grad_()
    torch.compile(lambda x: loss(x, tau, op), fullgraph=True)(x).backward()
    assert deviation(x.grad, eager(tau, op)) <= 1


@pytest.mark.slow
def test_compile_with_the_temperature_and_the_shape_as_variables(deviation):
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, dynamic=True)
    for tau in (1.0, 1.5, 1.7):
        x = X.clone().requires_grad_()
        compiled(x, tau).backward()
        assert deviation(x.grad, eager(tau, reinmax)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_sampling_draws_anew_and_in_proportion(dynamic):
    torch._dynamo.reset()
    compiled = torch.compile(reinmax, fullgraph=True, dynamic=dynamic)
    rows = torch.tensor([0.1, 0.0, 0.6, 0.3]).log().expand(20_000, 4).clone()
    counts = compiled(rows).hard.sum(0), compiled(rows).hard.sum(0)
    assert (counts[0] != counts[1]).any()
    for count in counts:  # six standard deviations of a count: two false alarms in a billion
        assert (count - 20_000 * rows[0].exp()).abs().max() < 6 * (20_000 / 4) ** 0.5
        assert count[1] == 0


@pytest.mark.slow
def test_compiled_bernoulli(deviation):
    torch._dynamo.reset()
    x = X.clone().requires_grad_()
    outcomes = (G > 0).long()
    call = lambda x: (reinmax_bernoulli(x, 1.3, index=outcomes).hard * G).sum()  # noqa: E731
    torch.compile(call, fullgraph=True)(x).backward()
    assert deviation(x.grad, torch.func.grad(call)(X)) <= 1


def of_bernoulli(x, outcomes):
    return (reinmax_bernoulli(x, 1.5, index=outcomes).hard * G).sum()


TRANSFORMED = {
    "grad": (torch.func.grad(loss), ()),
    "grad of bernoulli": (torch.func.grad(of_bernoulli), ((G > 0).long(),)),
    "vmap of grad": (
        torch.vmap(torch.func.grad(lambda x, i, g: (reinmax(x, index=i).hard * g).sum())),
        (INDEX, G),
    ),
    "vmap": (torch.vmap(lambda x, i: reinmax(x, index=i).hard), (INDEX,)),
    "jacrev": (torch.func.jacrev(lambda x: reinmax(x, 1.5, index=INDEX).hard), ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSFORMED)
def test_a_compiled_transform_is_right_or_refused(name, deviation):
    """Traced, it would lose its gradient: torch puts the forward pass in the place of the function."""
    transformed, others = TRANSFORMED[name]
    torch._dynamo.reset()
    assert deviation(torch.compile(transformed)(X, *others), transformed(X, *others)) <= 1
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(transformed, fullgraph=True)(X, *others)


@pytest.mark.slow
def test_a_transform_of_a_compiled_function(deviation):
    torch._dynamo.reset()
    compiled = torch.compile(loss)
    assert deviation(torch.func.grad(compiled)(X), eager(1.0, reinmax)) <= 1


class Layer(torch.nn.Module):
    def forward(self, x, index):
        return tuple(reinmax(x)), tuple(straight_through(x, 1.5, index=index))


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_export_with_a_free_batch(strict):
    batch = torch.export.Dim("batch")
    shapes = ({0: batch}, {0: batch})
    program = torch.export.export(Layer(), (X, INDEX), dynamic_shapes=shapes, strict=strict).module()
    (hard, soft), (forced, _) = program(torch.zeros(700, 5, dtype=torch.float64), torch.full((700,), 3))
    assert (hard.sum(-1) == 1).all()
    assert (hard.sum(0) > 50).all()
    assert (soft == 0.2).all()
    assert (forced.argmax(-1) == 3).all()


@both
@taus
def test_func_grad_and_jacrev(op, tau, deviation):
    assert deviation(torch.func.grad(loss)(X, tau, op), eager(tau, op)) <= 1
    jacobian = torch.func.jacrev(lambda x: op(x, tau, index=INDEX))(X)
    x = X.clone().requires_grad_()
    for part, cotangent, output in zip(jacobian, (G, H), op(x, tau, index=INDEX), strict=True):
        expected = torch.autograd.grad(output, x, cotangent, retain_graph=True)[0]
        assert deviation(torch.einsum("ij,ijkl->kl", cotangent, part), expected) <= 1


@both
@taus
def test_vmap_over_rows_and_temperatures(op, tau, deviation):
    rows = torch.vmap(torch.func.grad(lambda x, i, g: (op(x, tau, index=i).hard * g).sum()))(X, INDEX, G)
    x = X.clone().requires_grad_()
    assert deviation(rows, torch.autograd.grad(op(x, tau, index=INDEX).hard, x, G)[0]) <= 1
    several = torch.vmap(lambda t: torch.func.grad(loss)(X, t, op))(torch.tensor([1.0, 1.5, 3.0]))
    for gradient, t in zip(several, (1.0, 1.5, 3.0), strict=True):
        assert deviation(gradient, eager(t, op)) <= 1


@pytest.mark.parametrize("op", [*OPS, reinmax_bernoulli], ids=lambda op: op.__name__)
def test_vmap_respects_randomness(op):
    x = torch.zeros(3, 40, 5)
    same = torch.vmap(lambda x: op(x).hard, randomness="same")(x)
    different = torch.vmap(lambda x: op(x).hard, randomness="different")(x)
    unbatched = torch.vmap(lambda y: op(x[0]).hard + y, randomness="different")(x)
    assert (same[0] == same[1]).all()
    assert (different[0] != different[1]).any()
    assert (unbatched[0] != unbatched[1]).any()
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(lambda x: op(x).hard)(x)


def test_vmap_along_any_dimension_and_nested():
    x = torch.randn(4, 3, 2)
    inner = torch.vmap(lambda x: reinmax(x, dim=0).hard, in_dims=1, out_dims=1, randomness="different")
    assert (inner(x).sum(0) == torch.ones(3, 2)).all()
    nested = torch.vmap(torch.vmap(lambda x: reinmax(x).hard, randomness="different"), randomness="different")
    assert (nested(x).sum(-1) == torch.ones(4, 3)).all()


@both
@taus
def test_batched_cotangents(op, tau, deviation):
    x = X.clone().requires_grad_()
    outputs = tuple(op(x, tau, index=INDEX))
    cotangents = [torch.stack([c, 2 * c]) for c in (G, H)]
    batched = torch.autograd.grad(outputs, x, cotangents, is_grads_batched=True, retain_graph=True)[0]
    single = torch.autograd.grad(outputs, x, (G, H))[0]
    assert deviation(batched, torch.stack([single, 2 * single])) <= 1


@both
@taus
@pytest.mark.parametrize("masked", [False, True])
def test_double_backward_is_the_derivative_of_the_formula(op, tau, masked):
    def gradient(x, g, h):
        if masked:
            x = torch.cat([x, torch.full((6, 1), -torch.inf, dtype=x.dtype)], 1)
            g, h = torch.nn.functional.pad(g, (0, 1)), torch.nn.functional.pad(h, (0, 1))
        hard, soft = op(x, tau, index=INDEX)
        return torch.autograd.grad((hard, soft), x, (g, h), create_graph=True)[0][:, :5]

    inputs = tuple(t.clone().requires_grad_() for t in (X, G, H))
    assert torch.autograd.gradcheck(gradient, inputs)


def test_double_backward_of_bernoulli():
    outcomes = (G > 0).long()

    def gradient(x, g, h):
        outputs = reinmax_bernoulli(x, 1.4, index=outcomes)
        return torch.autograd.grad(tuple(outputs), x, (g, h), create_graph=True)[0]

    assert torch.autograd.gradcheck(gradient, tuple(t.clone().requires_grad_() for t in (X, G, H)))


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_draws_the_same_sample_again(reentrant):
    seen = []

    def call(x):
        hard, _ = reinmax(x)
        seen.append(hard.detach().clone())
        return (hard * G).sum()

    checkpoint(call, X.clone().requires_grad_(), use_reentrant=reentrant).backward()
    assert len(seen) == 2
    assert (seen[0] == seen[1]).all()


@both
def test_either_output_may_be_unused(op, deviation):
    for unused in range(2):
        x = X.clone().requires_grad_()
        outputs = op(x, 1.5, index=INDEX)
        gradient = torch.autograd.grad(outputs[1 - unused], x, H)[0]
        x = X.clone().requires_grad_()
        zeros = [H, torch.zeros_like(H)][:: -1 if unused == 0 else 1]
        expected = torch.autograd.grad(tuple(op(x, 1.5, index=INDEX)), x, zeros)[0]
        assert deviation(gradient, expected) <= 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast(dtype):
    x, weight = X.float().requires_grad_(), torch.randn(5, 5)
    with torch.autocast("cpu", dtype=dtype):
        hard, _ = reinmax(x @ weight)
        assert hard.dtype == dtype
        reinmax(x, 1.5).hard.float().mul(G).sum().backward()
    assert x.grad.dtype == torch.float32
    with torch.autocast("cpu", dtype=dtype):
        inside = torch.autograd.grad(reinmax(x, 1.5, index=INDEX).hard, x, G.float())[0]
    outside = torch.autograd.grad(reinmax(x, 1.5, index=INDEX).hard, x, G.float())[0]
    assert (inside == outside).all()


def kept(op, dtype, tau):
    """Bytes of the distinct tensors held for the backward pass."""
    sizes = {}

    def pack(t):
        sizes[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    x = torch.randn(100, 50).to(dtype).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        outputs = op(x, tau)
    del outputs
    return sum(sizes.values())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("tau", [1.0, 1.5])
@both
def test_one_tensor_of_the_logits_size_is_kept(op, tau, dtype):
    assert kept(op, dtype, tau) == 100 * 50 * dtype.itemsize + 100 * 8


def test_at_most_half_of_what_the_official_op_keeps():
    assert 2 * kept(reinmax, torch.float32, 1.0) <= kept(official.reinmax, torch.float32, 1.0)


def test_nothing_is_kept_without_gradients():
    assert reinmax(X).hard.grad_fn is None
    with torch.no_grad():
        assert reinmax(X.clone().requires_grad_()).hard.grad_fn is None


def test_inputs_are_left_unchanged():
    x, g = X.clone().requires_grad_(), G.clone()
    for tau in (1.0, 1.5):
        torch.autograd.grad(tuple(reinmax(x, tau)), x, (g, g))
    assert (x == X).all()
    assert (g == G).all()


def test_changing_an_output_in_place_is_not_silently_wrong():
    x = X.clone().requires_grad_()
    hard, soft = reinmax(x)
    soft.detach().mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        (hard * G).sum().backward()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
def test_empty_batches(shape):
    for op in OPS:
        x = torch.zeros(shape, requires_grad=True)
        hard, soft = op(x, 1.5)
        (hard * 2 + soft).sum().backward()
        assert hard.shape == soft.shape == x.grad.shape == shape
    assert reinmax(torch.zeros(3, 0, 4), dim=0).hard.shape == (3, 0, 4)


def test_fake_and_meta_tensors():
    assert reinmax(torch.zeros(600, 3, device="meta")).hard.shape == (600, 3)
    assert reinmax_bernoulli(torch.zeros(600, device="meta")).hard.shape == (600,)


def test_layer_and_names():
    layer = adapter.ReinMax(tau=1.5, dim=0)
    index = torch.tensor([1, 0, 2, 3, 5])
    assert (layer(X, index=index).hard == reinmax(X, 1.5, dim=0, index=index).hard).all()
    assert repr(layer) == "ReinMax(tau=1.5, dim=0)"
    assert all(hasattr(adapter, name) for name in adapter.__all__)


def test_the_package_does_not_load_torch():
    code = "import sys, reinmax_ref; assert 'torch' not in sys.modules and 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  our own code
