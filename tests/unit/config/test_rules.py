import pytest

from pglane.config import rules
from pglane.config.settings import Settings, User


def codes(**values):
    return [type(refusal).__name__ for refusal in rules.objections(Settings(**values), {})]


def test_the_defaults_are_fine():
    assert codes() == []
    assert rules.notes(Settings()) == []


def test_two_doors_on_one_port():
    assert codes(direct_port=6543) == ["PortTwice"]
    assert codes(direct_port=0, session_port=0) == []


def test_the_place_is_that_of_the_setting_that_was_made():
    settings = Settings(transaction_port=6544)
    refusal = rules.objections(settings, {"transaction_port": "--transaction-port"})[0]
    assert refusal.text.startswith("--transaction-port: ")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "db.example", "*"])
def test_trust_where_others_can_knock_is_refused(address):
    assert codes(auth="trust", listen_addresses=("127.0.0.1", address)) == ["TrustNotLocal"]
    assert len(rules.notes(Settings(listen_addresses=(address,)))) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_trust_on_loopback(address):
    assert codes(auth="trust", listen_addresses=(address,)) == []


def test_an_address_twice_or_empty():
    assert codes(listen_addresses=("::1", "::1")) == ["OutOfRange"]
    assert codes(listen_addresses=(" ",)) == ["OutOfRange"]


def test_half_a_server():
    assert codes(server_host="db", users=(User("u"),)) == ["ServerUnknown"]


def test_nobody_could_log_in():
    server = {"server_host": "db", "server_user": "u", "server_database": "d"}
    assert codes(**server) == ["PasswordNeeded"]
    assert codes(**server, server_password="p") == []
    assert codes(**server, users=(User("v"),)) == []
    assert codes(**server, auth="trust") == []
