"""The hash of a certificate; what it is the openssl program tells, not the code under test."""

import hashlib
import re
import ssl
import subprocess

import pytest
from hypothesis import given, strategies as st

from pglane.wire import channel_binding
from pglane.wire.channel_binding import end_point_hash

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("-newkey", "rsa:2048")
PSS = (*RSA, "-sigopt", "rsa_padding_mode:pss")
MADE = {
    "ec sha1": (*EC, "-sha1"),
    "ec sha224": (*EC, "-sha224"),
    "ec sha256": (*EC, "-sha256"),
    "ec sha384": (*EC, "-sha384"),
    "ec sha512": (*EC, "-sha512"),
    "rsa sha256": (*RSA, "-sha256"),
    "pss sha1": (*PSS, "-sha1"),
    "pss sha256": (*PSS, "-sha256"),
    "pss sha512": (*PSS, "-sha512"),
    "ed25519": ("-newkey", "ed25519"),
}


def openssl(*words: str, given: bytes = b"") -> str:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.fixture(scope="module", params=MADE)
def pem(request, tmp_path_factory) -> str:
    key = tmp_path_factory.mktemp("key") / "key"
    words = ("-keyout", str(key), "-subj", "/CN=server", "-nodes", "-days", "2")
    try:
        return openssl("req", "-x509", *words, *MADE[request.param])
    except AssertionError:
        assert "sha1" in request.param, "only SHA-1 may be forbidden on this machine"
        pytest.skip("this machine's OpenSSL signs nothing with SHA-1")


def test_it_is_the_hash_of_the_signature(pem: str) -> None:
    text = openssl("x509", "-noout", "-text", given=pem.encode())
    told = re.search(r"Signature Algorithm: (\S+)\s+(?:Hash Algorithm: (\S+))?", text)
    assert told is not None
    said = f"{told[1]} {told[2]}".lower()
    der = ssl.PEM_cert_to_DER_cert(pem)
    names = [name for name in ("sha224", "sha256", "sha384", "sha512", "sha1") if name in said]
    if not names:
        assert "ed25519" in said
        assert end_point_hash(der) == b""
        return
    name = "sha256" if names[0] == "sha1" else names[0]
    assert end_point_hash(der) == hashlib.new(name, der).digest()


def test_a_cut_certificate_has_none(pem: str) -> None:
    der = ssl.PEM_cert_to_DER_cert(pem)
    assert all(end_point_hash(der[:size]) == b"" for size in range(len(der)))


def element(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def certificate(algorithm: bytes) -> bytes:
    return element(0x30, element(0x30, b"signed") + element(0x30, algorithm) + b"signature")


@pytest.mark.parametrize(("name", "expected"), channel_binding.SIGNATURES.items())
def test_each_signature_that_is_known(name: bytes, expected: str) -> None:
    der = certificate(element(0x06, name))
    assert end_point_hash(der) == hashlib.new(expected, der).digest()


@pytest.mark.parametrize(("name", "expected"), channel_binding.HASHES.items())
def test_each_hash_of_pss_that_is_known(name: bytes, expected: str) -> None:
    said = element(0x30, element(0xA0, element(0x30, element(0x06, name))))
    der = certificate(element(0x06, channel_binding.PSS) + said)
    assert end_point_hash(der) == hashlib.new(expected, der).digest()


def test_what_is_not_known_has_none() -> None:
    assert end_point_hash(certificate(element(0x06, b"\x2b\x65\x70"))) == b""
    said = element(0x30, element(0xA0, element(0x30, element(0x06, b"other"))))
    assert end_point_hash(certificate(element(0x06, channel_binding.PSS) + said)) == b""


@pytest.mark.parametrize(
    "length", [b"\x80", b"\x85\0\0\0\0\x01", b"\x84\xff\xff\xff\xff", b"\x82\0"]
)
def test_lengths_that_lie(length: bytes) -> None:
    assert end_point_hash(b"\x30" + length) == b""


@given(st.binary(max_size=40))
def test_nothing_raises(data: bytes) -> None:
    assert isinstance(end_point_hash(b"\x30\x28" + data), bytes)
    assert isinstance(end_point_hash(certificate(data)), bytes)
