"""Who gets TLS, and who must have it."""

import hashlib
import ssl
from pathlib import Path

import pytest

from pglane.config.limits import Override
from pglane.config.settings import Settings
from pglane.connection.client_login import ClientLogin
from pglane.connection.user_list import UserList
from pglane.engine.client_tls import ClientTls, client_certificates
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    door = Authority(tmp_path_factory.mktemp("certificates")).sign("door", "localhost")
    return {
        "client_tls_cert_file": str(door.certificate),
        "client_tls_key_file": str(door.key),
    }


def prepared(files, peer, mode="auto"):
    login = ClientLogin(UserList({}, auth="trust", mock_secret=b""), b"nonce")
    made = ClientTls.of(Settings(**files, client_tls_sslmode=mode))
    assert made is not None
    made.prepare(login, peer)
    return login.offers_tls, login.demands_tls


def test_logins_can_be_bound_to_its_certificate(files):
    der = ssl.PEM_cert_to_DER_cert(Path(files["client_tls_cert_file"]).read_text())
    made = ClientTls.of(Settings(**files))
    assert made.binding == hashlib.sha256(der).digest()
    login = ClientLogin(UserList({}, auth="trust", mock_secret=b""), b"nonce")
    made.prepare(login, b"")
    assert login.binding == b""
    made.prepare(login, ("127.0.0.1", 999))
    assert login.binding == made.binding


def test_without_a_certificate_there_is_none(files):
    assert ClientTls.of(Settings()) is None
    assert ClientTls.of(Settings(**files, client_tls_sslmode="disable")) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_on_this_machine_it_is_a_choice(files, address):
    assert prepared(files, (address, 999)) == (True, "")
    assert prepared(files, (address, 999), "require") == (True, "require")


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:1.2.3.4"])
def test_from_other_machines_it_is_a_must(files, address):
    assert prepared(files, (address, 999)) == (True, "auto")
    assert prepared(files, (address, 999), "prefer") == (True, "")


def test_a_unix_socket_has_none(files):
    assert prepared(files, b"", "require") == (False, "")


def test_which_certificates_must_name_their_users():
    assert client_certificates(Settings()) is None
    assert client_certificates(Settings(client_tls_sslmode="verify-ca")) is None
    override = Override("user", "anna", "certificate_names", ["web"], "here")
    for auth, only in (("cert", True), ("scram", False)):
        settings = Settings(auth=auth, client_tls_sslmode="verify-full", overrides=(override,))
        made = client_certificates(settings)
        assert made.only is only
        assert made.fit("anna", "web")
        assert not made.fit("anna", "anna")


class Session:
    def __init__(self, certificate):
        self.certificate = certificate

    def getpeercert(self):
        return self.certificate


def test_what_a_certificate_names(files):
    subject = ((("organizationName", "shop"),), (("commonName", "anna"),))
    for kind, name in (("cn", "anna"), ("dn", "CN=anna,O=shop")):
        made = ClientTls.of(Settings(**files, client_tls_clientname=kind))
        assert made.name_of(Session({"subject": subject})) == name
        assert made.name_of(Session(None)) == made.name_of(Session({})) == ""
