"""`python -m bench` is `python -m bench.end_to_end`."""

import sys

from bench.end_to_end.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
