"""From the name of an implementation on the command line to the implementation."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["load_target"]


def load_target(target: str) -> Any:
    """Import ``package.module:attribute`` or ``path/to/file.py:attribute``.

    Parameters
    ----------
    target : str
        The attribute may be dotted.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        Where the target has another form.
    ModuleNotFoundError, FileNotFoundError, AttributeError
        Where the module, the file or the attribute is not there.
    """
    home, colon, attribute = target.rpartition(":")
    if not colon or not home or not attribute:
        raise ValueError(
            f"target is {target!r}; expected package.module:attribute or path/to/file.py:attribute"
        )
    module = _from_file(Path(home)) if home.endswith(".py") else _from_name(home)
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            public = ", ".join(n for n in dir(found) if not n.startswith("_"))
            raise AttributeError(f"{home} has no {attribute!r}; it has {public}")
        found = getattr(found, name)
    return found


def _from_name(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # a console script does not look in the current directory by itself
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ModuleNotFoundError(
            f"there is no module {name!r}; install it here, or give the file: path/to/file.py:attribute"
        ) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; expected path/to/file.py:attribute")
    sys.path.insert(0, str(path.parent.resolve()))  # the file may import its neighbours
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  (the name ends in .py)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
