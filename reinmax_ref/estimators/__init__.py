"""The estimators, one a file: the file, its function and the name users type are the same word.

Each file states the equation, its source, what it needs (``NEEDS``) and what is
known of its bias. :func:`names` lists them; none is imported before it is used.
"""

from pkgutil import iter_modules

__all__ = ["names"]


def names() -> list[str]:
    """List the estimators in alphabetical order.

    Examples
    --------
    >>> "reinmax" in names()
    True
    """
    return sorted(module.name for module in iter_modules(__path__))
