"""TLS towards clients, with the drivers that people use and some that misbehave."""

import asyncio
import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from tests.support import protocol as p
from tests.support.certificates import Authority, Certificate
from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.tls_peer import outdated, trusting
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

ASKED = struct.pack("!II", 8, 80877103)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def door_certificate(authority: Authority) -> Certificate:
    return authority.sign("door", "localhost", "DNS:localhost", "IP:127.0.0.1")


def settings(certificate: Certificate, **more: object) -> dict[str, object]:
    return {
        "tls_cert_file": str(certificate.certificate),
        "tls_key_file": str(certificate.key),
        **more,
    }


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster, door_certificate: Certificate) -> Iterator[Gateway]:
    """TLS for those who ask; others come in without, for they are on this machine."""
    wanted = settings(door_certificate, login_ms_max=4000, unauthenticated_max=40)
    one = Gateway(cluster, ("--budget", "6"), {"clients": wanted})
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def strict_gateway(
    cluster: PostgresCluster, authority: Authority, door_certificate: Certificate
) -> Iterator[Gateway]:
    """TLS and a certificate are demanded of clients."""
    wanted = settings(door_certificate, tls_sslmode="verify-full", tls_ca_file=str(authority.file))
    one = Gateway(cluster, ("--budget", "4"), {"clients": wanted})
    try:
        yield one.start()
    finally:
        one.destroy()


def unharmed(gateway: Gateway, worker: int) -> None:
    assert gateway.worker_pid == worker, gateway.log()
    assert "Traceback" not in gateway.log(), gateway.log()
    assert "internal_error" not in gateway.log(), gateway.log()


# Drivers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_psycopg(gateway: Gateway, authority: Authority, door: str, negotiation: str) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
    if psycopg.pq.version() >= 170000:
        verified["sslnegotiation"] = negotiation
    with psycopg.connect(gateway.uri(door, **verified)) as connection:
        assert connection.pgconn.ssl_in_use
        rows = connection.execute("SELECT repeat('x', 1000) FROM generate_series(1, 5000)")
        assert len(rows.fetchall()) == 5000
        sent = "y" * 3_000_000
        assert connection.execute("SELECT %s", (sent,)).fetchone() == (sent,)


@pytest.mark.parametrize("door", DOORS)
def test_asyncpg(gateway: Gateway, authority: Authority, door: str) -> None:
    async def ask() -> object:
        context = ssl.create_default_context(cafile=str(authority.file))
        keywords = gateway.target(door).keywords("database")
        connection = await asyncpg.connect(**keywords, ssl=context)
        try:
            return await connection.fetchval("SELECT 40 + $1::int", 2)
        finally:
            await connection.close()

    assert asyncio.run(ask()) == 42


