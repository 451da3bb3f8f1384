"""The bias laboratory: sweeps over estimators, objectives, shapes, temperatures and scales, to records."""

from verify.bias.grid import TAUS, Grid
from verify.bias.records import Record
from verify.bias.sweeps import resume, run, sweep

__all__ = ["TAUS", "Grid", "Record", "resume", "run", "sweep"]
