"""Roles that stand in no file: PostgreSQL is asked for them, and judges as it does itself."""

import asyncio
import io
import itertools
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from pglane.config.settings import Settings
from pglane.control.log import Log
from pglane.control.resolver import Resolver
from pglane.control.role_lookups import RoleLookups
from pglane.wire.scram import ScramKeys, Verifier
from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import LoginRefusedError, ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

FUNCTION = """
CREATE ROLE asker LOGIN PASSWORD 'asker-secret';
CREATE SCHEMA asker;
GRANT USAGE ON SCHEMA asker TO asker;
CREATE FUNCTION asker.get_auth(name text, OUT usename name, OUT passwd text) SECURITY DEFINER
    LANGUAGE sql SET search_path = pg_catalog
    AS 'SELECT rolname, rolpassword FROM pg_authid WHERE rolname = name';
REVOKE ALL ON FUNCTION asker.get_auth FROM PUBLIC;
GRANT EXECUTE ON FUNCTION asker.get_auth TO asker;
"""
QUERY = "SELECT usename, passwd FROM asker.get_auth($1)"
CACHE_MS = 1000
_numbers = itertools.count(1)


def settings_of(user: str, password: str, **clients: object) -> dict[str, dict[str, object]]:
    return {
        "clients": {"auth_user": user, "auth_cache_ms_max": CACHE_MS, **clients},
        f"users.{user}": {"password": password},
    }


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    """It asks by a function, as a role that may do nothing else."""
    cluster.admin(FUNCTION, database="app")
    settings = settings_of("asker", "asker-secret", auth_query=QUERY)
    one = Gateway(cluster, ("--budget", "4"), settings, users=())
    try:
        yield one.start()
    finally:
        one.destroy()
        cluster.admin("DROP SCHEMA asker CASCADE; DROP ROLE asker", database="app")


