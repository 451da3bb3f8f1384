"""PyTorch candidates: random by the global generator or by an argument."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import numpy as np
import torch

from verify.candidate.frameworks import USUAL, Cotangent, Observation, Query, Setting, same_bits
from verify.typing import Array

__all__ = ["Torch", "make"]


class Torch:
    """Candidates on PyTorch tensors."""

    name = "torch"
    sources = ("generator", "gen", "rng", "seed")
    offers: ClassVar[dict[str, tuple[str, ...]]] = {
        "layout": ("contiguous", "not a leaf", "strided", "view", "expanded"),
        "cotangents": ("contiguous", "strided", "expanded"),
        "context": ("plain", "no grad", "frozen logits", "autocast"),
        "history": (
            "first call",
            "another call before",
            "another call between",
            "second backward",
            "sample written to",
            "logits written to",
        ),
        "tau": ("float", "int", "0-d array"),
    }
    _keeping = False

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)
        #: Where the global random state of another device than the CPU is kept.
        self._own_random = None if self.device.type == "cpu" else torch.get_device_module(self.device)

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A generator, or a seed, for the arguments named after one.

        The global generator is seeded around each call besides.
        """
        given: dict[str, Any] = {
            name: torch.Generator(self.device).manual_seed(seed) for name in self.sources[:3] if name in names
        }
        return given | ({"seed": seed} if "seed" in names else {})

    def array(self, values: Any, dtype: str) -> torch.Tensor:
        """A tensor of the values."""
        return torch.as_tensor(np.asarray(values)).to(self.device, getattr(torch, dtype))

    def like(self, before: Any, value: float, dtype: str) -> torch.Tensor:
        """A tensor full of the value, or a parameter."""
        made = self.array(np.full(tuple(before.shape), value), dtype)
        return torch.nn.Parameter(made) if isinstance(before, torch.nn.Parameter) else made

    def numpy(self, part: Any) -> Array:
        """The part without its gradient; bfloat16 as float32."""
        tensor = torch.as_tensor(part).detach().cpu()
        found: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        return found

    def result(self, query: Query) -> Any:
        """Call once, with the global generator seeded and then put back."""
        return self._call(query)[0]

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Use one thread, and put generators and threads back at the end of the outermost block.

        The arrays are small, and threads that wait for each other on a busy
        machine cost more than they give.
        """
        if self._keeping:
            yield
            return
        state, threads = torch.default_generator.get_state(), torch.get_num_threads()
        own = self._own_random and self._own_random.get_rng_state()
        torch.set_num_threads(1)
        self._keeping = True
        try:
            yield
        finally:
            self._keeping = False
            torch.set_num_threads(threads)
            torch.default_generator.set_state(state)
            if self._own_random is not None:
                self._own_random.set_rng_state(own)

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Seed the generators in use; ``torch.manual_seed`` would queue a call for every kind of device."""
        with self.keeping(), torch.enable_grad():
            torch.default_generator.manual_seed(seed)
            if self._own_random is not None:
                self._own_random.manual_seed(seed)
            yield

    def observe(self, query: Query, cotangent: Cotangent | None) -> Observation:
        """Call once, and differentiate the parts that have a cotangent."""
        history = query.setting.history
        before = query.logits.copy()
        if history == "another call before":
            self._call(query)
        result, logits = self._call(query)
        parts = query.split(result)
        seen = {n: _values(self.numpy(part), n) for n, part in parts.items()}
        after = self.numpy(logits).astype(before.dtype)
        changed = [] if same_bits(before, after) else ["logits"]
        gradient: Array | None = None
        if cotangent is not None:
            with self._seeded(query.seed ^ 1):  # a backward pass that draws again is to draw otherwise
                _meanwhile(query, parts, logits)
                tensor, written = _pull(parts, logits, cotangent(seen["hard"]), query.setting)
            gradient, changed = _values(self.numpy(tensor), "gradient"), written + changed
        dtype = str(parts["hard"].dtype).removeprefix("torch.")
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), gradient, dtype, tuple(changed))

    def open(self, query: Query) -> tuple[Observation, Callable[[tuple[Array | None, Array | None]], Array]]:
        """Call once, and keep the graph, to differentiate as often as wanted."""
        result, leaf = self._call(query)
        parts = query.split(result)
        seen = {n: _values(self.numpy(part), n) for n, part in parts.items()}

        def pull(given: tuple[Array | None, Array | None]) -> Array:
            with self._seeded(query.seed ^ 1):  # a backward pass that draws again is to draw otherwise
                return _values(self.numpy(_pull(parts, leaf, given, USUAL, keep=True)[0]), "gradient")

        dtype = str(parts["hard"].dtype).removeprefix("torch.")
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), None, dtype), pull

    def _call(self, query: Query) -> tuple[Any, torch.Tensor]:
        """The result, and the logits that were handed over."""
        with self._seeded(query.seed):
            # from_numpy keeps the strides, which a robustness check sets on purpose
            values = torch.from_numpy(query.logits).to(self.device, getattr(torch, query.dtype))
            logits = _placed(
                values.requires_grad_(query.setting.context != "frozen logits"), query.setting.layout
            )
            with _context(query.setting.context):
                return query.call(logits), logits


