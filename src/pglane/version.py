"""The version of the package, and whether it was compiled: the console and the command line tell.

The library is looked for, nothing is imported, so asking costs no start-up time.
"""

from pglane.compiled import library

VERSION = "0.1.0"


def compiled() -> bool:
    """False when the hot modules were not compiled: pglane then works, slower."""
    return library() is not None
