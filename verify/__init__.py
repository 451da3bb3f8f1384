"""The laboratory: exact gradients, proofs, and a verdict on anybody's implementation."""

from verify import objectives
from verify.conformance import check
from verify.theorems import prove, theorems

__all__ = ["check", "objectives", "prove", "theorems"]
