"""``python -m verify``, the same as ``reinmax-verify``."""

from verify.cli import main

raise SystemExit(main())
