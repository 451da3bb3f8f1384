"""Where the commands print and write: the one place with side effects on the terminal."""

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

__all__ = ["UNUSABLE", "output_file", "picture_file", "refuse", "show", "show_rich", "told", "write_json"]

PICTURES = (".png", ".svg", ".pdf")

#: Exit status of a command or a target that cannot be used.
UNUSABLE = 2


def show(text: str) -> None:
    """Print a result."""
    print(text, flush=True)  # noqa: T201


def show_rich(content: RenderableType) -> None:
    """Print what rich lays out, in colour on a terminal and plain in a pipe."""
    Console(highlight=False).print(content)


def refuse(reason: object) -> int:
    """Say on standard error why a command cannot go on, and give the exit status."""
    print(f"reinmax-verify: {reason}", file=sys.stderr)  # noqa: T201
    return UNUSABLE


def told(error: BaseException, target: str = "") -> str:
    """What an exception says of a target; its kind too, unless it is one that this package words itself.

    Examples
    --------
    >>> told(ValueError("say axis=1"))
    'say axis=1'
    >>> told(ZeroDivisionError("division by zero"), "mine.py:op")
    'mine.py:op: ZeroDivisionError: division by zero'
    """
    own = isinstance(error, ValueError | TypeError | ImportError | FileNotFoundError | AttributeError)
    words = str(error) if own and str(error) else f"{type(error).__name__}: {error}"
    return words if not target or words.startswith(f"{target}: ") else f"{target}: {words}"


def output_file(text: str) -> Path:
    """A path of the command line that can be written to, found out before anything is computed.

    Raises
    ------
    argparse.ArgumentTypeError
        Where it cannot.
    """
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; expected a file to write")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r} to write {path.name!r} in")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: permission denied")
    return path


def picture_file(text: str) -> Path:
    """A path that a picture can be written to, see :func:`output_file`."""
    if Path(text).suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} is no picture; expected a name in {', '.join(PICTURES)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise argparse.ArgumentTypeError(
            "a picture needs matplotlib; install it with: python -m pip install matplotlib"
        )
    return output_file(text)


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON; a number that is not finite is refused, JSON has none."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
