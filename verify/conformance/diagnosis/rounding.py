"""Whether the gradient has only the digits of a short dtype."""

import numpy as np

from verify.conformance.diagnosis.evidence import Columns
from verify.conformance.inputs import representable

__all__ = ["describe_rounding"]


def describe_rounding(all_columns: list[Columns]) -> str | None:
    """Say which short dtype holds every number of the gradient, where one does.

    Parameters
    ----------
    all_columns : list of Columns
        Of cotangents of size 1.

    Returns
    -------
    str or None
    """
    found = np.concatenate([columns.gradient.ravel() for columns in all_columns])
    for dtype in ("bfloat16", "float16"):
        if found.any() and np.array_equal(representable(found, dtype), found):
            return (
                f"Every number of the gradient is one of {dtype}: it is computed in that dtype inside, "
                "whatever the dtype of the logits. Compute in that of the logits, or in float32 at least."
            )
    return None
