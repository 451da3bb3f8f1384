"""From the name of an implementation on the command line to the implementation."""

import importlib
import importlib.util
import sys
import traceback
from difflib import get_close_matches
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
    ImportError
        Where importing it raises; the message says where.
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
            raise AttributeError(f"{home} has no {attribute!r}; {_offered(found, name)}")
        found = getattr(found, name)
    return found


def _offered(owner: Any, name: str) -> str:
    """What there is to call, the like of a name first."""
    public = [n for n in dir(owner) if not n.startswith("_") and callable(getattr(owner, n, None))]
    near = get_close_matches(name, public) or public
    return f"it has {', '.join(near)}" if near else "it has nothing to call"


def _from_name(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # a console script does not look in the current directory by itself
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _unimportable(name, error) from error
        raise ModuleNotFoundError(
            f"there is no module {name!r}; install it here, or give the file: path/to/file.py:attribute"
        ) from error
    except (Exception, SystemExit) as error:
        raise _unimportable(name, error) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; expected path/to/file.py:attribute")
    names = [name for name in (path.stem, f"target_{path.stem}") if name in sys.modules]
    for loaded in [sys.modules[name] for name in names]:
        if getattr(loaded, "__file__", None) == str(path.resolve()):
            return loaded  # twice it would hold two of each of its classes
    sys.path.insert(0, str(path.parent.resolve()))  # the file may import its neighbours
    name = f"target_{path.stem}" if names else path.stem
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  (the name ends in .py)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _unimportable(str(path), error) from error
    return module


def _unimportable(home: str, error: BaseException) -> ImportError:
    """Where an import ended, and in what."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{last.filename}, line {last.lineno}"
    if isinstance(error, SyntaxError):
        place = f"{error.filename}, line {error.lineno}"
    return ImportError(f"{home} cannot be imported: {place}: {type(error).__name__}: {error}")
