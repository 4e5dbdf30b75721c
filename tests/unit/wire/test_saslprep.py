"""Expected values: RFC 4013's examples, and what PostgreSQL 18 stored for the same passwords."""

from base64 import b64decode

import pytest

from pglane.wire.saslprep import saslprep
from pglane.wire.scram import Verifier

STORED_BY_POSTGRESQL = [
    ("I\xadX", b"GGkXA67vaGkFk9z+vhCNxA==", b"XcWSBRE/H0IrHF1v0+6bVKEnzerdALpA"),
    ("\xaa", b"rWDfGkBsR1/Gvw8LSKyC7A==", b"jJZduD7nxnxvJXRIHO3SJUDlP0fX5pBS"),
    ("\u2168", b"W7VkZubiXWXlJdLmhbJDAw==", b"+P/TW/jVeUBSZ2nmt27zci/02cUJ/34k"),
    ("a\xa0b", b"EkXMuPMwqZemQDaMd2fphg==", b"9bqP3fr8FwY5FB3VWWtNM152CSZ4r8s5"),
    ("\u0627(", b"soCirXTTW8+G9gsrQYvpjg==", b"RY8oiPTc6gqTA+FU8Khmp6HGHEZeIWmw"),
    ("\u06271", b"gnpI2o2iCbXjQH6QthPiFg==", b"eK4xkTWldEV1g9bridqeivoIgO6ZEWcT"),
    (
        "\u0627a\u0628",
        b"5ynAhrVeqUIq8kVBOfONRA==",
        b"MCblOrX54cB5LLnCkcd5tFVF8trgegkn",
    ),
    (
        "\u06271\u0628",
        b"UaVi86/ZLD5fXj+GCodNgA==",
        b"y4RkUeEfPPGCFBV+xBW3X03k5lX4x1OR",
    ),
    ("\xe4\x07", b"tdGvxN9ZiVCFcXjQJTEokQ==", b"msIHN5zQvlR1/lB3vmfRPvIkyesIWT6+"),
    ("\xad", b"hy+IHG1Yq/31YswBDjuZrQ==", b"X9cO2OaAuFlExZTk3QBQLIyJRmLrO/u3"),
    ("\ue000", b"v/Djy7UW345cNusV5MlpfA==", b"tB2sBi/G8nJrAscGbfJWJf197RluliTJ"),
    ("\U0001f512", b"8XyiCLbBQ338HOp4K+SctQ==", b"R3aKAxO8h1i5J5+h1f8mYUF8FSALTX8d"),
    ("a\u200eb", b"EznFPMr/n6tyDWbaYnYj7w==", b"7nb2pjHnxLrj9vGE4Vgjt1FlV04QHypx"),
    ("\u0340a", b"mSVExOq4S42UvbsxCWf53A==", b"pSzUBqoWUvhe5y7ohpKNfoXq/rLA5HFA"),
    (
        "\u2000\u3000x",
        b"2dIpz70fcdSO6I32Dg5Nbg==",
        b"4ZgI86WVSPMyGFgK7ae0OoGubWz14/u5",
    ),
    ("\u0221", b"x8oEXjdgNHPZepesg3TEXQ==", b"Xx2dWT78TsZ+ar/o81Eq1IuGWhG7saH4"),
    ("\u1e9e", b"V1SbTNih+RJ10IHbxa1I9w==", b"ZQfYRwkvU2IPQmo2pKAlBM9+iiaoXU3r"),
    ("\ufdfa", b"VDksP1YzboloQRL/e+w8Dw==", b"cvbpm+/c1+arI9Fkm941IEOmL7HYd6fG"),
    ("\U0001d15e", b"nvHOd0JM2QECFzGnewrI9w==", b"WE0fg1WvVG7uIcejgSyJRO/8lVdKb97L"),
    ("\ufffd", b"ZBjhucFv0cpqR7BfHTPsmw==", b"2tNA12q+eVYejHIiTB0Al5ubAyr+I4/U"),
    ("\u0344", b"pK9OH/SzvJYQ7RLJ8tVXUQ==", b"rdUm33kcvn5VseuU1GJgjCe62NHoQifj"),
]
"""Password, salt and the first 24 bytes of StoredKey; one iteration."""


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("user", "user"),
        ("USER", "USER"),
        ("I\u00adX", "IX"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
    ],
)
def test_passwords_are_prepared_as_the_rfc_says(password: str, prepared: str) -> None:
    assert saslprep(password.encode()) == prepared.encode()


@pytest.mark.parametrize(("password", "salt", "stored_key"), STORED_BY_POSTGRESQL)
def test_passwords_are_prepared_as_postgresql_does(
    password: str, salt: bytes, stored_key: bytes
) -> None:
    verifier = Verifier.of_password(password.encode(), b64decode(salt), 1)
    assert verifier.stored_key[:24] == b64decode(stored_key)


@pytest.mark.parametrize(
    "password", ["", "a\x07b", "\u00e4\x07", "\u00ad", "\u06271", "\u0627a\u0628", "\ue000"]
)
def test_what_must_not_be_prepared_is_used_raw(password: str) -> None:
    assert saslprep(password.encode()) == password.encode()


@pytest.mark.parametrize("password", [b"\xe4", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_what_is_not_utf8_is_used_raw(password: bytes) -> None:
    assert saslprep(password) == password
