"""md5 and cleartext: drivers come in by what PgBouncer's user list has, and others do not."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pg8000.native
import psycopg
import pytest

from pglane.wire.md5 import md5_stored
from tests.support.certificates import Authority
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import PASSWORDS, Target
from tests.support.waiting import eventually

pytestmark = pytest.mark.gateway

PASSWORDS_HERE = PASSWORDS | {"md5_user": "md5-secret", "nobody": "x"}
DRIVERS = ["psycopg", "psycopg2", "asyncpg", "pg8000", "psql"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authentication")


@pytest.fixture(scope="module")
def userlist(cluster: PostgresCluster, folder: Path) -> Path:
    """As PgBouncer has it: two of PostgreSQL's own secrets, a password, a hash of a SCRAM role."""
    own = dict(cluster.admin("SELECT rolname, rolpassword FROM pg_authid"))
    hashed = md5_stored(b"replicator", PASSWORDS["replicator"].encode()).decode()
    file = folder / "userlist.txt"
    file.write_text(
        f'"md5_user" "{own["md5_user"]}"\n"third" "{own["third"]}"\n'
        f'"second" "{PASSWORDS["second"]}"\n"replicator" "{hashed}"\n'
    )
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def md5_gateway(cluster: PostgresCluster, userlist: Path) -> Iterator[Gateway]:
    settings = {"clients": {"auth": "md5", "auth_file": str(userlist)}}
    one = Gateway(cluster, (), settings, users=())
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def plain_gateway(
    cluster: PostgresCluster, userlist: Path, authority: Authority
) -> Iterator[Gateway]:
    door = authority.sign("door", "localhost", "DNS:localhost", "IP:127.0.0.1")
    clients = {
        "auth": "plain",
        "auth_file": str(userlist),
        "tls_cert_file": str(door.certificate),
        "tls_key_file": str(door.key),
    }
    one = Gateway(cluster, (), {"clients": clients}, users=())
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


def target_of(gateway: Gateway, user: str, password: str = "") -> Target:
    target = gateway.target("transaction", user)
    secrets = PASSWORDS_HERE | ({user: password} if password else {})
    return Target(
        "transaction", target.host, target.port, target.server_version, user, "app", secrets
    )


def asked_of(gateway: Gateway, user: str) -> int:
    """The code of the authentication that a user is asked for."""
    with ScriptedClient(gateway.target("transaction")) as client:
        client.send_startup(user=user, database="app")
        return int.from_bytes(client.read_message().body[:4], "big")


