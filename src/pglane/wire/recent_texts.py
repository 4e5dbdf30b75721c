# ruff: noqa: F821 -- the C names are declared in the .pxd
# cython: boundscheck=False, wraparound=False
"""What the texts seen lately were found to be, without copying or hashing the next one.

Applications send the same few texts again and again, in the simple protocol with other numbers
in them (`numberless`). A text is looked for where those with the same beginning are kept: first
it is compared as it is with the one that was kept last there, then piece by piece with the last
two patterns, where a number in the text matches the mark of one. That makes no object; the slice,
its numberless copy and two look-ups in dictionaries cost ten times as much.

Nothing depends on it: what is not found here is found the other way, or read.
"""

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

from pglane.wire.numberless import NUMBER_MARK

PLACES = 512
KEPT_BYTES_MAX = 1024
"""Longer texts are rare, and the time to look them up is nothing beside that to run them."""
PREFIX_BYTES = 24
"""How much of the beginning says where a text is kept; it ends before the first digit."""

# Compiled, these are C integers that Python code cannot see.
_PLACES: int = PLACES
_KEPT_BYTES_MAX: int = KEPT_BYTES_MAX
_PREFIX_BYTES: int = PREFIX_BYTES
_NUMBER_MARK: int = NUMBER_MARK


class RecentTexts:
    """A text and two patterns for each of `PLACES` hashes of a beginning, each with what it is."""

    __slots__ = ("_found", "_kept")

    def __init__(self) -> None:
        self._kept: list[bytes | None] = [None] * (3 * PLACES)
        self._found: list[object] = [None] * (3 * PLACES)

    def find(self, data: bytes, begin: int, end: int) -> object:
        """What was kept for a text that matches this part of `data`; None: nothing."""
        if end - begin > _KEPT_BYTES_MAX:
            return None
        at = 3 * _place(data, begin, end)
        text = self._kept[at]
        size = end - begin
        if text is not None and len(text) == size and is_at(text, 0, size, data, begin):
            return self._found[at]
        for pattern_at in range(at + 1, at + 3):
            pieces = self._kept[pattern_at]
            if pieces is not None and _matches(pieces, data, begin, end):
                return self._found[pattern_at]
        return None

    def keep_text(self, text: bytes, found: object) -> None:
        """For this very text."""
        if len(text) <= _KEPT_BYTES_MAX:
            at = 3 * _place(text, 0, len(text))
            self._kept[at] = text
            self._found[at] = found

    def keep_pattern(self, pattern: bytes, found: object) -> None:
        """For every text of which `numberless` makes the pattern."""
        if len(pattern) <= _KEPT_BYTES_MAX:
            at = 3 * _place(pattern, 0, len(pattern)) + 1
            self._kept[at + 1] = self._kept[at]
            self._found[at + 1] = self._found[at]
            self._kept[at] = _pieces(pattern)
            self._found[at] = found

    def clear(self) -> None:
        """What was found may not be true any more."""
        for at in range(3 * _PLACES):
            self._kept[at] = None
            self._found[at] = None


def _place(data: bytes, begin: int, end: int) -> int:
    """A hash of the beginning up to the first digit, so that numbers do not matter."""
    end = min(end, begin + _PREFIX_BYTES)
    mixed = 0
    there = data
    at = begin
    if cython.compiled:
        while end - at >= 8:
            word = c_word(there + at)  # type: ignore[name-defined,operator]
            if c_has_number(word):  # type: ignore[name-defined]
                break
            mixed = c_mix(mixed ^ word)  # type: ignore[name-defined]
            at += 8
    while at < end:
        byte = there[at]
        if byte <= 0x39 and (byte >= 0x30 or byte == _NUMBER_MARK):
            break
        mixed = (mixed * 33 + byte) & 0x3FFF_FFFF
        at += 1
    return (mixed ^ (mixed >> 11)) & (_PLACES - 1)


def _pieces(pattern: bytes) -> bytes:
    """What stands between the numbers of a pattern, each behind its length in two bytes."""
    pieces = pattern.split(bytes([NUMBER_MARK]))
    return b"".join([len(piece).to_bytes(2, "big") + piece for piece in pieces])


def _matches(pieces: bytes, data: bytes, begin: int, end: int) -> bool:
    """Whether a text is these pieces with a number between each two.

    All digits of a number are skipped: what follows it in a pattern is no digit.
    """
    there = data
    at = begin
    place = 0
    size = len(pieces)
    while True:
        count = pieces[place] << 8 | pieces[place + 1]
        place += 2
        if at + count > end or not is_at(pieces, place, count, data, at):
            return False
        at += count
        place += count
        if place == size:
            return at == end
        first = at
        while at < end and there[at] >= 0x30 and there[at] <= 0x39:
            at += 1
        if at == first:
            return False


def is_at(kept: bytes, place: int, count: int, data: bytes, at: int) -> bool:
    """Whether `count` bytes of `kept` from `place` on are those of `data` from `at` on."""
    if cython.compiled:
        start = c_bytes(kept)  # type: ignore[name-defined]
        return c_compare(start + place, data + at, count) == 0  # type: ignore[name-defined,no-any-return,operator]
    return kept[place : place + count] == data[at : at + count]
