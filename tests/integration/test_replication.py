"""Replication connections go through the direct door, and through no other."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import psycopg2
import psycopg2.extras
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import LoginRefusedError, ScriptedClient
from tests.support.target import Target
from tests.support.unprivileged import DEBIAN_BIN
from tests.support.waiting import eventually

pytestmark = pytest.mark.debian_server


@pytest.fixture
def replicator(direct_door: Target) -> Target:
    return direct_door.as_user("replicator")


def _run(program: str, target: Target, *options: str) -> str:
    done = subprocess.run(
        [str(DEBIAN_BIN / program), *options],
        env={**os.environ, **target.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def of_debian(server_version: str) -> None:
    """pg_basebackup and its like refuse servers that are newer than they are."""
    if server_version != "15":
        pytest.skip("Debian's programs are of version 15; the wheel of 18 brings none of them")


@pytest.mark.usefixtures("of_debian")
def test_pg_basebackup(replicator: Target, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    _run("pg_basebackup", replicator, "-D", str(copy), "-X", "stream", "--checkpoint=fast")
    assert (copy / "PG_VERSION").read_text() == "15\n"
    assert (copy / "pg_wal").is_dir()
    shutil.rmtree(copy)


@pytest.mark.usefixtures("of_debian")
def test_pg_receivewal(replicator: Target, cluster: PostgresCluster, tmp_path: Path) -> None:
    until = cluster.admin("SELECT (pg_current_wal_lsn() + 1000)::text")[0][0]
    with subprocess.Popen(
        [str(DEBIAN_BIN / "pg_receivewal"), "-D", tmp_path, "--no-sync", "--endpos", until],
        env={**os.environ, **replicator.environment()},
    ) as receiver:
        eventually(lambda: cluster.admin("SELECT 1 FROM pg_stat_replication"))
        cluster.admin("CREATE TABLE fills_wal AS SELECT generate_series(1, 1000)")
        assert receiver.wait(timeout=30) == 0
    assert list(tmp_path.iterdir())


def test_physical_replication_commands(replicator: Target, cluster: PostgresCluster) -> None:
    with ScriptedClient.login(replicator, replication="true") as client:
        (system,) = rows(client.query("IDENTIFY_SYSTEM"))
        place = system[2]
        assert rows(client.query("SHOW wal_level")) == [("logical",)]
        client.send(p.query(f"START_REPLICATION PHYSICAL {place}"))
        assert client.read_message().kind == "W"
        cluster.admin("SELECT pg_switch_wal()")
        while (got := client.read_message()).body[:1] != b"w":
            assert got.kind == "d"
        status = struct.pack("!cQQQQB", b"r", 0, 0, 0, 0, 1)
        client.send(p.copy_data(status))
        while client.read_message().body[:1] != b"k":
            pass
        client.send(p.copy_done())
        client.read_until()
        assert client.status == "I"


def test_base_backup_stream(replicator: Target) -> None:
    with ScriptedClient.login(replicator, replication="true", timeout_s=30) as client:
        client.send(p.query("BASE_BACKUP (LABEL 'test', CHECKPOINT 'fast', WAIT false)"))
        answer = client.read_until()
        assert not errors(answer)
        assert sum(len(one.body) for one in answer if one.kind == "d") > 10_000_000


def test_logical_replication_by_psycopg2(
    replicator: Target, cluster: PostgresCluster, table: str
) -> None:
    cluster.admin(f"CREATE PUBLICATION pub_{table} FOR TABLE {table}", database="app")
    connection = psycopg2.connect(
        replicator.uri(), connection_factory=psycopg2.extras.LogicalReplicationConnection
    )
    cursor = connection.cursor()
    cursor.execute(f"CREATE_REPLICATION_SLOT slot_{table} TEMPORARY LOGICAL pgoutput")
    cursor.start_replication(
        f"slot_{table}", options={"proto_version": "1", "publication_names": f"pub_{table}"}
    )
    cluster.admin(f"INSERT INTO {table} VALUES (1, 'replicated')", database="app")
    seen = bytearray()

    def heard() -> bool:
        message = cursor.read_message()
        if message is not None:
            seen.extend(message.payload)
            cursor.send_feedback(flush_lsn=message.data_start)
        return b"replicated" in seen

    eventually(heard)
    connection.close()
    eventually(lambda: not cluster.admin("SELECT 1 FROM pg_replication_slots"))


def test_a_replication_client_that_vanishes_frees_its_slot(
    replicator: Target, cluster: PostgresCluster
) -> None:
    client = ScriptedClient.login(replicator, replication="database")
    create = "CREATE_REPLICATION_SLOT vanishing TEMPORARY LOGICAL pgoutput"
    assert not errors(client.query(create))
    client.reset()
    eventually(lambda: not cluster.admin("SELECT 1 FROM pg_replication_slots"))


@pytest.mark.gateway
@pytest.mark.parametrize("door", ["transaction", "session"])
@pytest.mark.parametrize("kind", ["true", "database", "on", "1"])
def test_other_doors_refuse_and_name_the_direct_door(
    gateway: Gateway, door: str, kind: str
) -> None:
    with pytest.raises(LoginRefusedError) as caught:
        ScriptedClient.login(gateway.target(door, "replicator"), replication=kind)
    assert caught.value.sqlstate == "0A000"
    hint = caught.value.answer.fields["H"]
    assert "direct" in hint
    assert str(gateway.ports["direct"]) in hint
