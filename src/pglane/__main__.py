"""`python -m pglane`: the same as the command `pglane`."""

import sys

from pglane.cli import main

if __name__ == "__main__":
    sys.exit(main())
