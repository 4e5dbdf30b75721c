"""Plays random sequences through a door that rotates and on private connections.

Each transaction of a client is on another server connection than its last one. The seed and the
number of sequences are printed; PGLANE_DIFFERENTIAL_SEED and PGLANE_DIFFERENTIAL_EXAMPLES choose
them (`make differential` runs thousands).
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

from tests.support.differential import Step, Worlds
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster

STARTUPS: tuple[dict[str, str], ...] = (
    {},
    {},
    {"options": "-c search_path=s2,public -c app.tenant=started -c work_mem=6MB"},
    {"TimeZone": "Asia/Tokyo", "DateStyle": "SQL, DMY"},
)
"""Two alike, who share server connections: others are opened for those who begin otherwise."""
CLIENTS = len(STARTUPS)
ALIKE = (0, 1, 0, 1, 2, 3)
FEW_MAX = 6
TURNS_MAX = 12
STEPS_MAX = 8
EXAMPLES = int(os.environ.get("PGLANE_DIFFERENTIAL_EXAMPLES", "30"))
SEED = int(os.environ.get("PGLANE_DIFFERENTIAL_SEED", "0")) or random.randrange(1, 1 << 32)
BUDGET = 2 * CLIENTS + 2
GROUP = "crew"
Sequences = st.SearchStrategy[list[tuple[int, list[Step]]]]


def make_databases(cluster: PostgresCluster, names: tuple[str, str], schema: str) -> None:
    """Two alike, owned by nobody special; the group that `app` may become is made once."""
    if not cluster.admin(f"SELECT 1 FROM pg_roles WHERE rolname = '{GROUP}'"):
        cluster.admin(f"CREATE ROLE {GROUP}; GRANT {GROUP} TO app")
    for name in names:
        cluster.admin(f"CREATE DATABASE {name}")
        cluster.admin(f"ALTER DATABASE {name} SET lock_timeout = '1s'")  # clients take turns
        cluster.admin(f"GRANT CREATE ON DATABASE {name} TO app, {GROUP}")
        cluster.admin(schema, database=name)


@contextmanager
def worlds(
    cluster: PostgresCluster,
    names: tuple[str, str],
    clean: str,
    settings: Mapping[str, Mapping[str, object]],
) -> Iterator[Worlds]:
    """Clients in both databases: private connections to the first, the door to the second."""
    options = ("--budget", str(BUDGET), "--rotate", str(CLIENTS + 2))
    gateway = Gateway(cluster, options, settings)
    truth, behind = names
    try:
        gateway.start()
        door = gateway.target("transaction", database=behind)
        both = Worlds(cluster.target(database=truth), door, STARTUPS, clean)
        yield both
        both.close()
        assert "Traceback" not in gateway.log(), gateway.log()
    finally:
        gateway.destroy()


def sequences_of(steps: st.SearchStrategy[Step]) -> Sequences:
    """Turns of clients, each of some steps."""
    turns = st.tuples(st.integers(0, CLIENTS - 1), st.lists(steps, min_size=1, max_size=STEPS_MAX))
    return st.lists(turns, max_size=TURNS_MAX)


def dwelling_on(steps: st.SearchStrategy[Step], first: st.SearchStrategy[Step]) -> Sequences:
    """The same few steps again and again, mostly of those who share server connections.

    One of those takes another step first.
    """

    def turns_of(few: list[Step]) -> Sequences:
        turns = st.tuples(st.sampled_from(ALIKE), st.lists(st.sampled_from(few), max_size=3))
        return st.lists(turns, min_size=6, max_size=2 * TURNS_MAX)

    turns = st.lists(steps, min_size=2, max_size=FEW_MAX).flatmap(turns_of)
    return st.tuples(first, turns).map(lambda drawn: [(ALIKE[0], [drawn[0]]), *drawn[1]])


def compare(
    both: Worlds,
    sequences: Sequences,
    examples: int,
    server_version: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Plays so many sequences.

    Raises:
        Difference: by the shortest sequence that was found to show one.
    """

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
    def play(turns: list[tuple[int, list[Step]]]) -> None:
        both.run([(client, step) for client, told in turns for step in told])

    try:
        play()
    finally:
        tally = both.tally
        with capsys.disabled():
            print(
                f"\ndifferential: PostgreSQL {server_version}, seed {SEED}: {tally.sequences} "
                f"sequences, {tally.steps} statements, refused {dict(tally.refused)}"
            )
