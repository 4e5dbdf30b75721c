"""Bytes that are held for as long as an object lives, and whoever counts them.

Texts of statements and values of settings belong to several clients at a time, and leave in many
ways. So what holds them has a `Weight`: with the last reference to it its bytes go too.
"""

from collections.abc import Callable

Note = Callable[[int], None]
"""Counts bytes; negative: they are gone."""


class Weight:
    """So many bytes are held while this lives."""

    __slots__ = ("_count", "_note")

    def __init__(self, note: Note, count: int) -> None:
        self._note = note
        self._count = count
        note(count)

    def __del__(self) -> None:
        """Nobody holds them any more."""
        self._note(-self._count)
