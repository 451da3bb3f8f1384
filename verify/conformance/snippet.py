"""A failing case as code to paste and run, with what came and what is right beside it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.candidate.convention import PARTS
from verify.conformance.cases import observe
from verify.conformance.shrink import Smallest
from verify.conformance.space import Case
from verify.oracle.bits import narrow
from verify.oracle.definitions import reinmax_gradient, softmax
from verify.typing import Array

__all__ = ["snippet"]

#: Numbers in an array that is printed at most.
PRINTED = 40

LAYOUTS = {
    "not a leaf": "logits = logits * 1",
    "strided": "logits = logits.detach().mT.contiguous().mT.requires_grad_()",
    "view": "logits = torch.cat([logits, logits], -1)[..., : logits.shape[-1]]",
    "expanded": "logits = logits[:1].expand(logits.shape)",
}

CONTEXTS = {
    "no grad": "with torch.no_grad():",
    "autocast": 'with torch.autocast("cpu", dtype=torch.bfloat16):',
}


def snippet(candidate: Candidate, smallest: Smallest) -> str:
    """The lines.

    Parameters
    ----------
    candidate : Candidate
    smallest : Smallest

    Returns
    -------
    str
    """
    name = candidate.framework.name
    made = {"torch": _torch, "numpy": _numpy, "jax": _jax}[name](candidate, smallest)
    return "\n".join([*_loaded(candidate), *made, *_compared(candidate, smallest)])


def _loaded(candidate: Candidate) -> Iterator[str]:
    """Where the implementation comes from."""
    yield {"torch": "import torch", "jax": "import jax, jax.numpy as jnp", "numpy": "import numpy as np"}[
        candidate.framework.name
    ]
    module, name = (getattr(candidate.fn, key, None) or "" for key in ("__module__", "__qualname__"))
    if ":" in candidate.name:
        yield "from verify.candidate.load import load_target"
        yield f'op = load_target("{candidate.name}")'
    elif module and name.isidentifier() and module != "__main__":
        yield f"from {module} import {name} as op"
    else:
        yield f"op = ...  # {candidate.name}"


def _array(candidate: Candidate, values: Array | None, case: Case) -> str:
    """An array in the framework's words; a large one by a line that makes one like it."""
    if values is None:
        return "None"
    own = narrow(values) if candidate.convention.binary else np.moveaxis(values, -1, case["axis"])
    torch = candidate.framework.name == "torch"
    dtype = f"dtype=torch.{case['dtype']}" if torch else f"dtype={case['dtype']!r}"
    make = {"torch": "torch.tensor", "numpy": "np.array", "jax": "jnp.array"}[candidate.framework.name]
    if own.size <= PRINTED:
        return f"{make}({own.tolist()}, {dtype})".replace("-inf", "-float('inf')").replace(
            "nan", "float('nan')"
        )
    if torch:
        return f"torch.randn({own.shape}, {dtype})"
    return f"{make}(__import__('numpy').random.default_rng(0).standard_normal({own.shape}), {dtype})"


def _arguments(candidate: Candidate, case: Case, seed: int, *, first: str = "logits") -> str:
    """What stands between the brackets of the call."""
    convention = candidate.convention
    given = [f"{convention.logits}={first}" if convention.logits else first]
    heat: Any = int(case["tau"]) if case["tau type"] == "int" else case["tau"]
    words = repr(heat) if np.isfinite(heat) else "float('inf')"
    if case["tau type"] == "0-d array" or convention.tau_array:
        words = {
            "torch": f"torch.tensor({words})",
            "numpy": f"np.array({words})",
            "jax": f"jnp.array({words})",
        }[candidate.framework.name]
    known = convention.known or {}
    sources = [n for n in candidate.framework.sources if n in known]
    made = {
        "jax": f"jax.random.PRNGKey({seed})",
        "numpy": str(seed),
        "torch": f"torch.Generator().manual_seed({seed})",
    }
    given += [f"{n}={seed if n == 'seed' else made[candidate.framework.name]}" for n in sources]
    given += [f"{convention.tau}={words}"] if convention.tau and not convention.stored else []
    given += [f"{convention.axis_name}={case['axis']}"] if convention.axis_name else []
    given += [f"{convention.injected}=..."] if convention.injected else []
    given += [f"{key}={value!r}" for key, value in convention.constants.items()]
    keyword = [g for g in given[1:] if "=" in g]
    return ", ".join([given[0], *keyword])