@pytest.fixture
def narrow(cluster: PostgresCluster) -> Iterator[str]:
    """A database that holds the characters of Western Europe only."""
    cluster.admin("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        yield "narrow"
    finally:
        cluster.admin("DROP DATABASE narrow WITH (FORCE)")


def test_a_name_that_the_database_asked_cannot_hold_fails_nobody_else(
    cluster: PostgresCluster, narrow: str, role: str
) -> None:
    """Asked for at once, as logins that come together are."""
    sent: list[dict[str, Any]] = []

    async def ask() -> None:
        target = cluster.target("postgres")
        settings = Settings(
            server_host=target.host,
            server_port=target.port,
            server_user=target.user,
            server_password=target.password,
            auth_user=target.user,
            auth_dbname=narrow,
        )
        lookups = RoleLookups(Log(io.StringIO()), lambda told: not sent.append(told), Resolver())
        lookups.configure(settings)
        asked = [["\u0416", "app"], [role, "app"], [role, "\u0416"]]
        await lookups.answer({"id": "1", "roles": asked})
        lookups.close()

    asyncio.run(ask())
    assert sent[0]["failed"] == ""
    stranger, known, elsewhere = sent[0]["found"]
    assert stranger["secret"] == ""
    assert known["secret"].startswith("SCRAM-SHA-256$")
    assert known["may_connect"]
    assert "may_connect" not in elsewhere


@pytest.fixture
def role(cluster: PostgresCluster) -> Iterator[str]:
    """A new role with the password `pw`."""
    name = f"asked_{next(_numbers)}"
    cluster.admin(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
    yield name
    cluster.admin(f"DROP ROLE IF EXISTS {name}")


def place(gateway: Gateway, role: str, door: str = "transaction", password: str = "pw") -> Target:
    target = gateway.target(door)
    return replace(target, user=role, passwords={role: password})


def come_in(target: Target) -> tuple[str, str]:
    """SQLSTATE and message of the refusal; empty ones if it is let in."""
    try:
        with ScriptedClient.login(target) as client:
            assert client.value("SELECT current_user") == target.user
    except LoginRefusedError as error:
        return error.sqlstate, error.answer.fields["M"]
    return "", ""


@pytest.mark.parametrize("door", DOORS)
def test_a_role_that_stands_in_no_file_comes_in(gateway: Gateway, role: str, door: str) -> None:
    """The gateway does not know its password; it passes on what the client has shown."""
    for _ in range(2):
        assert come_in(place(gateway, role, door)) == ("", "")


def test_no_log_line_shows_what_was_shown(
    gateway: Gateway, cluster: PostgresCluster, role: str
) -> None:
    assert come_in(place(gateway, role)) == ("", "")
    ((kept,),) = cluster.admin(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")
    verifier = Verifier.parse(kept.encode())
    keys = ScramKeys.of_password(b"pw", verifier.salt, verifier.iterations)
    log = gateway.log()
    assert "SCRAM-SHA-256$" not in log
    for secret in (keys.client_key, verifier.stored_key, verifier.server_key):
        assert b64encode(secret).decode() not in log
        assert secret.hex() not in log
        assert repr(secret)[2:-1] not in log + repr(keys) + repr(verifier)


def test_a_superuser_can_ask_without_a_function(cluster: PostgresCluster, role: str) -> None:
    one = Gateway(cluster, (), settings_of("postgres", "super-secret"), users=())
    try:
        one.start()
        assert come_in(place(one, role)) == ("", "")
        wrong, nobody = place(one, role, password="x"), place(one, "nobody")
        assert come_in(wrong)[1].replace(role, "nobody") == come_in(nobody)[1]
    finally:
        one.destroy()


def test_a_new_password_is_asked_for_when_the_old_one_does_not_fit(
    cluster: PostgresCluster, role: str
) -> None:
    settings = settings_of("postgres", "super-secret", auth_cache_ms_max=30_000)
    one = Gateway(cluster, (), settings, users=())
    try:
        assert come_in(place(one.start(), role)) == ("", "")
        cluster.admin(f"ALTER ROLE {role} PASSWORD 'new'")
        new = place(one, role, password="new")
        eventually(lambda: come_in(new) == ("", ""), what="long before the answer is too old")
    finally:
        one.destroy()


STATES = {
    "unknown": "DROP ROLE {0}",
    "wrong password": "ALTER ROLE {0} PASSWORD 'other'",
    "no password": "ALTER ROLE {0} PASSWORD NULL",
    "not valid any more": "ALTER ROLE {0} VALID UNTIL '2001-01-01'",
    "locked": "ALTER ROLE {0} NOLOGIN",
    "limited": "ALTER ROLE {0} CONNECTION LIMIT 0",
    "no privilege": "REVOKE CONNECT ON DATABASE other FROM PUBLIC",
}


@pytest.mark.parametrize("state", STATES)
def test_refusals_are_postgresqls_own(
    gateway: Gateway, cluster: PostgresCluster, role: str, state: str
) -> None:
    cluster.admin(STATES[state].format(role))
    try:
        target = place(gateway, role).at_database("other" if state == "no privilege" else "app")
        direct = replace(target, host="127.0.0.1", port=cluster.port)
        expected = come_in(direct)
        assert expected != ("", "")
        assert come_in(target) == expected
        wrong = come_in(replace(direct, passwords={role: "wrong"}))
        assert wrong == ("28P01", f'password authentication failed for user "{role}"')
        assert come_in(replace(target, passwords={role: "wrong"})) == wrong
    finally:
        cluster.admin("GRANT CONNECT ON DATABASE other TO PUBLIC")


def test_clients_count_against_the_connection_limit(
    gateway: Gateway, cluster: PostgresCluster, role: str
) -> None:
    cluster.admin(f"ALTER ROLE {role} CONNECTION LIMIT 1")
    target = place(gateway, role)
    with ScriptedClient.login(target):
        assert come_in(target) == ("53300", f'too many connections for role "{role}"')
    eventually(lambda: come_in(target) == ("", ""), what="its place is free again")


def test_nobody_waits_for_the_budget_to_be_asked_for(gateway: Gateway, role: str) -> None:
    """With every server connection in use a login is asked for its password all the same."""
    holders = [psycopg.connect(gateway.uri("session")) for _ in range(4)]
    came: list[tuple[str, str]] = []
    try:
        for holder in holders:
            holder.execute("SELECT 1")
        assert come_in(place(gateway, role, password="wrong"))[0] == "28P01"
        late = threading.Thread(target=lambda: came.append(come_in(place(gateway, role))))
        late.start()
        eventually(
            lambda: any(
                row["user"] == role and row["state"] == "waiting"
                for row in gateway.show("CLIENTS")
            ),
            what="it is known, and waits for a server connection",
        )
    finally:
        for holder in holders:
            holder.close()
    late.join(timeout=20)
    assert came == [("", "")]


def test_names_that_nobody_has_keep_nobody_out(gateway: Gateway, role: str) -> None:
    names = [f"stranger_{next(_numbers)}" for _ in range(40)]
    strangers = [threading.Thread(target=come_in, args=(place(gateway, name),)) for name in names]
    for stranger in strangers:
        stranger.start()
    assert come_in(place(gateway, role)) == ("", "")
    for stranger in strangers:
        stranger.join(timeout=20)


def test_a_name_that_cannot_be_is_a_name_that_nobody_has(gateway: Gateway) -> None:
    assert come_in(place(gateway, "x" * 64))[0] == "28P01"
    assert come_in(place(gateway, 'a"b\\c{},'))[0] == "28P01"


def test_who_may_not_ask_costs_users_of_the_file_nothing(
    cluster: PostgresCluster, role: str
) -> None:
    """The console's and the URI's user come in; others hear that they may try again."""
    one = Gateway(cluster, (), settings_of("second", "second-secret"), users=())
    try:
        one.start()
        assert come_in(one.target("transaction")) == ("", "")
        assert come_in(place(one, role)) == (
            *("57P03", "the gateway cannot look roles up at this moment"),
        )
        assert "roles_unreadable" in one.log()
    finally:
        one.destroy()
