"""What a good implementation also takes; a failure here is a warning."""

import numpy as np

from verify.candidate import Candidate
from verify.checks.comparison import compare, summarize
from verify.frameworks import Array
from verify.report import Outcome

__all__ = ["check_non_contiguous"]


def _strided(array: Array) -> Array:
    """The same numbers with the last two axes swapped in memory."""
    return np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)


def check_non_contiguous(candidate: Candidate, rng: np.random.Generator) -> Outcome:
    """Logits that are a transposed view of something, as they often are in a model."""
    return summarize(
        [compare(candidate, rng, (3, 4), 1.0, layout=_strided)], "the gradient of strided logits"
    )
