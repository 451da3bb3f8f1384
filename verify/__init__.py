"""The laboratory: exact gradients, proofs, and a verdict on anybody's implementation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from verify import objectives
from verify.moments import moments
from verify.order import order

if TYPE_CHECKING:
    from verify.comparison import compare
    from verify.conformance import check
    from verify.proofs import prove, theorems
    from verify.pytest_plugin import parametrize  # noqa: F401  (not in __all__: it needs pytest)

__all__ = ["check", "compare", "moments", "objectives", "order", "prove", "theorems"]

#: Loaded when first asked for, because SciPy's statistics and SymPy take a second,
#: and every worker process imports this package. No name here is also a module's.
_LATER = {
    "check": "verify.conformance",
    "compare": "verify.comparison",
    "parametrize": "verify.pytest_plugin",
    "prove": "verify.proofs",
    "theorems": "verify.proofs",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'verify' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_LATER[name]), name)