def test_psql(gateway: Gateway) -> None:
    done = subprocess.run(
        ["psql", "-XAt", gateway.uri("transaction", sslmode="require"), "-c", "\\conninfo"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert "TLSv1." in done.stdout, done.stderr


def test_a_certificate_that_nobody_trusts_is_the_clients_to_refuse(
    gateway: Gateway, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    uri = gateway.uri("transaction", sslmode="verify-full", sslrootcert=str(other.file))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(uri)
    eventually(lambda: "a client's TLS ended before it logged in" in gateway.log())


def test_who_does_not_ask_on_this_machine_comes_in_without(gateway: Gateway) -> None:
    with psycopg.connect(gateway.uri("transaction", sslmode="disable")) as connection:
        assert not connection.pgconn.ssl_in_use


def test_a_cancel_through_tls(gateway: Gateway) -> None:
    """libpq 17 and newer send it so; it must strike."""
    uri = gateway.uri("transaction", sslmode="require")
    with psycopg.connect(uri, autocommit=True) as connection:
        canceled: list[bool] = []

        def cancel() -> None:
            eventually(
                lambda: gateway.cluster.activity("query LIKE '%pg_sleep(61)%'"), what="it runs"
            )
            connection.cancel_safe(timeout=20)
            canceled.append(True)

        other = threading.Thread(target=cancel)
        other.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(61)")
        other.join()
        assert canceled
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_copy_both_ways(gateway: Gateway, table: str) -> None:
    uri = gateway.uri("session", sslmode="require")
    with psycopg.connect(uri, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for number in range(20_000):
                copy.write_row((number, "n" * 50))
        with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 20_000


def test_the_console(gateway: Gateway) -> None:
    uri = gateway.target("transaction", database="pglane").uri(sslmode="require")
    with psycopg.connect(gateway.uri("session", sslmode="require")) as client:
        client.execute("SELECT 1")
        with psycopg.connect(uri, autocommit=True) as console:
            rows = console.execute("SHOW CLIENTS", prepare=False).fetchall()
            names = [column.name for column in console.execute("SHOW CLIENTS").description or ()]
    told = [row[names.index("tls")] for row in rows]
    assert any(text.startswith("TLSv1.3/") for text in told), told


# Rules --------------------------------------------------------------------------------------


def test_who_has_a_good_certificate_comes_in(
    strict_gateway: Gateway, authority: Authority
) -> None:
    mine = authority.sign("client", "app")
    uri = strict_gateway.uri(
        "transaction", sslmode="require", sslcert=str(mine.certificate), sslkey=str(mine.key)
    )
    with psycopg.connect(uri) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_who_has_none_or_one_of_others_does_not(strict_gateway: Gateway, tmp_path: Path) -> None:
    worker = strict_gateway.worker_pid
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(strict_gateway.uri("transaction", sslmode="require"))
    theirs = Authority(tmp_path).sign("client", "app")
    uri = strict_gateway.uri(
        "transaction", sslmode="require", sslcert=str(theirs.certificate), sslkey=str(theirs.key)
    )
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(uri)
    with pytest.raises(psycopg.OperationalError, match="this gateway demands TLS"):
        psycopg.connect(strict_gateway.uri("transaction", sslmode="disable"))
    unharmed(strict_gateway, worker)


def test_a_certificate_is_rotated_without_a_restart(
    cluster: PostgresCluster, tmp_path: Path
) -> None:
    old = Authority(tmp_path, "old")
    new = Authority(tmp_path, "new")
    certificate = old.sign("door", "localhost", "IP:127.0.0.1")
    gateway = Gateway(cluster, ("--budget", "2"), {"clients": settings(certificate)})

    def trusted(by: Authority) -> bool:
        uri = gateway.uri("transaction", sslmode="verify-full", sslrootcert=str(by.file))
        try:
            psycopg.connect(uri).close()
        except psycopg.OperationalError as error:
            assert "certificate verify failed" in str(error)
            return False
        return True

    try:
        gateway.start()
        worker = gateway.worker_pid
        with psycopg.connect(gateway.uri("transaction", sslmode="require")) as connection:
            assert trusted(old)
            certificate.key.write_text("not a key")
            gateway.hang_up()
            eventually(lambda: "reload_refused" in gateway.log() or "PGL0130" in gateway.log())
            assert trusted(old)
            new.sign("door", "localhost", "IP:127.0.0.1")
            gateway.hang_up()
            eventually(lambda: trusted(new), what="the new certificate is shown")
            assert not trusted(old)
            assert connection.execute("SELECT 1").fetchone() == (1,)
        unharmed(gateway, worker)
    finally:
        gateway.destroy()


def test_a_network_is_not_crossed_in_the_clear(cluster: PostgresCluster) -> None:
    gateway = Gateway(cluster, ("--listen", "0.0.0.0"))
    try:
        with pytest.raises(AssertionError, match="PGL0132"):
            gateway.start()
    finally:
        gateway.destroy()


# Those who misbehave ------------------------------------------------------------------------


def connect(gateway: Gateway) -> ScriptedClient:
    return ScriptedClient(gateway.target("transaction"))


def asked(gateway: Gateway) -> ScriptedClient:
    client = connect(gateway)
    client.send(ASKED)
    assert client.socket.recv(1) == b"S"
    return client


def test_bytes_before_the_handshake_are_not_used(gateway: Gateway) -> None:
    """In the request's own packet: somebody between us put them there (CVE-2021-23214)."""
    worker = gateway.worker_pid
    client = connect(gateway)
    client.send(ASKED + p.startup({"user": "app", "database": "app"}))
    told = client.socket.recv(1000)
    assert b"PGL0221" in told
    client = asked(gateway)
    client.send(p.startup({"user": "app", "database": "app"}))
    told = b""
    while part := client.socket.recv(1000):
        told += part
    assert told[:1] in (b"", b"\x15")  # an alert, or nothing
    unharmed(gateway, worker)


HELLO = bytes.fromhex("160301020001fc0303")
GARBAGE = {
    "noise": os.urandom(3000),
    "zeros": bytes(3000),
    "a hello with a rest of noise": HELLO + os.urandom(507),
    "a record of 64 kB": b"\x16\x03\x01\xff\xff" + bytes(65_535),
    "a hello that never ends": (b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16_380)) * 20,
    "many empty records": b"\x16\x03\x01\x00\x00" * 10_000,
    "alerts": b"\x15\x03\x01\x00\x02\x01\x00" * 100,
    "application data": b"\x17\x03\x03\x00\x20" + os.urandom(32),
}


@pytest.mark.parametrize("direct", [False, True], ids=["asked", "direct"])
@pytest.mark.parametrize("what", list(GARBAGE))
def test_garbage_costs_only_its_own_connection(gateway: Gateway, what: str, direct: bool) -> None:
    worker = gateway.worker_pid
    client = connect(gateway) if direct else asked(gateway)
    if direct and GARBAGE[what][:1] != b"\x16":
        client.socket.close()
        return
    try:
        client.send(GARBAGE[what])
        client.socket.shutdown(socket.SHUT_WR)
        while client.socket.recv(4096):
            pass
    except OSError:
        pass
    client.socket.close()
    with psycopg.connect(gateway.uri("transaction", sslmode="require")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    unharmed(gateway, worker)


def test_tls_1_1_is_refused(gateway: Gateway) -> None:
    client = asked(gateway)
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol"):
        outdated().wrap_socket(client.socket)


def test_handshakes_that_are_never_finished_are_ended(gateway: Gateway) -> None:
    """Within the time to log in, and bounded in number: the others come in meanwhile."""
    worker = gateway.worker_pid
    slow = [asked(gateway) for _ in range(10)]
    for client in slow:
        client.send(HELLO[:7])
    with psycopg.connect(gateway.uri("transaction", sslmode="require")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    for client in slow:
        client.socket.settimeout(20)
        assert client.socket.recv(100) == b""
    unharmed(gateway, worker)


def test_direct_tls_must_say_what_it_is_for(gateway: Gateway) -> None:
    client = connect(gateway)
    with trusting("http/1.1").wrap_socket(client.socket) as wrapped:
        assert b"PGL0222" in wrapped.recv(1000)


def test_tls_inside_of_tls(gateway: Gateway) -> None:
    client = asked(gateway)
    with trusting().wrap_socket(client.socket) as wrapped:
        wrapped.sendall(ASKED)
        told = wrapped.recv(1000)
    assert told[:1] == b"E"


def test_one_that_reads_nothing_holds_little(gateway: Gateway) -> None:
    """The bound of results held for a slow reader holds with TLS too."""
    client = psycopg.pq.PGconn.connect(gateway.uri("session", sslmode="require").encode())
    try:
        assert client.exec_(b"SELECT 1").status == psycopg.pq.ExecStatus.TUPLES_OK
        before = gateway.worker_memory_bytes()
        client.send_query(b"SELECT repeat('x', 10000) FROM generate_series(1, 20000)")
        client.flush()
        eventually(
            lambda: gateway.cluster.activity("wait_event = 'ClientWrite'"), what="it waits for us"
        )
        assert gateway.worker_memory_bytes() - before < 20_000_000
    finally:
        client.finish()


def test_an_end_without_goodbye(gateway: Gateway) -> None:
    worker = gateway.worker_pid
    client = asked(gateway)
    wrapped = trusting().wrap_socket(client.socket)
    wrapped.sendall(p.startup({"user": "app", "database": "app"}))
    assert wrapped.recv(100)[:1] == b"R"
    plain = socket.socket(fileno=wrapped.detach())
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()
    unharmed(gateway, worker)
