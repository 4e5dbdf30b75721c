# ruff: noqa: F821 -- the C name is declared in the .pxd
"""A few bytes put together as one.

`+` asks each part for a buffer, by way of what it calls for numbers, and makes an object for each
step; a login puts bytes together a dozen times, each time with the processor's caches cold.
"""

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython


def joined(
    first: bytes, second: bytes, third: bytes = b"", fourth: bytes = b"", fifth: bytes = b""
) -> bytes:
    """All of them, one behind the other.

    Raises:
        TypeError: one of them is not `bytes`.
    """
    if cython.compiled:
        return c_joined(first, second, third, fourth, fifth)  # type: ignore[name-defined,no-any-return]
    return b"".join((first, second, third, fourth, fifth))
