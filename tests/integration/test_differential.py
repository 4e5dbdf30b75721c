"""Random sequences of statements, through a door that rotates and on private connections.

Each transaction of a client is on another server connection than its last one, and whatever
statements leave must be found there and nowhere else. The seed and the number of sequences are
printed; PGLANE_DIFFERENTIAL_SEED and PGLANE_DIFFERENTIAL_EXAMPLES choose them
(`make differential` runs thousands).
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

from tests.support.differential import Step, Worlds
from tests.support.differential_texts import CLEAN, GROUP, SCHEMA, steps
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster

pytestmark = pytest.mark.gateway
STARTUPS: tuple[dict[str, str], ...] = (
    {},
    {"options": "-c search_path=s2,public -c app.tenant=started -c work_mem=6MB"},
    {"TimeZone": "Asia/Tokyo", "DateStyle": "SQL, DMY"},
)
CLIENTS = len(STARTUPS)
TURNS_MAX = 12
STEPS_MAX = 8
EXAMPLES = int(os.environ.get("PGLANE_DIFFERENTIAL_EXAMPLES", "150"))
SEED = int(os.environ.get("PGLANE_DIFFERENTIAL_SEED", "0")) or random.randrange(1, 1 << 32)
BUDGET = 2 * CLIENTS + 2
turns = st.tuples(st.integers(0, CLIENTS - 1), st.lists(steps, min_size=1, max_size=STEPS_MAX))
sequences = st.lists(turns, max_size=TURNS_MAX)
TRUTH, DOOR = "differential_truth", "differential_door"


def _make(cluster: PostgresCluster, database: str) -> None:
    cluster.admin(f"CREATE DATABASE {database}")
    cluster.admin(SCHEMA, database=database)


@pytest.fixture(scope="module")
def databases(cluster: PostgresCluster) -> None:
    cluster.admin(f"CREATE ROLE {GROUP}; GRANT {GROUP} TO app")
    for database in (TRUTH, DOOR):
        _make(cluster, database)
        cluster.admin(
            "ALTER TABLE public.t OWNER TO app; ALTER TABLE public.watched OWNER TO app; "
            "ALTER SEQUENCE public.sq OWNER TO app",
            database=database,
        )


@contextmanager
def _worlds(
    cluster: PostgresCluster, settings: Mapping[str, Mapping[str, object]]
) -> Iterator[Worlds]:
    options = ("--budget", str(BUDGET), "--rotate", str(CLIENTS + 2))
    gateway = Gateway(cluster, options, settings)
    try:
        gateway.start()
        door = gateway.target("transaction", database=DOOR)
        both = Worlds(cluster.target(database=TRUTH), door, STARTUPS, CLEAN)
        yield both
        both.close()
        assert "Traceback" not in gateway.log(), gateway.log()
    finally:
        gateway.destroy()


def _compare(
    worlds: Worlds, examples: int, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @seed(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(sequences)
    def compare(turns: list[tuple[int, list[Step]]]) -> None:
        worlds.run([(client, step) for client, told in turns for step in told])

    try:
        compare()
    finally:
        tally = worlds.tally
        with capsys.disabled():
            print(
                f"\ndifferential: PostgreSQL {server_version}, seed {SEED}: {tally.sequences} "
                f"sequences, {tally.steps} statements, refused {dict(tally.refused)}"
            )


@pytest.mark.usefixtures("databases")
def test_every_sequence_behaves_as_on_a_private_connection(
    cluster: PostgresCluster, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with _worlds(cluster, {}) as worlds:
        _compare(worlds, EXAMPLES, server_version, capsys)


@pytest.mark.usefixtures("databases")
def test_it_does_where_a_begin_waits_for_the_tags_behind_it(
    cluster: PostgresCluster, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with _worlds(cluster, {"lanes.bulk": {"rank": 1}}) as worlds:
        _compare(worlds, -(-EXAMPLES // 10), server_version, capsys)
