"""How fast the op is beside others: ratios within one process, contestants interleaved.

One thread, float32, a random cotangent at the hard output. What is timed is
forward and backward together, from logits to their gradient.
"""

import importlib.util
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import reinmax_ref
from verify.bench import in_turn
from verify.typing import Array

__all__ = ["GOALS", "SHAPES", "Bench", "Timing", "contestants", "devices", "run", "why_no_device"]
Step = Callable[[], object]

#: (rows, classes).
SHAPES = ((65536, 8), (16384, 64), (2048, 1024), (256, 16384))

OFFICIAL = "official reinmax 0.1.0 (torch)"
GUMBEL = "F.gumbel_softmax(hard=True)"
STRAIGHT_THROUGH = "straight-through, torch.multinomial"
TORCH = "reinmax_ref.torch"
NUMPY = "reinmax_ref"
JAX = "reinmax_ref.jax (jitted)"
COPIES = "copies of the same bytes"


@dataclass(frozen=True)
class Goal:
    """A ratio of two contestants, in geometric mean over the shapes, and what it should be."""

    fast: str
    slow: str
    ratio: float


GOALS = (Goal(NUMPY, OFFICIAL, 5.0), Goal(TORCH, OFFICIAL, 8.0), Goal(TORCH, GUMBEL, 6.0))


@dataclass(frozen=True)
class Timing:
    """Median time of one contestant at one shape.

    Attributes
    ----------
    contestant : str
    rows, classes : int
    milliseconds : float
        Forward and backward.
    """

    contestant: str
    rows: int
    classes: int
    milliseconds: float


@dataclass(frozen=True)
class Bench:
    """All timings of a run.

    Attributes
    ----------
    timings : tuple of Timing
    kept : mapping
        Bytes that each torch contestant keeps for its backward pass, at the first shape.
    repeats : int
    device : str
        Where the torch contestants ran.
    """

    timings: tuple[Timing, ...]
    kept: dict[str, int]
    repeats: int
    device: str

    def ratios(self, fast: str, slow: str) -> list[float]:
        """How many times faster one contestant is than another, shape by shape."""
        time_of = {(t.contestant, t.rows, t.classes): t.milliseconds for t in self.timings}
        shapes = dict.fromkeys((t.rows, t.classes) for t in self.timings)
        return [time_of[slow, *s] / time_of[fast, *s] for s in shapes]

    def to_text(self) -> str:
        """A table of milliseconds, the ratios with their goals, and the memory kept."""
        shapes = list(dict.fromkeys((t.rows, t.classes) for t in self.timings))
        names = list(dict.fromkeys(t.contestant for t in self.timings))
        head = "".join(f"{f'{r}x{k}':>14}" for r, k in shapes)
        lines = [
            f"milliseconds forward + backward on {self.device}, median of {self.repeats}",
            f"{'':<38}{head}",
        ]
        for name in names:
            row = [t.milliseconds for t in self.timings if t.contestant == name]
            lines.append(f"{name:<38}" + "".join(f"{ms:14.2f}" for ms in row))
        lines += ["", *(self._goal(goal) for goal in GOALS if {goal.fast, goal.slow} <= set(names))]
        if COPIES in names and TORCH in names:
            row = [1 / r for r in self.ratios(TORCH, COPIES)]
            lines.append(
                f"{TORCH} takes {', '.join(f'{r:.1f}' for r in row)} times the copies (goal: 2.5 at most)"
            )
        lines += [
            f"{name} keeps {size / 1e6:.2f} MB for backward at {'x'.join(map(str, shapes[0]))}"
            for name, size in self.kept.items()
        ]
        return "\n".join(lines)

    def _goal(self, goal: Goal) -> str:
        ratios = self.ratios(goal.fast, goal.slow)
        mean = statistics.geometric_mean(ratios)
        each = ", ".join(f"{r:.1f}" for r in ratios)
        return (
            f"{goal.fast} against {goal.slow}: {mean:.1f} times as fast in geometric mean "
            f"(goal: {goal.ratio:g}; by shape {each})"
        )


