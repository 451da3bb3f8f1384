"""Which framework an implementation uses: what its code names first, then its module."""

import functools
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

__all__ = ["FRAMEWORKS", "detect"]

FRAMEWORKS = ("numpy", "torch", "jax")

DEPTH = 5


def detect(fn: Any) -> str:
    """The framework that a callable uses; NumPy where it uses no other.

    Parameters
    ----------
    fn : callable

    Returns
    -------
    str
        One of :data:`FRAMEWORKS`.

    Raises
    ------
    ValueError
        Where it uses more than one.

    Examples
    --------
    >>> from reinmax_ref import reinmax
    >>> detect(reinmax)
    'numpy'
    """
    fn = _innermost(fn)
    owner = fn if hasattr(fn, "__module__") else type(fn)
    for roots in (set(_code_roots(fn, DEPTH)), _module_roots(owner)):
        found = [name for name in FRAMEWORKS[1:] if name in roots]
        if len(found) > 1:
            raise ValueError(
                f"{getattr(owner, '__module__', owner)} uses {' and '.join(found)}: say which with "
                "framework=... or --framework"
            )
        if found or "numpy" in roots:
            return found[0] if found else "numpy"
    return "numpy"


def _innermost(fn: Any) -> Any:
    """Strip partial, and wrappers that keep what they wrap."""
    if isinstance(fn, functools.partial):
        return _innermost(fn.func)
    if _root(type(fn)) in FRAMEWORKS and not isinstance(fn, type):
        return fn  # a jitted function or a compiled module says it itself
    return inspect.unwrap(fn) if callable(fn) else fn


def _root(value: Any) -> str:
    name = getattr(value, "__name__" if hasattr(value, "__path__") else "__module__", None)
    root = str(name or "").partition(".")[0]
    return "jax" if root == "jaxlib" else root


def _code_roots(value: Any, depth: int) -> Iterator[str]:
    """The packages of everything that a callable names, through the functions it calls."""
    if inspect.ismodule(value):
        yield value.__name__.partition(".")[0]
    elif isinstance(value, FunctionType):
        yield from _function_roots(value, depth)
    else:
        yield from _class_roots(value, value if isinstance(value, type) else type(value), depth)


def _class_roots(value: Any, kind: type, depth: int) -> Iterator[str]:
    own = [base for base in kind.__mro__ if base is not object]
    roots = [_root(item) for item in [value, *own]]
    yield from roots
    if depth and not any(root in FRAMEWORKS for root in roots):
        for member in [member for base in own for member in vars(base).values()]:
            if isinstance(member, FunctionType):
                yield from _code_roots(member, depth - 1)


def _function_roots(function: FunctionType, depth: int) -> Iterator[str]:
    yield _root(function)
    if not depth or _root(function) in FRAMEWORKS:
        return
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield from _code_roots(function.__globals__[name], depth - 1)
    for cell in function.__closure__ or ():
        yield from _cell_roots(cell, depth - 1)


def _cell_roots(cell: Any, depth: int) -> Iterator[str]:
    try:
        content = cell.cell_contents
    except ValueError:  # not filled yet
        return
    if callable(content) or inspect.ismodule(content):
        yield from _code_roots(content, depth)


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return {*code.co_names}.union(*map(_names, inner))


def _module_roots(owner: Any) -> set[str]:
    module = sys.modules.get(getattr(owner, "__module__", None) or "")
    values = [*vars(module).values()] if module else []
    bases = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
    return {_root(value) for value in [owner, *values, *bases]}
