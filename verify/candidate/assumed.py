"""What is assumed where the caller says nothing; equal to a caller's own words, and still told from them."""

__all__ = ["RETURNS", "TAU", "AssumedName", "AssumedNames"]


class AssumedName(str):
    """A name that the caller did not say.

    Examples
    --------
    >>> TAU == "tau", isinstance("tau", AssumedName)
    (True, False)
    """

    __slots__ = ()


class AssumedNames(tuple[str, ...]):
    """Names that the caller did not say."""

    __slots__ = ()


#: The temperature: usual names are tried as well, and there may be none.
TAU: str = AssumedName("tau")

#: The parts of a result: they are told from each other by what they look like.
RETURNS: tuple[str, ...] = AssumedNames(("hard", "soft"))
