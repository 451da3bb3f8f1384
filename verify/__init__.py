"""The laboratory: exact gradients, and a verdict on anybody's implementation."""

from verify import objectives
from verify.conformance import check

__all__ = ["check", "objectives"]
