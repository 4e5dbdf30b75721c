# ruff: noqa: F821 -- the C names are declared in the .pxd
"""What SCRAM-SHA-256 does with its keys of 32 bytes: hash, HMAC, mix, compare, write.

A gateway sees the same few keys with every connection of an application, so what an HMAC's key
makes of it is computed once, and each message goes on from a copy.

All of this is the standard library's; compiled, a login does it without the objects and calls
around it, which were half of its last step but for SHA-256 itself. The loops here are then C, and
SHA-256 is that of the OpenSSL that `hashlib` has loaded, by its three plain functions. Where that
is not found (it has another name, or is linked into Python), or does not hash as `hashlib` does,
`hashlib` hashes.

Source: RFC 5802 section 3, FIPS 180-4, RFC 2104, RFC 4648 section 4; OpenSSL manual,
SHA256_Init(3).
"""

from binascii import Error as BinasciiError, a2b_base64, b2a_base64
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

if TYPE_CHECKING:
    from hashlib import _Hash

KEY_BYTES: Final = 32
BLOCK_BYTES: Final = 64
"""Of SHA-256; a longer key of an HMAC would be hashed first."""
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_NOTHING_HASHED: Final = sha256()
"""A copy of it costs less than one that looks for its algorithm."""
_DIGITS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_DIGIT: Final = 64

if cython.compiled:
    for _at in range(256):
        _values[_at] = _NO_DIGIT  # type: ignore[name-defined]
    for _at in range(64):
        _digits[_at] = _DIGITS[_at]  # type: ignore[name-defined]
        _values[_DIGITS[_at]] = _at  # type: ignore[name-defined]


def hash_directly(wanted: bool) -> bool:
    """Hashes without `hashlib` from now on, or with it; whether it is without."""
    global _direct  # noqa: PLW0603 -- found out once, when this is imported
    if cython.compiled:
        _direct = wanted and c_find() and c_hash(b"abc", 3) == sha256(b"abc").digest()  # type: ignore[name-defined]
    return _direct


def hash_of(data: bytes) -> bytes:
    """The 32 bytes of SHA-256."""
    if cython.compiled and _direct:
        return c_hash(data, len(data))  # type: ignore[name-defined,no-any-return]
    hashed = _NOTHING_HASHED.copy()
    hashed.update(data)
    return hashed.digest()


class KeyedHash:
    """HMAC-SHA-256 with one key.

    Raises:
        ValueError: the key has more than `BLOCK_BYTES`.
    """

    __slots__ = ("_inner", "_inner_state", "_outer", "_outer_state")

    def __init__(self, key: bytes) -> None:
        if len(key) > BLOCK_BYTES:
            raise ValueError(f"a key of {len(key)} bytes, at most {BLOCK_BYTES} are possible")
        block = key.ljust(BLOCK_BYTES, b"\0")
        inner, outer = block.translate(_INNER_PAD), block.translate(_OUTER_PAD)
        self._inner: _Hash = sha256(inner)
        self._outer: _Hash = sha256(outer)
        self._inner_state = b""
        self._outer_state = b""
        if cython.compiled and _direct:
            self._inner_state = c_state(inner, len(inner))  # type: ignore[name-defined]
            self._outer_state = c_state(outer, len(outer))  # type: ignore[name-defined]

    def of(self, message: bytes) -> bytes:
        """The 32 bytes of `message`."""
        if cython.compiled and self._inner_state:
            return c_keyed(self._inner_state, self._outer_state, message, len(message))  # type: ignore[name-defined,no-any-return]
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


def mix(left: bytes, right: bytes) -> bytes:
    """The bits in which two keys differ."""
    mixed = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return mixed.to_bytes(KEY_BYTES, "big")


def proven_key(stored_key: KeyedHash, stored: bytes, signed: bytes, proof: bytes) -> bytes:
    """The client's key behind a proof; b"" if its hash is not `stored`.

    How long that takes does not depend on the keys.

    Args:
        stored_key: what an HMAC begins with whose key is `stored`.
        stored: 32 bytes.
        signed: the message that the proof is made for.
        proof: 32 bytes.
    """
    if cython.compiled and stored_key._inner_state and len(stored) == 32 == len(proof):
        return c_proven(  # type: ignore[name-defined,no-any-return]
            stored_key._inner_state, stored_key._outer_state, stored, signed, len(signed), proof
        )
    key = mix(proof, stored_key.of(signed))
    return key if compare_digest(hash_of(key), stored) else b""


def from_base64(text: bytes, begin: int = 0) -> bytes | None:
    """What is written from `begin` on; None: it is not base64."""
    if cython.compiled and len(text) - begin == 44 and text[begin + 43] == 0x3D:
        seen = word = 0
        for at in range(43):
            value = _values[text[begin + at]]  # type: ignore[name-defined]
            seen |= value
            word = word << 6 | value
            of_four = at & 3
            if of_four:
                _key[(at >> 2) * 3 + of_four - 1] = word >> (6 - 2 * of_four) & 0xFF  # type: ignore[name-defined]
        if seen < _NO_DIGIT:
            return _key[:32]  # type: ignore[name-defined,no-any-return]
    try:
        return a2b_base64(text[begin:], strict_mode=True)
    except BinasciiError:
        return None


def to_base64(key: bytes) -> bytes:
    """The 44 characters of a key."""
    if cython.compiled:
        for at in range(43):
            first = at * 6 >> 3
            pair = key[first] << 8 | (key[first + 1] if first < 31 else 0)
            _text[at] = _digits[pair >> (10 - (at * 6 & 7)) & 63]  # type: ignore[name-defined]
        _text[43] = 0x3D  # type: ignore[name-defined]
        return _text[:44]  # type: ignore[name-defined,no-any-return]
    return b2a_base64(key, newline=False)


_direct: bool = False
hash_directly(True)
