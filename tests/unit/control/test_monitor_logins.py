"""As whom a monitor logs in."""

import pytest

from pglane.config.settings import Settings, User
from pglane.connection.server_login import Credentials
from pglane.control.monitor_logins import (
    MonitorLogin,
    configured_login,
    connections_max,
    lent_login,
    logins,
)
from pglane.wire.md5 import Md5Hash, md5_stored
from pglane.wire.scram import ScramKeys

KEYS = ScramKeys.of_password(b"secret", b"salt", 1)
HASH = md5_stored(b"anna", b"secret")


@pytest.mark.parametrize(
    ("settings", "user", "password"),
    [
        (Settings(server_user="app", server_password="x"), "app", b"x"),
        (Settings(users=(User("a"), User("b", password="y"))), "b", b"y"),
        (Settings(server_user="app", users=(User("b", password="y"),)), "b", b"y"),
        (Settings(server_user="app"), "app", b""),
        (
            Settings(server_user="app", monitor_user="b", users=(User("b", password="y"),)),
            "b",
            b"y",
        ),
        (Settings(server_user="app", server_password="x", monitor_user="b"), "b", b""),
    ],
)
def test_what_the_configuration_has(settings, user, password):
    assert configured_login(settings) == MonitorLogin(user, Credentials(password))


def test_what_a_client_has_shown():
    told = {"user": "anna", "keys": KEYS.told(), "md5": HASH.decode()}
    expected = Credentials(b"", KEYS, md5=Md5Hash(HASH))
    assert lent_login(Settings(), told) == MonitorLogin("anna", expected, lent=True)


def test_the_password_of_a_lent_role_is_in_the_configuration():
    settings = Settings(users=(User("bert", password="x"), User("anna", password="y")))
    told = {"user": "anna", "keys": None, "md5": None}
    assert lent_login(settings, told) == MonitorLogin("anna", Credentials(b"y"), lent=True)


@pytest.mark.parametrize(
    ("credentials", "proves"),
    [
        (Credentials(), False),
        (Credentials(b"x"), True),
        (Credentials(keys=KEYS), True),
        (Credentials(md5=Md5Hash(HASH)), True),
    ],
)
def test_what_there_is_to_prove_a_role_with(credentials, proves):
    assert MonitorLogin("anna", credentials).proves == proves


def lent(user="anna", password=b"y"):
    return MonitorLogin(user, Credentials(password), lent=True)


@pytest.mark.parametrize(
    ("settings", "found", "users"),
    [
        (Settings(server_user="app"), None, ["app"]),
        (Settings(), None, [""]),
        (Settings(), lent(), ["anna"]),
        (Settings(server_user="app"), lent(), ["anna", "app"]),
        (Settings(server_user="app"), lent(password=b""), ["app", "anna"]),
        (Settings(server_user="app", server_password="x"), lent(), ["app", "anna"]),
        (Settings(server_user="app", server_password="x"), lent("app"), ["app"]),
        (Settings(server_user="app"), lent("app"), ["app", "app"]),
        (Settings(server_user="app", monitor_user="b"), lent(), ["b"]),
    ],
)
def test_the_order(settings, found, users):
    assert [each.user for each in logins(settings, found)] == users


def test_no_secret_is_shown():
    told = repr(lent_login(Settings(), {"user": "anna", "keys": KEYS.told(), "md5": None}))
    assert "anna" in told
    assert KEYS.client_key.hex() not in told
    assert "Credentials" not in told


@pytest.mark.parametrize(
    ("rows", "few"), [([], -1), ([[b"-1"]], -1), ([[None]], -1), ([[b"9"]], 9), ([[b"10"]], -1)]
)
def test_a_role_with_few_connections(rows, few):
    assert connections_max(rows) == few
