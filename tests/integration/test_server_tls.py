"""TLS towards PostgreSQL. Of the servers here, those that are built with it."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.conftest import SERVERS
from tests.support.certificates import Authority
from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS
from tests.support.unprivileged import give_away, postgres_programs
from tests.support.waiting import eventually

pytestmark = pytest.mark.gateway

ACCESS = """\
local     all  all         scram-sha-256
hostnossl all  second      127.0.0.1/32  reject
hostssl   all  third       127.0.0.1/32  reject
hostssl   all  clear_user  127.0.0.1/32  password
hostssl   all  known       127.0.0.1/32  cert
host      all  all         127.0.0.1/32  scram-sha-256
"""
SEEN = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def speaks_tls(version: str) -> bool:
    """Whether this PostgreSQL is built with OpenSSL; the embedded one is not."""
    return b"SSL_CTX_new" in Path(postgres_programs(version), "postgres").read_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=[v for v in SERVERS if speaks_tls(v)])
def tls_cluster(request: pytest.FixtureRequest, authority: Authority) -> Iterator[PostgresCluster]:
    """A server with a certificate for localhost, and not for 127.0.0.1."""
    certificate = authority.sign("server", "localhost", "DNS:localhost")
    one = PostgresCluster(str(request.param))
    files = {"ssl_cert_file": certificate.certificate, "ssl_key_file": certificate.key}
    for name, file in (*files.items(), ("ssl_ca_file", authority.file)):
        copy = one.folder / file.name
        shutil.copy(file, copy)
        copy.chmod(0o600)
        give_away(copy)
        one.configure(**{name: str(copy)})
    one.configure(ssl="on")
    try:
        one.create()
        one.admin("CREATE ROLE known LOGIN")
        (one.data / "pg_hba.conf").write_text(ACCESS)
        one.admin("SELECT pg_reload_conf()")
        yield one
    finally:
        one.destroy()


Start = Callable[..., Gateway]


@pytest.fixture
def start(tls_cluster: PostgresCluster) -> Iterator[Start]:
    running: list[Gateway] = []

    def make(
        words: str = "",
        host: str = "localhost",
        user: str = "app",
        password: str = "",
        settings: dict[str, dict[str, object]] | None = None,
    ) -> Gateway:
        uri = f"postgresql://{user}@{host}:{tls_cluster.port}/app{words and '?' + words}"
        one = Gateway(
            tls_cluster,
            ("--budget", "4"),
            settings,
            users=("second", "third", "postgres"),
            uri=uri,
            password=password or PASSWORDS[user],
        )
        running.append(one)
        return one.start()

    yield make
    for one in running:
        one.destroy()


def seen(gateway: Gateway, door: str = "transaction", user: str = "app") -> tuple[bool, str]:
    """What the server says of the connection that a client got."""
    with psycopg.connect(gateway.uri(door, user)) as connection:
        row = connection.execute(SEEN).fetchone()
        assert row is not None
        return row


def test_what_the_uri_asks_for_is_what_every_connection_has(
    start: Start, authority: Authority, tls_cluster: PostgresCluster
) -> None:
    """Those of clients, of listeners and the monitor's."""
    gateway = start(f"sslmode=verify-full&sslrootcert={authority.file}")
    for door in DOORS:
        encrypted, version = seen(gateway, door)
        assert encrypted
        assert version.startswith("TLSv1.")
    with psycopg.connect(gateway.uri("transaction"), autocommit=True) as listener:
        listener.execute("LISTEN news")
        connections = "application_name IN ('pglane monitor', 'pglane listening')"
        names = (
            f"SELECT application_name FROM pg_stat_activity NATURAL JOIN pg_stat_ssl "
            f"WHERE ssl AND {connections}"
        )
        eventually(
            lambda: (
                sorted(row[0] for row in tls_cluster.admin(names))
                == ["pglane listening", "pglane monitor"]
            )
        )
        tls = {row["tls"][:6] for row in gateway.show("SERVERS")}
        assert tls == {"TLSv1."}
    eventually(lambda: "is watched" in gateway.log())  # said by the supervisor when it is


def test_big_answers_and_questions(start: Start) -> None:
    gateway = start("sslmode=require")
    text = "x" * 3_000_000
    for door in DOORS:
        with psycopg.connect(gateway.uri(door)) as connection:
            assert connection.execute("SELECT %s", (text,)).fetchone() == (text,)


def test_on_this_machine_it_is_used_where_the_server_insists(start: Start) -> None:
    gateway = start(host="127.0.0.1")
    assert seen(gateway) == (False, None)
    assert seen(gateway, user="second")[0]
    assert seen(gateway, user="third") == (False, None)


def test_prefer_uses_it_and_goes_without_where_the_server_insists(start: Start) -> None:
    gateway = start("sslmode=prefer")
    assert seen(gateway)[0]
    assert not seen(gateway, user="third")[0]


