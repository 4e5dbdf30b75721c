"""PgBouncer's userlist.txt as it is: who comes in by it, and what a reload makes of a new one."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

QUOTED = 'a"b'


@pytest.fixture
def userlist(cluster: PostgresCluster, tmp_path: Path) -> Path:
    """A password, PostgreSQL's own verifier, and a password with a quote in it."""
    verifier = cluster.admin("SELECT rolpassword FROM pg_authid WHERE rolname = 'third'")[0][0]
    file = tmp_path / "userlist.txt"
    file.write_text(
        f'; users of the shop\n"second" "{PASSWORDS["second"]}"\n\n"third" "{verifier}" ; old\n'
        '"userlist_quoted" "a""b"\n'
    )
    file.chmod(0o600)
    return file


@pytest.fixture
def gateway(cluster: PostgresCluster, userlist: Path) -> Iterator[Gateway]:
    cluster.admin(f"CREATE ROLE userlist_quoted LOGIN PASSWORD '{QUOTED}'")
    one = Gateway(cluster, (), {"clients": {"auth_file": str(userlist)}}, users=())
    try:
        yield one.start()
    finally:
        one.destroy()
        cluster.admin("DROP ROLE userlist_quoted")


def come_in(gateway: Gateway, user: str, password: str) -> str:
    """The role at the server, or what the client was told."""
    target = gateway.target("transaction", database="app")
    try:
        with psycopg.connect(
            host=target.host, port=target.port, dbname="app", user=user, password=password
        ) as connection:
            return str(connection.execute("SELECT current_user").fetchone()[0])  # type: ignore[index]
    except psycopg.OperationalError as error:
        return str(error)


def test_who_comes_in(gateway: Gateway) -> None:
    assert come_in(gateway, "second", PASSWORDS["second"]) == "second"
    assert come_in(gateway, "third", PASSWORDS["third"]) == "third"
    assert come_in(gateway, "userlist_quoted", QUOTED) == "userlist_quoted"
    assert "password" in come_in(gateway, "second", PASSWORDS["third"])
    assert "password" in come_in(gateway, "replicator", PASSWORDS["replicator"])


def test_a_reload_reads_it_again(gateway: Gateway, userlist: Path) -> None:
    worker = gateway.worker_pid
    whole = userlist.read_text()
    with psycopg.connect(gateway.uri("session", "second")) as inside:
        userlist.write_text(f'{whole}"fourth"\n')
        gateway.hang_up()
        eventually(lambda: "PGL0118" in gateway.log(), what="the broken line is told")
        assert f"{userlist}:6" in gateway.log()
        assert come_in(gateway, "third", PASSWORDS["third"]) == "third"
        userlist.write_text(whole.replace('"third"', ';"third"'))
        gateway.hang_up()
        eventually(
            lambda: "password" in come_in(gateway, "third", PASSWORDS["third"]),
            what="third is not let in any more",
        )
        assert come_in(gateway, "userlist_quoted", QUOTED) == "userlist_quoted"
        assert inside.execute("SELECT 1").fetchone() == (1,)
    assert gateway.worker_pid == worker
    assert QUOTED not in gateway.log()
