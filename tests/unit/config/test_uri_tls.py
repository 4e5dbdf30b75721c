import pytest

from pglane.config import uri_tls
from pglane.config.settings import SSLMODES
from pglane.errors.configuration import UriUnsupported


def read(home="", **words):
    return uri_tls.read(words, lambda name: f"at {name}", {"HOME": str(home)} if home else {})


def said(**words):
    told, refusals = read(**words)
    assert refusals == []
    return told


def test_nothing_said_is_nothing_meant():
    assert said(host="h", user="u") == {}
    assert said(sslmode="", ssl="false", sslnegotiation="postgres") == {}


@pytest.mark.parametrize("mode", SSLMODES)
def test_every_mode_of_libpq(mode):
    assert said(sslmode=mode.upper()) == {"tls_sslmode": mode}


@pytest.mark.parametrize(
    ("value", "mode"),
    [("true", "require"), ("1", "require"), ("no-verify", "require"), ("prefer", "prefer")],
)
def test_what_others_write(value, mode):
    assert said(ssl=value) == {"tls_sslmode": mode}


def test_files_are_named_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = said(sslrootcert="ca.crt", sslcert="/etc/me.crt", sslkey="/etc/me.key")
    assert told == {
        "tls_ca_file": str(tmp_path / "ca.crt"),
        "tls_cert_file": "/etc/me.crt",
        "tls_key_file": "/etc/me.key",
    }


def test_the_authorities_of_the_machine_mean_verify_full():
    assert said(sslrootcert="system") == {"tls_ca_file": "system", "tls_sslmode": "verify-full"}
    told = said(sslrootcert="system", sslmode="require")  # which the rules refuse
    assert told == {"tls_ca_file": "system", "tls_sslmode": "require"}


def test_the_file_of_the_home_folder(tmp_path):
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    assert read(tmp_path, sslmode="verify-ca")[0] == {"tls_sslmode": "verify-ca"}
    (folder / "root.crt").write_text("")
    expected = {"tls_sslmode": "verify-ca", "tls_ca_file": str(folder / "root.crt")}
    assert read(tmp_path, sslmode="verify-ca")[0] == expected
    assert read(tmp_path, sslmode="prefer")[0] == {"tls_sslmode": "prefer"}


def test_direct_negotiation():
    told = said(sslnegotiation="direct", sslmode="require")
    assert told == {"tls_sslmode": "require", "tls_negotiation": "direct"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("sslmode", "sure"), ("ssl", "maybe"), ("sslmod", "require"), ("ssl_mode", "require")),
        *(("sslcrl", "/etc/crl"), ("sslpassword", "hush"), ("sslcertmode", "require")),
        *(("ssl_min_protocol_version", "TLSv1.3"), ("sslnegotiation", "late")),
    ],
)
def test_what_must_not_be_ignored_is_refused(name, value):
    _, (refusal,) = read(**{name: value})
    assert isinstance(refusal, UriUnsupported)
    assert refusal.text.startswith(f"at {name}: ")
    assert "hush" not in str(refusal) or value == "hush"


def test_what_changes_nothing_is_left_to_others():
    assert said(sslsni="1", sslcompression="0", sslaccept="strict") == {}
    assert not uri_tls.is_about_tls("sslsni")
    assert not uri_tls.is_about_tls("application_name")
    assert uri_tls.is_about_tls("SSLMode")


def test_an_address_in_place_of_the_name_that_is_to_be_verified():
    _, (refusal,) = read(host="db", hostaddr="10.0.0.1", sslmode="verify-full")
    assert "hostaddr" in refusal.text
    assert read(host="db", hostaddr="10.0.0.1", sslmode="require")[1] == []