def test_logins_are_bound_to_it_where_that_is_demanded(
    start: Start, tls_cluster: PostgresCluster
) -> None:
    """As PostgreSQL itself sees it; a user without a SCRAM verifier cannot."""
    gateway = start("sslmode=require&channel_binding=require")
    for door in DOORS:
        assert seen(gateway, door)[0]
    told = refused(start("sslmode=require&channel_binding=require", **CLEAR), **CLEAR)
    assert "PGL0621" in told
    assert "CleartextPassword" in told


CLEAR = {"user": "clear_user", "password": "clear-secret"}


def refused(gateway: Gateway, user: str = "app", password: str = "") -> str:
    target = gateway.target("transaction").as_user(user)
    if password:
        target.passwords[user] = password
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(target.uri())
    return str(caught.value)


def test_what_is_demanded_is_never_done_without(start: Start, tmp_path: Path) -> None:
    assert "pg_hba.conf rejects" in refused(start("sslmode=require"), "third")
    other = Authority(tmp_path)
    told = refused(start(f"sslmode=verify-ca&sslrootcert={other.file}"))
    assert "PGL0620" in told
    assert "certificate" in told


def test_the_name_in_the_certificate_counts(start: Start, authority: Authority) -> None:
    words = f"sslrootcert={authority.file}&sslmode="
    assert seen(start(f"{words}verify-ca", host="127.0.0.1"))[0]
    told = refused(start(f"{words}verify-full", host="127.0.0.1"))
    assert "PGL0620" in told


def test_a_server_without_tls(cluster: PostgresCluster) -> None:
    uri = f"{cluster.uri_without_secret()}?sslmode="
    strict = Gateway(cluster, ("--budget", "2"), uri=f"{uri}require")
    lenient = Gateway(cluster, ("--budget", "2"), uri=f"{uri}prefer")
    try:
        told = refused(strict.start())
        assert "PGL0620" in told
        assert "does not offer TLS" in told
        with psycopg.connect(lenient.start().uri("transaction")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        strict.destroy()
        lenient.destroy()


def test_a_password_in_the_clear_only_where_tls_is_demanded(start: Start) -> None:
    gateway = start("sslmode=require", **CLEAR)
    target = gateway.target("transaction").as_user("clear_user")
    target.passwords["clear_user"] = "clear-secret"
    with psycopg.connect(target.uri()) as connection:
        assert connection.execute(SEEN).fetchone()[0]


def test_our_own_certificate(start: Start, authority: Authority) -> None:
    mine = authority.sign("gateway", "known")
    gateway = start(
        f"sslmode=require&sslcert={mine.certificate}&sslkey={mine.key}",
        user="known",
        password="nobody asks",
    )
    target = gateway.target("session").as_user("known")
    target.passwords["known"] = "nobody asks"
    with psycopg.connect(target.uri()) as connection:
        assert connection.execute(SEEN).fetchone()[0]


def test_a_cancel_is_encrypted_too(start: Start, tls_cluster: PostgresCluster) -> None:
    gateway = start("sslmode=require")
    with psycopg.connect(gateway.uri("transaction"), autocommit=True) as connection:

        def cancel() -> None:
            eventually(lambda: tls_cluster.activity("query LIKE '%pg_sleep(62)%'"))
            connection.cancel_safe(timeout=20)

        other = threading.Thread(target=cancel)
        other.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(62)")
        other.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_connection_that_ends_is_replaced(
    start: Start, tls_cluster: PostgresCluster
) -> None:
    gateway = start("sslmode=require")
    with psycopg.connect(gateway.uri("session"), autocommit=True) as connection:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        tls_cluster.admin(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    eventually(lambda: _answers(gateway), what="a client is served again", within_s=60)


def _answers(gateway: Gateway) -> bool:
    try:
        return bool(seen(gateway)[0])
    except psycopg.Error:
        return False


def test_direct_tls_towards_another_gateway(
    cluster: PostgresCluster, authority: Authority
) -> None:
    """PostgreSQL 17 and newer can; ours does too, whatever is behind it."""
    door = authority.sign("front", "localhost", "DNS:localhost")
    files = {"tls_cert_file": str(door.certificate), "tls_key_file": str(door.key)}
    front = Gateway(cluster, ("--budget", "4"), {"clients": {**files, "tls_sslmode": "require"}})
    try:
        port = front.start().ports["session"]
        words = f"sslmode=verify-full&sslrootcert={authority.file}&sslnegotiation=direct"
        uri = f"postgresql://app@localhost:{port}/app?{words}"
        back = Gateway(cluster, ("--budget", "2"), uri=uri)
        try:
            with psycopg.connect(back.start().uri("session")) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            assert {row["tls"][:6] for row in back.show("SERVERS")} == {"TLSv1."}
        finally:
            back.destroy()
    finally:
        front.destroy()
