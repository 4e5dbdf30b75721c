import pytest

from pglane.config import rules
from pglane.config.settings import Settings, User
from tests.support.certificates import Authority


def codes(**values):
    return [type(refusal).__name__ for refusal in rules.objections(Settings(**values), {})]


def test_the_defaults_are_fine():
    assert codes() == []
    assert rules.notes(Settings()) == []


def test_who_reads_roles_without_a_password_is_told():
    reader = {"auth_user": "reader", "server_user": "app", "server_password": "secret"}
    others = (User("reader"), User("other", password="x"))
    (told,) = rules.notes(Settings(**reader, users=others))
    assert told.startswith("no password is known of clients.auth_user reader")
    assert rules.notes(Settings(**reader, users=(User("reader", password="x"),))) == []
    assert rules.notes(Settings(**{**reader, "auth_user": "app"})) == []


def test_there_is_somewhere_to_listen():
    assert codes(listen_addresses=()) == ["OutOfRange"]
    assert codes(listen_addresses=(), unix_socket_directory="/run/pglane") == []


def test_two_doors_on_one_port():
    assert codes(direct_port=6543) == ["PortTwice"]
    assert codes(direct_port=0, session_port=0) == []


def test_the_place_is_that_of_the_setting_that_was_made():
    settings = Settings(transaction_port=6544)
    refusal = rules.objections(settings, {"transaction_port": "--transaction-port"})[0]
    assert refusal.text.startswith("--transaction-port: ")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "db.example", "*"])
