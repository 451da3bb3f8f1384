"""The kill matrix: which check finds which planted fault, printed by ``python -m tests.mutants``."""

import sys

from tests.mutants import self_test


def main() -> int:
    """Print the matrix; the exit status is 1 where a fault survives or a right implementation fails."""
    found = self_test()
    print(found.to_text())  # noqa: T201
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
