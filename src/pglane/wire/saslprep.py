"""SASLprep (RFC 4013) as PostgreSQL applies it to passwords.

Server and drivers must prepare a password alike or its owner cannot log in, so PostgreSQL's
deviations are kept: plain ASCII is taken as it is, control characters included; what is not UTF-8,
or must not occur, is used raw instead of refused; prohibited characters and the two rules for
right-to-left text are looked for in the mapped text, before its normalisation.

Source: RFC 3454, RFC 4013, and the behaviour of PostgreSQL 15 and 18.
"""

import stringprep
import unicodedata
from collections.abc import Callable

_PROHIBITED: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(password: bytes) -> bytes:
    """The bytes that are hashed instead of `password`."""
    if password.isascii():
        return password
    try:
        text = password.decode("utf-8")
    except UnicodeDecodeError:
        return password
    mapped = "".join(map(_mapped, text))
    if not mapped or _is_prohibited(mapped) or _is_mixed_direction(mapped):
        return password
    return unicodedata.normalize("NFKC", mapped).encode("utf-8")


def _mapped(character: str) -> str:
    if stringprep.in_table_c12(character):
        return " "
    return "" if stringprep.in_table_b1(character) else character


def _is_prohibited(text: str) -> bool:
    return any(table(character) for character in text for table in _PROHIBITED)


def _is_mixed_direction(text: str) -> bool:
    """Right-to-left text must begin and end so and hold no left-to-right letters."""
    right_to_left = [stringprep.in_table_d1(character) for character in text]
    if not any(right_to_left):
        return False
    ends_differ = not (right_to_left[0] and right_to_left[-1])
    return ends_differ or any(map(stringprep.in_table_d2, text))
