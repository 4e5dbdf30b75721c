"""Prometheus' page on a running gateway."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import psycopg
import pytest

from pglane.control.metrics import METRICS
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS
from tests.support.unprivileged import free_port
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]


@pytest.fixture(scope="module")
def offered(cluster: PostgresCluster) -> Iterator[tuple[Gateway, str]]:
    """A gateway with metrics, and their address."""
    port = free_port()
    lanes = {"lanes.otp": {"reserve": 1, "lend": "no"}}
    gateway = Gateway(cluster, ("--budget", "3"), {"metrics": {"port": port}, **lanes})
    try:
        yield gateway.start(), f"http://127.0.0.1:{port}"
    finally:
        gateway.destroy()


def values(url: str) -> dict[str, float]:
    """Sums over all labels, by metric."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = re.split(r"[{ ]", line, maxsplit=1)[0], line.rsplit(" ", 1)[1]
            sums[name] = sums.get(name, 0.0) + float(value)
    assert not [secret for secret in PASSWORDS.values() if secret in text]
    return sums


def test_every_metric_has_a_value(offered: tuple[Gateway, str]) -> None:
    gateway, url = offered
    with psycopg.connect(gateway.uri("transaction")) as client:
        client.execute("SELECT 1")
        known = {metric.name + each.suffix for metric in METRICS for each in metric.samples}
        eventually(lambda: "pglane_tenant_leases_total" in values(url))  # written once a second
        assert set(values(url)) == known


def test_figures_are_those_of_the_console(offered: tuple[Gateway, str]) -> None:
    gateway, url = offered
    with psycopg.connect(gateway.uri("transaction"), autocommit=True) as client:
        before = values(url)
        for _ in range(5):
            client.execute("SELECT 1", prepare=False)
        after = values(url)
        (row,) = [row for row in gateway.show("STATS_TOTALS") if row["database"] == "app"]
    assert after["pglane_queries_total"] - before["pglane_queries_total"] == 5
    assert after["pglane_queries_total"] == row["query_count"]
    assert after["pglane_received_bytes_total"] > before["pglane_received_bytes_total"]
    assert after["pglane_client_connections"] == after["pglane_clients"] == 1
    assert after["pglane_budget_server_connections"] == 3
    assert after["pglane_server_connections"] <= 3


def test_there_is_no_other_page(offered: tuple[Gateway, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(offered[1], timeout=20)
