"""Where the commands print and write: the one place with side effects on the terminal."""

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["UNUSABLE", "refuse", "show", "told", "write_json"]

#: Exit status of a command or a target that cannot be used.
UNUSABLE = 2


def show(text: str) -> None:
    """Print a result."""
    print(text, flush=True)  # noqa: T201


def refuse(reason: object) -> int:
    """Say on standard error why a command cannot go on, and give the exit status."""
    print(f"reinmax-verify: {reason}", file=sys.stderr)  # noqa: T201
    return UNUSABLE


def told(error: BaseException) -> str:
    """What an exception says; its kind too, unless it is one that this package words itself.

    Examples
    --------
    >>> told(ValueError("say axis=1"))
    'say axis=1'
    >>> told(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    own = isinstance(error, ValueError | TypeError | ModuleNotFoundError | FileNotFoundError | AttributeError)
    return str(error) if own and str(error) else f"{type(error).__name__}: {error}"


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON; a number that is not finite is refused, JSON has none."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