def _names(candidate: Candidate) -> tuple[str, ...]:
    """The parts of the result, as they are unpacked."""
    return candidate.convention.returns or (PARTS[:2] if candidate.has_soft else PARTS[:1])


def _torch(candidate: Candidate, smallest: Smallest) -> Iterator[str]:
    case, given, names = smallest.result.case, smallest.given, _names(candidate)
    needed = case["context"] != "frozen logits"
    yield f"logits = {_array(candidate, given.logits, case)}.requires_grad_({needed})"
    if case["layout"] in LAYOUTS:
        yield LAYOUTS[case["layout"]]
    if candidate.convention.stored:
        yield f"op.{candidate.convention.tau} = {case['tau']!r}"
    yield f"torch.manual_seed({smallest.result.seed})"
    call = f"{', '.join(names)} = op({_arguments(candidate, case, smallest.result.seed)})"
    if case["context"] in CONTEXTS:
        yield CONTEXTS[case["context"]]
        call = f"    {call}"
    yield call
    if smallest.result.part != "gradient":
        return
    parts = [n for n, c in (("hard", given.g), ("soft", given.h)) if c is not None and n in names]
    weights = ", ".join(_array(candidate, c, case) for c in (given.g, given.h) if c is not None)
    extra = ", retain_graph=True" if case["history"] == "second backward" else ""
    if case["history"] == "another call between":
        yield f"op({_arguments(candidate, case, 0, first='(logits / 2).detach().requires_grad_()')})"
    line = f"torch.autograd.grad([{', '.join(parts)}], logits, [{weights}]{extra})"
    yield from [line] * (case["history"] == "second backward")
    yield f"print({line})"


def _numpy(candidate: Candidate, smallest: Smallest) -> Iterator[str]:
    case, given = smallest.result.case, smallest.given
    yield f"logits = {_array(candidate, given.logits, case)}"
    yield f"draw = op({_arguments(candidate, case, smallest.result.seed)})"
    if smallest.result.part == "gradient":
        cotangents = [
            _array(candidate, c, case)
            for c in (np.zeros_like(given.logits) if given.g is None else given.g, given.h)
        ]
        yield f"print(draw.vjp({', '.join(c for c in cotangents if c != 'None')}))"


def _jax(candidate: Candidate, smallest: Smallest) -> Iterator[str]:
    case, given = smallest.result.case, smallest.given
    yield f"jax.config.update('jax_enable_x64', {case['dtype'] == 'float64'})"
    yield f"logits = {_array(candidate, given.logits, case)}"
    yield f"call = lambda x: op({_arguments(candidate, case, smallest.result.seed, first='x')})"
    yield "parts, pull = jax.vjp(call, logits)"
    if smallest.result.part == "gradient" and set(_names(candidate)) <= {"hard", "soft"}:
        pair = {"hard": given.g, "soft": given.h}
        made = [
            _array(candidate, np.zeros_like(given.logits) if pair[n] is None else pair[n], case)
            for n in _names(candidate)
        ]
        yield f"print(pull({made[0] if len(made) == 1 else '(' + ', '.join(made) + ')'}))"


def _compared(candidate: Candidate, smallest: Smallest) -> Iterator[str]:
    """What came, and what is right."""
    case, given, result = smallest.result.case, smallest.given, smallest.result
    seen, row = observe(candidate, case, given, result.seed), result.row
    g, h = (np.zeros_like(given.logits) if c is None else c for c in (given.g, given.h))
    drawn = np.eye(given.logits.shape[-1])[seen.hard.argmax(axis=-1)]
    right: dict[str, Callable[[], Array]] = {
        "hard": lambda: drawn,
        "soft": lambda: softmax(given.logits),
        "gradient": lambda: reinmax_gradient(given.logits, case["tau"], drawn, g, h),
    }
    came = getattr(seen, result.part)
    where = f" in row {', '.join(map(str, row))}" if row and max(given.logits.shape[:-1]) > 1 else ""
    if came is None or came.shape != given.logits.shape:
        yield f"# it has shape {None if came is None else came.shape}, not {given.logits.shape}"
        return
    yield f"# the sample{where}: {_row(seen.hard[row])}"
    if result.part != "hard":
        word = {"soft": "soft output", "gradient": "gradient"}[result.part]
        yield f"# the {word} came as: {_row(came[row])}"
        yield f"# and should be:      {_row(right[result.part]()[row])}"


def _row(row: Array) -> str:
    more = ", …" if len(row) > 8 else ""
    return f"[{', '.join(f'{float(x):.4g}' for x in row[:8])}{more}]"