def run(
    shapes: Sequence[tuple[int, int]] = SHAPES, repeats: int = 20, *, device: str = "cpu", seed: int = 0
) -> Bench:
    """Time every contestant that is installed.

    Parameters
    ----------
    shapes : sequence of (rows, classes)
    repeats : int
        Rounds after two rounds of warm-up; every round times each contestant once.
    device : str
        A torch device. On another than ``cpu`` the torch contestants run alone.
    seed : int

    Returns
    -------
    Bench
    """
    timings: list[Timing] = []
    kept: dict[str, int] = {}
    for rows, classes in shapes:
        rng = np.random.default_rng(seed)
        logits, g = (rng.standard_normal((rows, classes), dtype=np.float32) for _ in range(2))
        steps = contestants(logits, g, device)
        seconds = in_turn(list(steps.values()), repeats)
        timings += [Timing(name, rows, classes, 1e3 * s) for name, s in zip(steps, seconds, strict=True)]
        kept = kept or _kept(logits)
    return Bench(tuple(timings), kept, repeats, device)


def devices() -> list[str]:
    """Where there is something to time: the CPU, and CUDA where torch finds it."""
    if not importlib.util.find_spec("torch"):
        return ["cpu"]
    import torch  # noqa: PLC0415

    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def why_no_device(name: str) -> str:
    """Why a torch device cannot be used; empty where it can."""
    try:
        import torch  # noqa: PLC0415

        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, ImportError) as error:
        return f"device {name!r} cannot be used: {error}"
    return ""


def contestants(logits: Array, g: Array, device: str = "cpu") -> dict[str, Step]:
    """What there is to time on these logits and this cotangent, by name."""
    steps = _torch_steps(logits, g, device) if importlib.util.find_spec("torch") else {}
    if device == "cpu":
        rng = np.random.default_rng(0)
        steps[NUMPY] = lambda: reinmax_ref.reinmax(logits, rng=rng).vjp(g)
        if importlib.util.find_spec("jax"):
            steps |= _jax_steps(logits, g)
    return steps


def _torch_ops() -> dict[str, Callable[[Any], Any]]:
    """The torch contestants, from logits to the hard sample."""
    import torch  # noqa: PLC0415  (a framework is loaded only where it is timed)

    from reinmax_ref.torch import reinmax  # noqa: PLC0415

    def straight_through(logits: Any) -> Any:
        p = logits.softmax(-1)
        hard = torch.zeros_like(p).scatter_(-1, torch.multinomial(p.detach(), 1), 1.0)
        return hard + (p - p.detach())

    ops: dict[str, Callable[[Any], Any]] = {
        GUMBEL: lambda x: torch.nn.functional.gumbel_softmax(x, hard=True),
        STRAIGHT_THROUGH: straight_through,
        TORCH: lambda x: reinmax(x).hard,
    }
    if importlib.util.find_spec("reinmax"):
        import reinmax as official  # type: ignore[import-untyped]  # noqa: PLC0415

        ops = {OFFICIAL: lambda x: official.reinmax(x, 1.0)[0]} | ops
    return ops


def _torch_steps(logits: Array, g: Array, device: str) -> dict[str, Step]:
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    leaf, cotangent = (torch.from_numpy(a).to(device) for a in (logits, g))
    leaf.requires_grad_()

    def step(op: Callable[[Any], Any]) -> Step:
        return lambda: torch.autograd.grad(op(leaf), leaf, cotangent)

    steps: dict[str, Step] = {name: step(op) for name, op in _torch_ops().items()}
    steps[COPIES] = lambda: [leaf.detach().clone() for _ in range(3)]
    return steps if device == "cpu" else {name: _waiting(s) for name, s in steps.items()}


def _waiting(step: Step) -> Step:
    """The same step, waiting until the device has done it."""
    import torch  # noqa: PLC0415

    def timed() -> None:
        step()
        torch.accelerator.synchronize()

    return timed


def _kept(logits: Array) -> dict[str, int]:
    """Bytes of distinct storage that each torch contestant saves for its backward pass."""
    if not importlib.util.find_spec("torch"):
        return {}
    import torch  # noqa: PLC0415

    kept = {}
    for name, op in _torch_ops().items():
        saved: dict[int, int] = {}

        def pack(tensor: Any, saved: dict[int, int] = saved) -> Any:
            storage = tensor.untyped_storage()
            saved[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            op(torch.from_numpy(logits.copy()).requires_grad_())
        kept[name] = sum(saved.values())
    return kept


def _jax_steps(logits: Array, g: Array) -> dict[str, Step]:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax  # noqa: PLC0415

    from reinmax_ref.jax import reinmax  # noqa: PLC0415

    @jax.jit
    def gradient(key: Any, x: Any, cotangent: Any) -> Any:
        return jax.vjp(lambda x: reinmax(key, x)[0], x)[1](cotangent)[0]

    key, x, cotangent = jax.random.PRNGKey(0), jax.device_put(logits), jax.device_put(g)
    return {JAX: lambda: gradient(key, x, cotangent).block_until_ready()}
