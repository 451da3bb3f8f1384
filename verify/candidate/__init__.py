"""Any foreign implementation, in NumPy, PyTorch or JAX, as one observed form."""

from verify.candidate.candidate import Candidate

__all__ = ["Candidate"]
