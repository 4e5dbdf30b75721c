"""The version of the package, and whether it was compiled: the console and the command line tell.

A module is compiled when it has types (`.pxd`) and an extension beside it. The files are looked
at, nothing is imported, so asking costs no start-up time.
"""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

VERSION = "0.1.0"


def compiled() -> bool:
    """False when at least one hot module has no extension: pglane then works, slower."""
    hot = list(Path(__file__).parent.rglob("*.pxd"))
    return bool(hot) and all(
        any(typed.with_name(typed.stem + suffix).exists() for suffix in EXTENSION_SUFFIXES)
        for typed in hot
    )
