"""PyTorch candidates: random by the global generator or by an argument."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from verify.candidate.frameworks import Cotangent, Observation, Query, same_bits
from verify.typing import Array

__all__ = ["Torch", "make"]


class Torch:
    """Candidates on PyTorch tensors."""

    name = "torch"
    sources = ("generator", "gen", "rng", "seed")
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
        before = query.logits.copy()
        result, leaf = self._call(query)
        parts = query.split(result)
        seen = {n: _values(self.numpy(part), n) for n, part in parts.items()}
        gradient: Array | None = None
        changed: list[str] = []
        if cotangent is not None:
            with self._seeded(query.seed ^ 1):  # a backward pass that draws again is to draw otherwise
                tensor, changed = _pull(parts, leaf, cotangent(seen["hard"]))
            gradient = _values(self.numpy(tensor), "gradient")
        shared = leaf.device.type == "cpu" and leaf.dtype == torch.as_tensor(query.logits).dtype
        after = query.logits if shared else self.numpy(leaf)
        if not same_bits(before, after.astype(before.dtype)):
            changed.append("logits")
        dtype = str(parts["hard"].dtype).removeprefix("torch.")
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), gradient, dtype, tuple(changed))

    def open(self, query: Query) -> tuple[Observation, Callable[[tuple[Array | None, Array | None]], Array]]:
        """Call once, and keep the graph, to differentiate as often as wanted."""
        result, leaf = self._call(query)
        parts = query.split(result)
        seen = {n: _values(self.numpy(part), n) for n, part in parts.items()}

        def pull(given: tuple[Array | None, Array | None]) -> Array:
            with self._seeded(query.seed ^ 1):  # a backward pass that draws again is to draw otherwise
                return _values(self.numpy(_pull_again(parts, leaf, given)), "gradient")

        dtype = str(parts["hard"].dtype).removeprefix("torch.")
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), None, dtype), pull

    def _call(self, query: Query) -> tuple[Any, torch.Tensor]:
        with self._seeded(query.seed):
            # from_numpy keeps the strides, which a robustness check sets on purpose
            leaf = torch.from_numpy(query.logits).to(self.device, getattr(torch, query.dtype))
            leaf.requires_grad_()
            return query.call(leaf), leaf


def _values(array: Array, name: str) -> Array:
    return array if name == "index" else array.astype(np.float64)


def _pull(
    parts: dict[str, Any], leaf: torch.Tensor, cotangents: tuple[Array | None, Array | None]
) -> tuple[torch.Tensor, list[str]]:
    """The gradient, and the names of the cotangents that were written to."""
    given = {n: c for n, c in zip(("hard", "soft"), cotangents, strict=True) if c is not None and n in parts}
    used = {n: c for n, c in given.items() if parts[n].requires_grad}
    if not used:
        return torch.zeros_like(leaf), []
    weights = [torch.from_numpy(np.ascontiguousarray(c)).to(parts[n]) for n, c in used.items()]
    before = [weight.clone() for weight in weights]
    (gradient,) = torch.autograd.grad([parts[n] for n in used], leaf, weights, allow_unused=True)
    names = [f"grad_{n}" for n, w, b in zip(used, weights, before, strict=True) if not torch.equal(w, b)]
    return torch.zeros_like(leaf) if gradient is None else gradient, names


def _pull_again(
    parts: dict[str, Any], leaf: torch.Tensor, cotangents: tuple[Array | None, Array | None]
) -> torch.Tensor:
    """The gradient, with a graph that can be pulled through again."""
    given = {n: c for n, c in zip(("hard", "soft"), cotangents, strict=True) if c is not None and n in parts}
    used = {n: c for n, c in given.items() if parts[n].requires_grad}
    if not used:
        return torch.zeros_like(leaf)
    weights = [torch.from_numpy(np.ascontiguousarray(c)).to(parts[n]) for n, c in used.items()]
    outputs = [parts[n] for n in used]
    (gradient,) = torch.autograd.grad(outputs, leaf, weights, retain_graph=True, allow_unused=True)
    return torch.zeros_like(leaf) if gradient is None else gradient


def make(device: str | None) -> Torch:
    """The framework on a device; refuses one that there is not."""
    try:
        framework = Torch(device or "cpu")
        framework.array(0.0, "float32")
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
    return framework
