"""Logins that are good for their own TLS connection only: of clients, and ours at PostgreSQL."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pg8000.native
import psycopg
import psycopg2
import pytest

from pglane.wire.client_messages import SASLInitialResponse
from tests.support import protocol as p
from tests.support.certificates import Authority
from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.tls_middleman import Middleman

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

BOTH = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
ONE = b"SCRAM-SHA-256\0\0"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster, authority: Authority) -> Iterator[Gateway]:
    door = authority.sign("door", "localhost", "DNS:localhost", "IP:127.0.0.1")
    clients = {"tls_cert_file": str(door.certificate), "tls_key_file": str(door.key)}
    one = Gateway(cluster, ("--budget", "6"), {"clients": clients})
    try:
        yield one.start()
    finally:
        one.destroy()


def bound(gateway: Gateway, door: str = "transaction") -> str:
    return gateway.uri(door, sslmode="require", channel_binding="require")


@pytest.mark.parametrize("door", DOORS)
def test_psycopg_insists(gateway: Gateway, door: str) -> None:
    with psycopg.connect(bound(gateway, door)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_other_libpqs_insist(gateway: Gateway) -> None:
    connection = psycopg2.connect(bound(gateway))
    connection.close()
    done = subprocess.run(
        ["psql", "-XAtc", "SELECT 1", bound(gateway)], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "1\n", done.stderr


def test_a_driver_that_binds_when_it_can(gateway: Gateway) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    keywords = gateway.target("transaction").keywords("database")
    connection = pg8000.native.Connection(**keywords, ssl_context=context)
    try:
        assert connection.run("SELECT 1") == [[1]]
    finally:
        connection.close()


def test_a_driver_that_cannot(gateway: Gateway) -> None:
    async def ask() -> object:
        keywords = gateway.target("transaction").keywords("database")
        connection = await asyncpg.connect(**keywords, ssl="require")
        try:
            return await connection.fetchval("SELECT 1")
        finally:
            await connection.close()

    assert asyncio.run(ask()) == 1


def test_without_tls_there_is_nothing_to_bind_to(gateway: Gateway) -> None:
    with ScriptedClient(gateway.target("transaction")) as client:
        client.send_startup(user="app", database="app")
        assert client.read_message().body[4:] == ONE
        first = b"p=tls-server-end-point,,n=,r=clientnonce"
        client.send(SASLInitialResponse(b"SCRAM-SHA-256-PLUS", first).encode())
        assert client.read_message().kind == "E"


def test_who_passes_a_login_on_does_not_come_in(gateway: Gateway, tmp_path: Path) -> None:
    """The client's TLS ends at somebody else's certificate, which it does not check."""
    theirs = Authority(tmp_path).sign("theirs", "localhost")
    port = gateway.target("transaction").port
    with Middleman(port, theirs) as between:
        uri = f"postgresql://app:app-secret@127.0.0.1:{between.port}/app?sslmode=require"
        with pytest.raises(psycopg.OperationalError, match="PGL0208"):
            psycopg.connect(f"{uri}&channel_binding=require")
        with pytest.raises(psycopg.OperationalError, match="PGL0208"):
            psycopg.connect(uri)
        with psycopg.connect(f"{uri}&channel_binding=disable") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,), "the test's proxy works"
    assert "PGL0208" in gateway.log()


def test_who_takes_binding_out_of_the_offer_is_found_out(gateway: Gateway, tmp_path: Path) -> None:
    def take_out(said: bytes) -> bytes:
        both, one = (p.message("R", b"\0\0\0\x0a" + names) for names in (BOTH, ONE))
        return said.replace(both, one)

    theirs = Authority(tmp_path).sign("theirs", "localhost")
    with Middleman(gateway.target("transaction").port, theirs, take_out) as between:
        uri = f"postgresql://app:app-secret@127.0.0.1:{between.port}/app?sslmode=require"
        with pytest.raises(psycopg.OperationalError, match="thinks that we cannot"):
            psycopg.connect(uri)


# Towards PostgreSQL ---------------------------------------------------------------------------


def test_ours_at_another_gateway(cluster: PostgresCluster, gateway: Gateway) -> None:
    """It offers both; whatever is behind it, each of our logins is bound, the monitor's too."""
    port = gateway.target("session").port
    uri = f"postgresql://app@localhost:{port}/app?sslmode=require&channel_binding=require"
    with_binding = Gateway(cluster, ("--budget", "2"), uri=uri)
    try:
        with_binding.start()
        for door in DOORS:
            with psycopg.connect(with_binding.uri(door)) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert {row["tls"][:6] for row in with_binding.show("SERVERS")} <= {"TLSv1."}
    finally:
        with_binding.destroy()


def test_ours_passed_on_by_somebody_else(
    cluster: PostgresCluster, gateway: Gateway, tmp_path: Path
) -> None:
    theirs = Authority(tmp_path).sign("theirs", "localhost")
    with Middleman(gateway.target("session").port, theirs) as between:
        uri = f"postgresql://app@localhost:{between.port}/app?sslmode=require"
        one = Gateway(cluster, ("--budget", "2"), uri=uri)
        try:
            with pytest.raises(psycopg.OperationalError, match="PGL0208"):
                psycopg.connect(one.start().uri("transaction"))
        finally:
            one.destroy()


def test_ours_where_there_is_no_tls(cluster: PostgresCluster) -> None:
    uri = f"{cluster.uri_without_secret()}?sslmode=prefer&channel_binding=require"
    one = Gateway(cluster, ("--budget", "2"), uri=uri)
    try:
        with pytest.raises(psycopg.OperationalError, match="PGL0621"):
            psycopg.connect(one.start().uri("transaction"))
    finally:
        one.destroy()
