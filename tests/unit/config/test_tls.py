import ssl

import pytest

from pglane.config import tls
from pglane.config.settings import Settings
from pglane.errors.configuration import TlsFileUnusable
from pglane.errors.refused import RefusedError
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def door(authority):
    return authority.sign("door", "localhost", "DNS:localhost")


def client_settings(door, **more):
    files = {"cert": door.certificate, "key": door.key}
    named = {f"client_tls_{what}_file": str(file) for what, file in files.items()}
    return Settings(**{**named, **more})


def refusal(settings, **places):
    with pytest.raises(RefusedError) as caught:
        tls.client_context(settings, places)
    (found,) = caught.value.refusals
    assert isinstance(found, TlsFileUnusable)
    return str(found)


def test_no_certificate_no_tls(door):
    assert tls.client_context(Settings()) is None
    assert tls.client_context(client_settings(door, client_tls_sslmode="disable")) is None


def test_what_every_context_forbids(door):
    context = tls.client_context(client_settings(door))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_TICKET
    assert context.num_tickets == 0
    assert context.verify_mode is ssl.CERT_NONE


def test_certificates_of_clients(authority, door):
    ask = {"client_tls_ca_file": str(authority.file)}
    assert tls.client_context(client_settings(door, **ask)).verify_mode is ssl.CERT_OPTIONAL
    for mode in ("verify-ca", "verify-full"):
        demanding = client_settings(door, **ask, client_tls_sslmode=mode)
        assert tls.client_context(demanding).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_modes_that_demand_nothing(mode):
    assert not tls.is_demanded(mode, local=False)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_modes_that_demand_tls(mode):
    assert tls.is_demanded(mode, local=True)


def test_auto_demands_it_where_a_network_is_crossed():
    assert tls.is_demanded("auto", local=False)
    assert not tls.is_demanded("auto", local=True)


def test_a_file_that_is_not_there(door, tmp_path):
    told = refusal(
        client_settings(door, client_tls_cert_file=str(tmp_path / "no")),
        client_tls_cert_file="pglane.toml:3",
    )
    assert told.startswith("pglane.toml:3: clients.tls_cert_file: ")
    assert "No such file" in told
    told = refusal(client_settings(door, client_tls_key_file=str(tmp_path / "no")))
    assert "clients.tls_key_file" in told
    assert "No such file" in told
    told = refusal(client_settings(door, client_tls_ca_file=str(tmp_path / "no")))
    assert "clients.tls_ca_file" in told


def test_files_that_hold_something_else(door, authority, tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("-----BEGIN CERTIFICATE-----")
    assert "no certificate" in refusal(client_settings(door, client_tls_cert_file=str(empty)))
    odd = tmp_path / "odd"
    odd.write_text(f"{ssl.PEM_HEADER}\nMAA=\n{ssl.PEM_FOOTER}\n")
    assert "OpenSSL says: " in refusal(client_settings(door, client_tls_cert_file=str(odd)))
    assert "OpenSSL says: " in refusal(client_settings(door, client_tls_ca_file=str(empty)))


def test_the_key_of_another_certificate(authority, door):
    other = authority.sign("other", "localhost")
    told = refusal(client_settings(door, client_tls_key_file=str(other.key)))
    assert "key values mismatch" in told


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(door, authority):
    locked = authority.lock(door.key)
    told = refusal(client_settings(door, client_tls_key_file=str(locked)))
    assert "without a passphrase" in told


# Towards the server -------------------------------------------------------------------------


def server(**values):
    return tls.server_context(Settings(**{f"server_tls_{k}": str(v) for k, v in values.items()}))


def test_towards_the_server_without_authorities_nobody_is_verified():
    assert server(sslmode="disable") is None
    for mode in ("auto", "allow", "prefer", "require"):
        context = server(sslmode=mode)
        assert context.verify_mode is ssl.CERT_NONE
        assert not context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_authorities_that_are_named_are_looked_at(authority):
    for mode in ("prefer", "require", "verify-ca"):
        context = server(sslmode=mode, ca_file=authority.file)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert not context.check_hostname
    assert server(sslmode="verify-full", ca_file=authority.file).check_hostname
    assert server(sslmode="verify-full", ca_file="system").verify_mode is ssl.CERT_REQUIRED


def test_our_own_certificate(door):
    assert server(cert_file=door.certificate, key_file=door.key) is not None
    with pytest.raises(RefusedError) as caught:
        server(cert_file=door.certificate, key_file="/nowhere")
    assert "server.tls_key_file" in str(caught.value)
