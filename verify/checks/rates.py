"""The chance that a correct implementation fails, of every check that draws samples: the one ledger."""

__all__ = ["CERTAIN", "FALSE_ALARM", "MISS", "family_wise"]

#: By check. The chi-square tests use theirs as a level. The others fail only
#: where a sample shows what independent draws show less often than that:
#: for ``freshness`` 256 equal rows, for ``expectation`` and ``order`` a class
#: of probability above 0.07 that is missing from 512 draws, at ten levels.
FALSE_ALARM = {
    "sampler": 1e-8,
    "row-correlation": 1e-8,
    "freshness": 1e-30,
    "expectation": 1e-16,
    "order": 1e-20,
}

#: Rate at which a deviation of the size that a check states is missed.
MISS = 1e-6

#: Draws of one row in which a check counts on seeing every class.
CERTAIN = 512


def family_wise() -> float:
    """The chance that a correct implementation fails any check of one run.

    Returns
    -------
    float
        At most 1e-6, by the sum over the ledger.

    Examples
    --------
    >>> family_wise() <= 1e-6
    True
    """
    return sum(FALSE_ALARM.values())
