"""The tester tested: planted faults, each of which the checks must find and the diagnosis name."""

from tests.mutants.catalogue import Mutant, catalogue, styles
from tests.mutants.selftest import Kill, SelfTest, self_test

__all__ = ["Kill", "Mutant", "SelfTest", "catalogue", "self_test", "styles"]
