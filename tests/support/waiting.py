"""Waiting for a condition with a deadline: the only way tests wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.02


def eventually(condition: Callable[[], T], within_s: float = 10.0, what: str = "") -> T:
    """Looks at `condition` until it is true and gives its value back.

    Args:
        condition: what must become true; anything it raises goes through at once.
        within_s: deadline in seconds.
        what: words for the failure.

    Raises:
        AssertionError: it was still false at the deadline.
    """
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            wanted = what or getattr(condition, "__doc__", None) or repr(condition)
            raise AssertionError(f"not within {within_s} s: {wanted}; last seen {value!r}")
        time.sleep(LOOK_EVERY_S)


def always(condition: Callable[[], T], for_s: float, what: str = "") -> None:
    """Looks at `condition` for `for_s` seconds; it must be true at each look.

    Raises:
        AssertionError: it was false once.
    """
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        value = condition()
        assert value, f"{what or condition!r} did not hold: {value!r}"
        time.sleep(LOOK_EVERY_S)
