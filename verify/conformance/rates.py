"""The chance that a correct implementation fails, of every check that draws samples: the one ledger."""

__all__ = ["FALSE_ALARM", "MISS", "family_wise", "level"]

#: By check, an upper bound. Those that test a fit or an independence divide
#: theirs among their tests, by :func:`level`. The others fail only where a
#: sample shows what independent draws show less often than that: for
#: ``freshness`` 64 equal rows of two classes at least; for ``expectation``, and for ``order`` at each
#: of its levels, a class that is missing from as many draws
#: as :func:`verify.candidate.expected_gradient.certain` says.
FALSE_ALARM = {
    "sampler": 1e-7,
    "row-correlation": 1e-7,
    "freshness": 1e-18,
    "expectation": 1e-13,
    "order": 1e-18,
    "float32": 1e-8,
    "float16": 1e-8,
    "bfloat16": 1e-8,
}

#: By how much the true rate of a test may be above that of χ²: it has that
#: distribution in the limit of many draws only. Importance sampling of the far
#: tail puts the likelihood ratio's rate at 1.4 times its level at most, at all
#: counts that occur here (Pearson's sum of squares would come to 20 times).
INEXACT = 2

#: Rate at which a deviation of the size that a check states is missed.
MISS = 1e-6


def level(check: str, tests: int) -> float:
    """The nominal level of each of a check's tests, so that all of them keep to the ledger.

    Parameters
    ----------
    check : str
    tests : int
        How many the check makes.

    Examples
    --------
    >>> level("sampler", 10) <= FALSE_ALARM["sampler"] / 10
    True
    """
    return FALSE_ALARM[check] / INEXACT / tests


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
