"""PyTorch candidates: functions, modules and autograd functions, random by the global generator."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from verify.frameworks import Array, Cotangent, Observation

__all__ = ["Torch", "framework"]


class Torch:
    """Candidates on PyTorch tensors, on the CPU."""

    name = "torch"

    def randomness(self, names: Mapping[str, Any], seed: int) -> dict[str, Any]:  # noqa: ARG002
        """None: the global generator is seeded around the call instead."""
        return {}

    def observe(
        self,
        call: Callable[[Any], Any],
        split: Callable[[Any], dict[str, Any]],
        logits: Array,
        cotangent: Cotangent | None,
        seed: int,
    ) -> Observation:
        """Call once, and differentiate the parts that have a cotangent."""
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            # from_numpy keeps the strides, which a robustness check sets on purpose
            leaf = torch.from_numpy(logits).requires_grad_()
            parts = split(call(leaf))
            gradient = None
            if cotangent is not None:
                gradient = _pull(parts, leaf, cotangent(_numpy(parts["hard"])))
        seen = {name: _numpy(part) for name, part in parts.items()}
        return Observation(seen["hard"], seen.get("soft"), seen.get("index"), gradient)


def _pull(parts: dict[str, Any], leaf: torch.Tensor, cotangents: tuple[Array | None, Array | None]) -> Array:
    pairs = [
        (parts[name], torch.from_numpy(np.ascontiguousarray(c)).to(parts[name].dtype))
        for name, c in zip(("hard", "soft"), cotangents, strict=True)
        if c is not None and name in parts and parts[name].requires_grad
    ]
    if not pairs:
        return np.zeros(tuple(leaf.shape), _numpy(leaf).dtype)
    outputs, weights = zip(*pairs, strict=True)
    (gradient,) = torch.autograd.grad(outputs, leaf, weights, allow_unused=True)
    return np.zeros(tuple(leaf.shape), _numpy(leaf).dtype) if gradient is None else _numpy(gradient)


def _numpy(tensor: Any) -> Array:
    array: Array = torch.as_tensor(tensor).detach().cpu().numpy()
    return array


framework = Torch()