def come_in(driver: str, target: Target, sslmode: str = "prefer") -> str:
    """The role at the server, as a driver sees it."""
    ask = "SELECT current_user::text"
    if driver == "psycopg":
        with psycopg.connect(target.uri(sslmode=sslmode)) as connection:
            return str(connection.execute(ask).fetchone()[0])  # type: ignore[index]
    if driver == "psycopg2":
        return _psycopg2(target, sslmode, ask)
    if driver == "psql":
        done = subprocess.run(
            ["psql", "-XAtc", ask, target.uri(sslmode=sslmode)],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
    if driver == "asyncpg":
        return asyncio.run(_asyncpg(target, sslmode, ask))
    return _pg8000(target, sslmode, ask)


def _psycopg2(target: Target, sslmode: str, ask: str) -> str:
    psycopg2 = pytest.importorskip("psycopg2")
    connection = psycopg2.connect(target.uri(sslmode=sslmode))
    try:
        with connection.cursor() as cursor:
            cursor.execute(ask)
            return str(cursor.fetchone()[0])
    finally:
        connection.close()


async def _asyncpg(target: Target, sslmode: str, ask: str) -> str:
    connection = await asyncpg.connect(**target.keywords("database"), ssl=sslmode)
    try:
        return str(await connection.fetchval(ask))
    finally:
        await connection.close()


def _pg8000(target: Target, sslmode: str, ask: str) -> str:
    context = True if sslmode == "require" else None
    connection = pg8000.native.Connection(**target.keywords("database"), ssl_context=context)
    try:
        return str(connection.run(ask)[0][0])
    finally:
        connection.close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_by_md5(md5_gateway: Gateway, driver: str) -> None:
    """A hash (and the hash alone opens the server connection), a password, a SCRAM verifier."""
    for user in ("md5_user", "second", "third"):
        assert come_in(driver, target_of(md5_gateway, user)) == user


def test_which_way_each_user_goes(md5_gateway: Gateway) -> None:
    assert asked_of(md5_gateway, "md5_user") == 5
    assert asked_of(md5_gateway, "second") == 5
    assert asked_of(md5_gateway, "third") == 10
    assert asked_of(md5_gateway, "nobody") == 5  # as most


def refused(gateway: Gateway, user: str, password: str = "", sslmode: str = "prefer") -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(target_of(gateway, user, password).uri(sslmode=sslmode))
    return str(caught.value)


def test_the_wrong_password_and_the_wrong_name_look_the_same(md5_gateway: Gateway) -> None:
    known = refused(md5_gateway, "md5_user", "wrong").replace("md5_user", "USER")
    assert known == refused(md5_gateway, "nobody", "wrong").replace("nobody", "USER")
    assert "password authentication failed" in known
    assert "password authentication failed" in refused(md5_gateway, "third", "wrong")


def test_a_hash_is_not_enough_where_postgresql_asks_for_scram(md5_gateway: Gateway) -> None:
    told = refused(md5_gateway, "replicator")
    assert 'an md5 hash does not log user "replicator" in at PostgreSQL' in told
    assert "PGL0606" in told
    assert "Give the user its password" in told


def test_hashes_are_in_no_log(md5_gateway: Gateway, userlist: Path) -> None:
    secrets = [line.split('"')[3] for line in userlist.read_text().splitlines()]
    assert not any(secret in md5_gateway.log() for secret in secrets)


@pytest.mark.parametrize("driver", DRIVERS)
def test_by_the_password_itself_inside_tls(plain_gateway: Gateway, driver: str) -> None:
    """Of `third` nothing is known but the verifier: its keys fall out of the password."""
    for user in ("md5_user", "second", "third"):
        assert come_in(driver, target_of(plain_gateway, user), "require") == user


def test_not_in_the_clear(plain_gateway: Gateway) -> None:
    told = refused(plain_gateway, "second", sslmode="disable")
    assert "PGL0207" in told
    assert "sslmode=require" in told
    assert refused(plain_gateway, "nobody", sslmode="disable") == told.replace("second", "nobody")
    with ScriptedClient(plain_gateway.target("transaction")) as client:
        client.send_startup(user="second", database="app")
        assert client.read_message().kind == "E"


def test_the_wrong_password_inside_tls(plain_gateway: Gateway) -> None:
    for user in ("second", "third", "md5_user", "nobody"):
        told = refused(plain_gateway, user, "wrong", sslmode="require")
        assert "password authentication failed" in told


def test_by_the_password_itself_through_a_unix_socket(
    cluster: PostgresCluster, userlist: Path, folder: Path
) -> None:
    sockets = folder / "sockets"
    sockets.mkdir(exist_ok=True)
    clients = {"auth": "plain", "auth_file": str(userlist)}
    listen = {"unix_socket_directory": str(sockets)}
    one = Gateway(cluster, (), {"clients": clients, "listen": listen}, users=())
    try:
        one.start()
        port = one.ports["transaction"]
        with psycopg.connect(
            host=str(sockets), port=port, user="third", password=PASSWORDS["third"], dbname="app"
        ) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("third",)
        assert "PGL0207" in refused(one, "third")
    finally:
        one.destroy()


def test_a_reload_that_brings_a_hash_for_nobody_is_refused(
    cluster: PostgresCluster, userlist: Path, folder: Path
) -> None:
    """With auth = "scram": the line is told, and who could come in still can."""
    mine = folder / "mine.txt"
    mine.write_text(f'"second" "{PASSWORDS["second"]}"\n')
    mine.chmod(0o600)
    one = Gateway(cluster, (), {"clients": {"auth_file": str(mine)}}, users=())
    try:
        one.start()
        assert come_in("psycopg", target_of(one, "second")) == "second"
        mine.write_text(mine.read_text() + userlist.read_text().splitlines()[0] + "\n")
        one.hang_up()
        eventually(lambda: "PGL0119" in one.log(), what="the hash is told")
        assert f"{mine}:2" in one.log()
        assert come_in("psycopg", target_of(one, "second")) == "second"
    finally:
        one.destroy()
