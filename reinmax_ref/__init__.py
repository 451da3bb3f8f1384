"""The reference for the ReinMax gradient estimator, in NumPy.

The adapters :mod:`reinmax_ref.torch` and :mod:`reinmax_ref.jax` are imported by
name; nothing here loads a framework.
"""

from reinmax_ref.draw import Draw
from reinmax_ref.estimators.reinmax import reinmax
from reinmax_ref.estimators.straight_through import straight_through

__version__ = "0.1.0"

__all__ = ["Draw", "__version__", "reinmax", "straight_through"]
