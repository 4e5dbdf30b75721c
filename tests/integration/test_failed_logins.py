"""Clients that try passwords, and clients that connect and do not log in, beside honest ones."""

import contextlib
import socket
from collections.abc import Iterator

import psycopg
import pytest

from pglane.connection.failed_logins import FREE
from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import PASSWORDS, Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

TRIES = 6
IDLE_MAX = 5


def own_address() -> str:
    """An address of this machine that is not loopback; "" if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        address = str(asking.getsockname()[0])
    return "" if address.startswith("127.") else address


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    clients = {"tls_sslmode": "disable", "unauthenticated_per_address_max": IDLE_MAX}
    settings = {"clients": clients, "listen": {"addresses": ["0.0.0.0"]}}
    one = Gateway(cluster, ("--budget", "4"), settings)
    try:
        yield one.start()
    finally:
        one.destroy()


def come_in(gateway: Gateway, name: str, **more: str) -> str:
    """The role at the server, or what the client was told."""
    options = {"user": name, "password": PASSWORDS.get(name, ""), **more}
    try:
        with psycopg.connect(gateway.uri("transaction"), **options) as connection:
            return str(connection.execute("SELECT current_user").fetchone()[0])  # type: ignore[index]
    except psycopg.OperationalError as error:
        return str(error)


def test_who_tries_passwords_hurts_nobody_else(gateway: Gateway) -> None:
    """Others come in as ever; the user itself too, when its time has come."""
    for number in range(TRIES):
        told = come_in(gateway, "second", password=f"guess{number}")
        assert "password authentication failed" in told
        assert come_in(gateway, "third") == "third"
    assert come_in(gateway, "second") == "second"
    eventually(lambda: "more failed logins of user second" in gateway.log())
    assert gateway.log().count("PGL0201 PasswordWrong") == FREE
    assert gateway.log().count("more failed logins") == 1


def test_a_name_that_nobody_has_waits_like_another(gateway: Gateway) -> None:
    for number in range(TRIES):
        told = come_in(gateway, "nobody", password=f"guess{number}")
        assert "password authentication failed" in told
    assert come_in(gateway, "third") == "third"
    eventually(lambda: "more failed logins of user nobody" in gateway.log())


def test_one_address_does_not_take_all_the_places_of_those_that_log_in(gateway: Gateway) -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but loopback")
    port = gateway.ports["transaction"]
    far = Target("transaction", address, port, gateway.cluster.version)
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE_MAX):
            idle = stack.enter_context(ScriptedClient(far))
            idle.send(p.ssl_request())
            assert idle.socket.recv(1) == b"N"
        late = stack.enter_context(ScriptedClient(far))
        told = late.read_message()
        assert told.kind == "E"
        assert "PGL0307" in told.fields["D"]
        assert f"unauthenticated_per_address_max is {IDLE_MAX}" in told.fields["D"]
        assert come_in(gateway, "third") == "third"
    eventually(lambda: _comes_in(far), what="the places are free again")


def _comes_in(target: Target) -> bool:
    try:
        with psycopg.connect(target.uri()) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
