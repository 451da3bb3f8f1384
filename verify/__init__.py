"""The laboratory: exact gradients, proofs, and a verdict on anybody's implementation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify import objectives
    from verify.candidate import wrap
    from verify.conformance import check
    from verify.conformance.against.identify import identify
    from verify.lab.compare import compare
    from verify.lab.moments import moments
    from verify.lab.order import order
    from verify.pytest_plugin import parametrize
    from verify.symbolic.theorems import prove, theorems

__all__ = [
    "check",
    "compare",
    "identify",
    "moments",
    "objectives",
    "order",
    "parametrize",
    "prove",
    "theorems",
    "wrap",
]

#: Where each promised name lives. They are loaded when first asked for: worker
#: processes and the pytest plugin import this package, and need few of them.
_HOMES = {
    "check": "verify.conformance",
    "compare": "verify.lab.compare",
    "identify": "verify.conformance.against.identify",
    "moments": "verify.lab.moments",
    "order": "verify.lab.order",
    "parametrize": "verify.pytest_plugin",
    "prove": "verify.symbolic.theorems",
    "theorems": "verify.symbolic.theorems",
    "wrap": "verify.candidate",
}


def __getattr__(name: str) -> Any:
    if name == "objectives":
        return import_module("verify.objectives")
    if name not in _HOMES:
        raise AttributeError(f"module 'verify' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
