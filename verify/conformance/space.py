"""What a call can be: the dimensions of the space of cases, and their values.

The first value of a dimension is the simplest, and the rest follow in order:
a failing case is reduced towards the first ones.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from verify.candidate import Candidate
from verify.candidate.frameworks import Setting

__all__ = [
    "BASE",
    "HUGE",
    "SPACE",
    "Case",
    "Space",
    "compiles",
    "feasible",
    "setting",
    "shape_of",
    "space_of",
]

#: A value for each dimension.
Case = Mapping[str, Any]

#: The values of each dimension.
Space = Mapping[str, tuple[Any, ...]]

#: All of it. A batch is the shape of the logits without the classes, in which
#: "K" stands for as many as there are classes.
SPACE: Space = {
    "classes": (2, 3, 4, 5, 8, 17, 33, 64, 65, 100, 257, 1000, 1),
    "batch": (
        (),
        (1,),
        (7,),
        (64,),
        ("K",),
        (3, 4),
        ("K", "K"),
        (2, 3, 2),
        (2, 1, 3, 2),
        (2, 1, 2, 1, 3),
        (4096,),
        (4097,),
        (0,),
    ),
    "axis": (-1, 0, 1, -2, -3),
    "dtype": ("float64", "float32", "float16", "bfloat16"),
    "logits": (
        "all equal",
        "normal",
        "two tied at the top",
        "all positive",
        "all negative",
        "within [0, 1]",
        "probabilities",
        "log-probabilities",
        "tiny",
        "spread 5",
        "spread 10",
        "spread 30",
        "spread 60",
        "a class of 1e-6",
        "a row far above",
        "masked",
    ),
    "tau": (1.0, 2.0, 0.5, 1.5, 1.1, 0.3, 0.1, 5.0, 10.0, np.inf),
    "tau type": ("float", "int", "0-d array"),
    "hard cotangent": ("one-hot", "dense", "1e-8", "1e4", "in one row", "zero", "missing"),
    "soft cotangent": ("missing", "zero", "one-hot", "dense", "1e-8", "1e4"),
    "cotangent layout": ("contiguous", "strided", "expanded"),
    "layout": ("contiguous", "not a leaf", "strided", "view", "expanded"),
    "context": ("plain", "no grad", "frozen logits", "autocast", "jitted"),
    "history": (
        "first call",
        "another call before",
        "another call between",
        "second backward",
        "sample written to",
        "logits written to",
    ),
}

#: The case from which each value is tried once: nothing special, and nothing hidden.
BASE: Case = {
    "classes": 5,
    "batch": (64,),
    "axis": -1,
    "dtype": "float64",
    "logits": "normal",
    "tau": 1.5,
    "tau type": "float",
    "hard cotangent": "dense",
    "soft cotangent": "dense",
    "cotangent layout": "contiguous",
    "layout": "contiguous",
    "context": "plain",
    "history": "first call",
}

#: Numbers in the logits of a case at most, except in one that is tried by itself.
LARGEST = 150_000
HUGE: Case = {"classes": 257, "batch": (4097,), "dtype": "float32"}

#: The classes and batches of a candidate that is compiled for each shape.
FEW_SHAPES = (
    (5, (64,)),
    (2, (1,)),
    (3, ()),
    (8, (2, 1, 3, 2)),
    (65, (4097,)),
    (64, (3, 4)),
    (1000, (7,)),
    (5, ("K", "K")),
)


def space_of(candidate: Candidate) -> Space:  # noqa: C901  one line for each dimension
    """The values that apply to a candidate."""
    convention, offers = candidate.convention, candidate.framework.offers
    found = dict(SPACE)
    for name, key in (
        ("layout", "layout"),
        ("cotangents", "cotangent layout"),
        ("context", "context"),
        ("history", "history"),
    ):
        found[key] = tuple(v for v in SPACE[key] if v in offers.get(name, SPACE[key][:1]))
    if not candidate.has_tau:
        found["tau"] = (1.0,)
    if not candidate.has_tau or convention.tau_array:
        found["tau type"] = ("float",)
    if not candidate.has_soft:
        found["soft cotangent"] = ("missing",)
    if convention.binary or convention.classes is not None:
        found["classes"] = (candidate.classes,)
    if convention.axis_name is None:
        found["axis"] = (convention.axis,)
    if candidate.framework.name == "numpy":
        found["dtype"] = SPACE["dtype"][:3]
    if candidate.dtype == "float32":
        found["dtype"] = found["dtype"][1:]
    if candidate.rank == 1:
        found["batch"] = ((), (1,), (7,))
    if compiles(candidate):
        found["classes"] = tuple(k for k in found["classes"] if k in {k for k, _ in FEW_SHAPES})
        found["batch"] = tuple(b for b in found["batch"] if b in {b for _, b in FEW_SHAPES})
    return found


def compiles(candidate: Candidate) -> bool:
    """Whether it is compiled anew for each shape."""
    return candidate.framework.name == "jax" or hasattr(candidate.fn, "_torchdynamo_orig_callable")


def shape_of(case: Case) -> tuple[int, ...]:
    """The shape of the logits, classes last."""
    classes = case["classes"]
    return (*(classes if n == "K" else n for n in case["batch"]), classes)


def setting(case: Case) -> Setting:
    """The part of a case that is no number."""
    return Setting(
        case["layout"], case["cotangent layout"], case["context"], case["history"], case["tau type"]
    )


def feasible(  # noqa: C901, PLR0911  one line for each rule
    case: Case, candidate: Candidate | None = None
) -> bool:
    """Whether the values go together; those of a dimension that is left out are not looked at."""
    get = case.get
    if "classes" in case and "batch" in case and not _fits(case, candidate):
        return False
    if get("batch") in {(), (1,)} and get("logits") == "a row far above":
        return False
    if get("classes") == 1 and get("logits") in {"two tied at the top", "a class of 1e-6", "masked"}:
        return False
    if get("tau type") == "int" and (get("tau", 1.0) % 1 or get("tau") == np.inf):
        return False
    if get("hard cotangent") == get("soft cotangent") == "missing":
        return False
    if get("dtype") == "float16" and "1e" in f"{get('hard cotangent')} {get('soft cotangent')}":
        return False  # out of its range
    ungraded = get("context") in {"no grad", "frozen logits"}
    if ungraded and get("history") in SPACE["history"][3:]:
        return False
    if get("history") == "logits written to" and get("layout") not in {None, "contiguous", "strided"}:
        return False
    if get("logits") == "masked" and get("tau") == np.inf:
        return False  # −∞/∞
    if "expanded" in {get("layout"), get("cotangent layout")} and _rowwise(case):
        return False
    return _room(case)


def _rowwise(case: Case) -> bool:
    """Whether something is in one row only, which cannot be expanded over the rows."""
    one = case.get("logits") == "a row far above" and case.get("layout") == "expanded"
    return one or (case.get("hard cotangent") == "in one row" and case.get("cotangent layout") == "expanded")


def _fits(case: Case, candidate: Candidate | None) -> bool:
    """Whether a shape is small enough, or one of the few that a compiling framework is given."""
    shape, dtype = shape_of(case), case.get("dtype", "float32")
    if candidate is not None and compiles(candidate):
        known = (case["classes"], case["batch"]) in FEW_SHAPES or candidate.convention.classes is not None
        usual = shape == (64, candidate.classes)
        return known and (usual or (dtype[-2:] != "16" and case.get("context") != "jitted"))
    return float(np.prod(shape, dtype=float)) <= LARGEST


def _room(case: Case) -> bool:
    """Whether the class axis is among the axes."""
    if "axis" not in case or "batch" not in case:
        return True
    axis, axes = case["axis"], len(case["batch"]) + 1
    return bool(-axes <= axis < axes)
