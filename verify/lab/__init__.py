"""The bias laboratory: sweeps over estimators, objectives, shapes, temperatures and scales, to records."""

from verify.lab.grid import TAUS, Grid
from verify.lab.results import Record
from verify.lab.sweeps import resume, run, sweep

__all__ = ["TAUS", "Grid", "Record", "resume", "run", "sweep"]