def test_trust_where_others_can_knock_is_refused(address):
    where = {"auth": "trust", "listen_addresses": ("127.0.0.1", address)}
    assert codes(**where, client_tls_sslmode="disable") == ["TrustNotLocal"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_trust_on_loopback(address):
    assert codes(auth="trust", listen_addresses=(address,)) == []


def test_an_address_twice_or_empty():
    assert codes(listen_addresses=("::1", "::1")) == ["OutOfRange"]
    assert codes(listen_addresses=(" ",)) == ["OutOfRange"]


def test_half_a_server():
    assert codes(server_host="db", users=(User("u"),)) == ["ServerUnknown"]


def test_a_database_that_the_console_hides():
    server = {"server_host": "db", "server_user": "u", "server_database": "pglane"}
    assert codes(**server, server_password="p") == ["DatabaseIsConsole"]


def test_nobody_could_log_in():
    server = {"server_host": "db", "server_user": "u", "server_database": "d"}
    assert codes(**server) == ["PasswordNeeded"]
    assert codes(**server, server_password="p") == []
    assert codes(**server, users=(User("v"),)) == []
    assert codes(**server, auth="trust") == []


def test_a_salt_secret_that_could_be_guessed():
    assert codes(salt_secret="x" * 31) == ["OutOfRange"]
    assert codes(salt_secret="x" * 32) == []
    refusal = rules.objections(Settings(salt_secret="guessed"), {})[0]
    assert "guessed" not in str(refusal)


HASHED = User("old", verifier="md5" + "0" * 32)


def verified(iterations):
    text = f"SCRAM-SHA-256${iterations}:c2FsdA==${'A' * 43}=:{'B' * 43}="
    return User("new", verifier=text)


def test_a_hash_is_of_no_use_where_it_is_not_asked_for():
    assert codes(users=(HASHED, verified(4096))) == ["Md5NotAsked"]
    for auth in ("md5", "trust"):
        assert codes(auth=auth, users=(HASHED, verified(4096))) == []


def test_it_is_told_where_the_user_stands():
    settings = Settings(users=(HASHED,))
    for places, where in (
        ({"users.old": "list:7", "users": "list"}, "list:7: "),
        ({"users": "list"}, "list: "),
        ({}, "the default settings: "),
    ):
        assert str(rules.objections(settings, places)[0]).startswith(where)


def test_passwords_are_not_tried_on_slow_verifiers():
    socket = {"unix_socket_directory": "/run/x"}
    slow = rules.PLAIN_ITERATIONS_MAX + 1
    assert codes(auth="plain", users=(verified(slow),), **socket) == ["VerifierTooSlow"]
    assert codes(auth="plain", users=(verified(slow - 1), HASHED), **socket) == []
    assert codes(auth="scram", users=(verified(slow),)) == []


@pytest.mark.parametrize("mode", ["disable", "auto", "require"])
def test_certificates_are_no_way_where_none_is_demanded(mode):
    assert "OutOfRange" in codes(auth="cert", client_tls_sslmode=mode)


def test_passwords_in_the_clear_need_a_way_on_which_nobody_listens():
    assert codes(auth="plain") == ["TlsCertificateNeeded"]
    assert codes(auth="plain", unix_socket_directory="/run/x") == []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    door = authority.sign("door", "localhost")
    return {
        "client_tls_cert_file": str(door.certificate),
        "client_tls_key_file": str(door.key),
        "client_tls_ca_file": str(authority.file),
    }


NETWORK = {"listen_addresses": ("::1", "0.0.0.0")}


def test_a_network_is_not_crossed_in_the_clear_unasked(files):
    assert codes(**NETWORK) == ["NetworkInTheClear"]
    assert codes(**NETWORK, client_tls_sslmode="disable") == []
    assert codes(**NETWORK, **files) == []


def test_a_network_in_the_clear_is_told():
    (told,) = rules.notes(Settings(**NETWORK, client_tls_sslmode="disable"))
    assert told.startswith("listening on 0.0.0.0 without TLS")
    (told,) = rules.notes(Settings(**NETWORK, client_tls_sslmode="prefer"))
    assert told.startswith("clients of 0.0.0.0 may come without TLS")
    assert rules.notes(Settings(**NETWORK, client_tls_sslmode="require")) == []


@pytest.mark.parametrize("mode", ["allow", "prefer", "require"])
def test_a_mode_without_certificate(mode):
    assert codes(client_tls_sslmode=mode) == ["TlsCertificateNeeded"] * 2


def test_certificate_and_key_belong_together(files):
    only = {"client_tls_cert_file": files["client_tls_cert_file"]}
    settings = Settings(**only)
    (told,) = rules.objections(settings, {"client_tls_cert_file": "pglane.toml:7"})
    assert str(told).startswith("pglane.toml:7: clients.tls_cert_file needs clients.tls_key_file")


def test_clients_certificates_need_authorities(files):
    without = {**files, "client_tls_ca_file": ""}
    assert codes(**files, client_tls_sslmode="verify-full") == []
    assert codes(**without, client_tls_sslmode="verify-full") == ["TlsCertificateNeeded"]


def test_files_are_tried(files):
    assert codes(**{**files, "client_tls_key_file": "/nowhere"}) == ["TlsFileUnusable"]


# TLS towards the server ---------------------------------------------------------------------


def test_verifying_needs_authorities(files):
    assert codes(server_tls_sslmode="verify-ca") == ["TlsCertificateNeeded"]
    ca = {"server_tls_ca_file": files["client_tls_ca_file"]}
    assert codes(server_tls_sslmode="verify-full", **ca) == []
    assert codes(server_tls_sslmode="verify-full", server_tls_ca_file="/no") == ["TlsFileUnusable"]


def test_our_certificate_and_its_key_belong_together(files):
    cert, key = files["client_tls_cert_file"], files["client_tls_key_file"]
    assert codes(server_tls_cert_file=cert) == ["TlsCertificateNeeded"]
    assert codes(server_tls_key_file=key) == ["TlsCertificateNeeded"]
    assert codes(server_tls_cert_file=cert, server_tls_key_file=key) == []


def test_what_a_weak_mode_would_make_worthless():
    system = {"server_tls_ca_file": "system"}
    assert codes(**system, server_tls_sslmode="require") == ["SettingsConflict"]
    assert codes(**system, server_tls_sslmode="verify-full") == []
    direct = {"server_tls_negotiation": "direct"}
    assert codes(**direct) == ["SettingsConflict"]
    assert codes(**direct, server_tls_sslmode="require") == []
