"""pgbench with its defaults, in every query mode."""

import os
import re
import subprocess

import pytest

from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import Target

pytestmark = [pytest.mark.one_server, pytest.mark.usefixtures("pgbench_tables")]


def run_pgbench(cluster: PostgresCluster, target: Target, *options: str) -> str:
    done = subprocess.run(
        [str(cluster.program("pgbench")), *options],
        env={**os.environ, **target.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "aborted" not in done.stderr, done.stderr
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    assert failed is not None, done.stdout
    assert failed[1] == "0", done.stdout + done.stderr
    return done.stdout


def _processed(report: str) -> str:
    found = re.search(r"number of transactions actually processed: (\S+)", report)
    assert found is not None, report
    return found[1]


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_reads(cluster: PostgresCluster, target: Target, mode: str) -> None:
    report = run_pgbench(cluster, target, "-S", "-M", mode, "-c", "8", "-j", "2", "-t", "100")
    assert _processed(report) == "800/800"


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_writes_keep_the_books_balanced(
    cluster: PostgresCluster, target: Target, mode: str
) -> None:
    report = run_pgbench(cluster, target, "-M", mode, "-c", "8", "-j", "2", "-t", "25")
    assert _processed(report) == "200/200"
    sums = cluster.admin(
        "SELECT (SELECT sum(abalance) FROM pgbench_accounts), "
        "(SELECT sum(bbalance) FROM pgbench_branches), "
        "(SELECT sum(tbalance) FROM pgbench_tellers), "
        "(SELECT count(*) FROM pgbench_history)",
        database="app",
    )[0]
    assert sums[0] == sums[1] == sums[2]
    assert sums[3] == 200


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_a_connection_for_each_transaction(
    cluster: PostgresCluster, target: Target, mode: str
) -> None:
    report = run_pgbench(cluster, target, "-C", "-S", "-M", mode, "-c", "4", "-j", "2", "-t", "10")
    assert _processed(report) == "40/40"


def test_pipelines(cluster: PostgresCluster, target: Target, tmp_path) -> None:
    script = tmp_path / "pipeline.sql"
    script.write_text(
        "\\set id random(1, 100000)\n\\startpipeline\n"
        + "SELECT abalance FROM pgbench_accounts WHERE aid = :id;\n" * 5
        + "\\endpipeline\n"
    )
    report = run_pgbench(
        cluster, target, "-n", "-M", "prepared", "-f", str(script), "-c", "4", "-t", "20"
    )
    assert _processed(report) == "80/80"


def test_more_clients_than_server_connections(
    cluster: PostgresCluster, narrow_target: Target
) -> None:
    """Behind doors that keep a server connection, clients take turns connection by connection.

    Each has a thread: pgbench connects synchronously, so two clients of one thread would wait
    for each other.
    """
    if narrow_target.door in {"session", "direct"}:
        options = ("-C", "-S", "-c", "12", "-j", "12", "-t", "5")
    else:
        options = ("-S", "-M", "prepared", "-c", "40", "-j", "2", "-t", "20")
    run_pgbench(cluster, narrow_target, *options)
