# analysis/machine.py - numpy and matplotlib are there, or one line says how to get them.

import sys

from inputs.errors import ENVIRONMENT

sys.dont_write_bytecode = True

try:
    import matplotlib
    import numpy  # noqa: F401
except ImportError as fault:
    print(f"analysis: {fault} ({sys.executable}); run launch/setup and use /usr/bin/python3, or give this Python "
          "numpy and matplotlib", file=sys.stderr)
    raise SystemExit(ENVIRONMENT) from None

matplotlib.use("agg")  # no display is needed
