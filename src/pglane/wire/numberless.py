# ruff: noqa: F821 -- the scratch is declared in the .pxd
# cython: boundscheck=False, wraparound=False
"""A text with its numbers made equal: `... WHERE id = 4711` and `... WHERE id = 12` become one.

Clients that put values into their texts send a new text every time; the verdict of the scanner
does not depend on what a number is, so such texts can share one entry of its cache. That is only
done where no reading is needed to tell a number: texts with a quote, a backslash, a dollar, a
comment, or a byte above 127 are left alone, and a digit counts as a number's only where nothing
that could be part of a name stands before it.
"""

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

NUMBER_MARK = 0
"""A byte that no text has: it ends one."""
_NUMBER_MARK: int = NUMBER_MARK  # compiled, a C integer
TEXT_BYTES_MAX = 4096
"""Longer texts are left alone: to copy them would cost what a scan saves."""

_OTHER = 0
_NAME = 1
_DIGIT = 2
_STOP = 3
_DASH = 4
_NUMBER = 5

_CLASSES = bytes(
    _STOP
    if byte > 127 or byte == 0 or chr(byte) in "'\"\\$/"
    else _DIGIT
    if chr(byte).isdigit()
    else _NAME
    if chr(byte).isalpha() or chr(byte) in "_."
    else _DASH
    if chr(byte) == "-"
    else _OTHER
    for byte in range(256)
)


def numberless(text: bytes) -> bytes | None:
    """`text` with a mark for every number; None where those cannot be told without reading it."""
    size = len(text)
    if size > TEXT_BYTES_MAX:
        return None
    # To allocate one would double what a short text costs.
    result = _scratch if cython.compiled else bytearray(size)  # type: ignore[name-defined]
    classes = _CLASSES
    kept = 0
    before = _OTHER
    for at in range(size):
        byte = text[at]
        kind = classes[byte]
        if kind == _STOP or (kind == _DASH and before == _DASH):
            return None
        if kind == _DIGIT:
            if before == _NUMBER:
                continue
            if before == _NAME:
                kind = _NAME
            else:
                kind = _NUMBER
                byte = _NUMBER_MARK
        result[kept] = byte
        kept += 1
        before = kind
    return result[:kept] if cython.compiled else bytes(result[:kept])  # type: ignore[return-value]
