"""Any foreign implementation, in NumPy, PyTorch or JAX, as one observed form."""

from verify.candidate.candidate import Candidate
from verify.candidate.wrapping import examine, wrap

__all__ = ["Candidate", "examine", "wrap"]