def _context(name: str) -> AbstractContextManager[Any]:
    """The block in which a call is made."""
    if name == "autocast":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return torch.no_grad() if name == "no grad" else nullcontext()


def _placed(values: torch.Tensor, layout: str) -> torch.Tensor:
    """The same numbers in another place in memory; strided ones stay a leaf, others become none."""
    if layout == "strided":
        return _strided(values.detach()).requires_grad_(values.requires_grad)
    if layout == "not a leaf":
        return values * 1
    if layout == "view":
        return torch.cat([values, values], -1)[..., : values.shape[-1]]
    return _expanded(values) if layout == "expanded" else values


def _strided(values: torch.Tensor) -> torch.Tensor:
    """With the axes in reversed order in memory; one axis alone with gaps."""
    if values.ndim < 2:
        return values.repeat_interleave(2)[::2]
    order = [*reversed(range(values.ndim))]
    return values.permute(order).contiguous().permute(order)


def _expanded(values: torch.Tensor) -> torch.Tensor:
    """With strides of 0 along the axes in which nothing changes."""
    small = values
    for axis in range(values.ndim):
        if values.shape[axis] > 1 and bool((small == small.narrow(axis, 0, 1)).all()):
            small = small.narrow(axis, 0, 1)
    return (small * 1).expand(values.shape)


def _meanwhile(query: Query, parts: dict[str, Any], logits: torch.Tensor) -> None:
    """What happens between a call and its backward pass."""
    history = query.setting.history
    if history == "another call between":
        query.call(_placed((logits.detach() / 2).requires_grad_(), query.setting.layout))
    written = {"sample written to": [parts["hard"]], "logits written to": [logits]}.get(history, ())
    for tensor in written:  # a framework that keeps count of this may refuse the backward pass
        tensor.detach().add_(1)


def _values(array: Array, name: str) -> Array:
    return array if name == "index" else array.astype(np.float64)


def _pull(
    parts: dict[str, Any],
    logits: torch.Tensor,
    cotangents: tuple[Array | None, Array | None],
    setting: Setting,
    *,
    keep: bool = False,
) -> tuple[torch.Tensor, list[str]]:
    """The gradient, and the names of the cotangents that were written to; the graph stays where told so."""
    given = {n: c for n, c in zip(("hard", "soft"), cotangents, strict=True) if c is not None and n in parts}
    used = {n: c for n, c in given.items() if parts[n].requires_grad}
    if not used:
        return torch.zeros_like(logits), []
    place = {"strided": _strided, "expanded": _expanded}.get(setting.cotangents, torch.Tensor.contiguous)
    weights = [place(torch.from_numpy(np.ascontiguousarray(c)).to(parts[n])) for n, c in used.items()]
    before = [weight.clone() for weight in weights]
    outputs, again = [parts[n] for n in used], setting.history == "second backward"
    if again:
        others = [1 - 2 * weight for weight in weights]
        torch.autograd.grad(outputs, logits, others, allow_unused=True, retain_graph=True)
    (gradient,) = torch.autograd.grad(outputs, logits, weights, allow_unused=True, retain_graph=keep)
    names = [f"grad_{n}" for n, w, b in zip(used, weights, before, strict=True) if not torch.equal(w, b)]
    return torch.zeros_like(logits) if gradient is None else gradient, names


def make(device: str | None) -> Torch:
    """The framework on a device; refuses one that there is not."""
    try:
        framework = Torch(device or "cpu")
        framework.array(0.0, "float32")
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
    return framework
