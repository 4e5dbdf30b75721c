"""The soak in short: all clients, one fault of each kind; `make soak` does it for an hour."""

import os
from collections.abc import Iterator

import pytest

from tests.soak.load import CLIENTS
from tests.soak.soak import Soak
from tests.support.postgres_cluster import PostgresCluster

pytestmark = pytest.mark.gateway
SERVER = os.environ.get("PGLANE_TEST_SERVERS", "18").split(",")[0]
RATE = 8.0
FAULTS = (
    "cut", "answer_lost", "backend_ended", "client_killed", "reload", "client_stopped",
    "network_broken", "worker_killed", "postgresql_immediate",
)  # fmt: skip
BETWEEN_S = 1.5
LONGEST_S = 120.0


@pytest.fixture
def own_cluster() -> Iterator[PostgresCluster]:
    one = PostgresCluster(SERVER)
    try:
        yield one.create()
    finally:
        one.destroy()


def test_a_short_soak_finds_nothing(own_cluster: PostgresCluster) -> None:
    timetable = [(BETWEEN_S * (2 + number), name) for number, name in enumerate(FAULTS)]
    with Soak(own_cluster, RATE, seed=1) as soak:
        soak.run(timetable, 0, 0.5, lambda: _enough(soak) or soak.now_s > LONGEST_S)
        assert soak.failures() == []
        assert [what.split()[0] for _, what in soak.breaker.happened] == list(FAULTS)
        assert _working(soak) == {(kind, door) for kind, door, _ in CLIENTS}, soak.load.account


def _working(soak: Soak) -> set[tuple[str, ...]]:
    return {tuple(name.split()[:2]) for name in soak.load.account.units}


def _enough(soak: Soak) -> bool:
    """Every fault has been, and all clients have worked."""
    return len(soak.breaker.happened) == len(FAULTS) and len(_working(soak)) == len(CLIENTS)
