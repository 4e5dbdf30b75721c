"""Stands in for the `cython` module where it is not installed: nothing is compiled then."""

from typing import Any

compiled = False


def cast(kind: str, value: Any) -> Any:
    """The same; compiled, nobody looks whether it is of that kind."""
    del kind
    return value
