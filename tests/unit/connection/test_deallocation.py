"""Names in DEALLOCATE."""

import pytest

from pglane.connection.deallocation import deallocated_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"DEALLOCATE a", b"a"),
        (b" deallocate /* x */ MixedCase -- y", b"mixedcase"),
        (b'DEALLOCATE "Mixed""Case"', b'Mixed"Case'),
        (b"DEALLOCATE PREPARE a;", b"a"),
        (b'DEALLOCATE PREPARE "A"', b"A"),
        (b"DEALLOCATE prepare", b"prepare"),
        (b"DEALLOCATE prepare ;", b"prepare"),
        (b"DEALLOCATE prepare prepare", b"prepare"),
        (b'DEALLOCATE "prepare"', b"prepare"),
        (b'DEALLOCATE "all"', b"all"),
        (b"DEALLOCATE ALL", b""),
        (b"DEALLOCATE PREPARE all", b""),
        (b'DEALLOCATE U&"a"', b""),
        (b"DEALLOCATE 'a'", b""),
        (b"DEALLOCATE", b""),
        (b"", b""),
        (b"DEALLOCATE " + b"n" * 63, b"n" * 63),
        (b"DEALLOCATE " + b"n" * 64, b""),
    ],
)
def test_names_are_folded_as_postgresql_does(text: bytes, name: bytes) -> None:
    assert deallocated_name(text) == name
