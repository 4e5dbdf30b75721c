"""Whom a certificate is for; how names are written is told by the openssl program."""

import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from pglane.connection.client_certificates import ClientCertificates, name_of

SUBJECTS = [
    "/CN=anna",
    "/C=DE/O=Shop, Inc./OU=a+b/CN=anna",
    '/O=say "hi" <x>;y\\\\z/CN=#first',
    "/DC=example/DC=shop/UID=7/CN= spaces ",
    "/O=K\u00e4se \u20ac/CN=\u00fc",
    "/O=one/O=two/emailAddress=a@b/CN=anna",
    "/O=x/CN=anna+UID=7",
]


def made(subject: str) -> tuple[str, dict]:
    """What openssl writes for a certificate, and what Python reads of it."""
    with tempfile.TemporaryDirectory() as folder:
        key, file = Path(folder, "key"), Path(folder, "certificate")
        words = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-utf8", "-multivalue-rdn"]
        words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", subject]
        done = subprocess.run(
            [*words, "-keyout", str(key), "-out", str(file)], capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        told = subprocess.run(
            ["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", str(file)],
            capture_output=True,
            timeout=60,
        )
        return told.stdout.decode().removeprefix("subject=").rstrip("\n"), decoded(file)


def decoded(file: Path) -> dict:
    return ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_distinguished_names_are_written_as_openssl_does(subject: str) -> None:
    written, certificate = made(subject)
    assert name_of(certificate["subject"], "dn") == written


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ((), ""),
        (((("commonName", "anna"),),), "anna"),
        (((("organizationName", "shop"),), (("commonName", "anna"),)), "anna"),
        (((("commonName", "anna"),), (("commonName", "postgres"),)), ""),
        (((("commonName", "postgres\0anna"),),), "postgres\0anna"),
        (((("organizationName", "anna"),),), ""),
    ],
)
def test_the_common_name_is_one_or_none(subject, name) -> None:
    assert name_of(subject, "cn") == name


def test_attributes_without_a_short_name_and_control_characters() -> None:
    subject = ((("1.2.3", "a\nb"),), (("commonName", " "),))
    assert name_of(subject, "dn") == "CN=\\ ,1.2.3=a\\0Ab"
    assert name_of((), "dn") == ""


def test_a_certificate_is_for_the_user_of_its_name_or_who_lists_it() -> None:
    certificates = ClientCertificates({"app": ["web", "jobs"]}, only=True)
    assert certificates.only
    for user, name, fits in (
        ("anna", "anna", True),
        ("anna", "Anna", False),
        ("anna", "anna\0", False),
        ("anna", "web", False),
        ("app", "web", True),
        ("app", "jobs", True),
        ("app", "app", False),
        ("", "", False),
        ("nobody", "anna", False),
    ):
        assert certificates.fit(user, name) is fits
