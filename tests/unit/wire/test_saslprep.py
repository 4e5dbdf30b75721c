"""Expected values of the first table are RFC 4013's; `test_scram_with_a_server` asks PostgreSQL."""

import pytest

from pglane.wire.saslprep import saslprep


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("user", "user"),
        ("I\u00adX", "IX"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u212b", "\u00e5".upper()),
        ("\u0627\u0628", "\u0627\u0628"),
    ],
)
def test_passwords_are_prepared(password: str, prepared: str) -> None:
    assert saslprep(password.encode()) == prepared.encode()


@pytest.mark.parametrize(
    "password",
    [
        "",
        "a\x07b",
        "\u00e4\x07",
        "\u00ad",
        "\u0627\u0031",
        "\u0627a\u0628",
        "\ue000",
        "\U0001f512",
        "a\u200eb",
    ],
)
def test_what_must_not_be_prepared_is_used_raw(password: str) -> None:
    assert saslprep(password.encode()) == password.encode()


@pytest.mark.parametrize("password", [b"\xe4", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_what_is_not_utf8_is_used_raw(password: bytes) -> None:
    assert saslprep(password) == password
