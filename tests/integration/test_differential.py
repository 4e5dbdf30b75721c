"""Random sequences of statements, through a door that rotates and on private connections.

Whatever statements leave must be found by the client that sent them and by nobody else.
"""

import pytest

from tests.support.differential_rig import EXAMPLES, compare, make_databases, sequences_of, worlds
from tests.support.differential_texts import CLEAN, SCHEMA, steps
from tests.support.postgres_cluster import PostgresCluster

pytestmark = pytest.mark.gateway
SEQUENCES = sequences_of(steps)
NAMES = ("differential_truth", "differential_door")
OWNED = (
    "ALTER TABLE public.t OWNER TO app; ALTER TABLE public.watched OWNER TO app; "
    "ALTER SEQUENCE public.sq OWNER TO app"
)


@pytest.fixture(scope="module")
def databases(cluster: PostgresCluster) -> None:
    make_databases(cluster, NAMES, SCHEMA + OWNED)


@pytest.mark.usefixtures("databases")
def test_every_sequence_behaves_as_on_a_private_connection(
    cluster: PostgresCluster, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with worlds(cluster, NAMES, CLEAN, {}) as both:
        compare(both, SEQUENCES, EXAMPLES, server_version, capsys)


@pytest.mark.usefixtures("databases")
def test_it_does_where_a_begin_waits_for_the_tags_behind_it(
    cluster: PostgresCluster, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with worlds(cluster, NAMES, CLEAN, {"lanes.bulk": {"rank": 1}}) as both:
        compare(both, SEQUENCES, -(-EXAMPLES // 10), server_version, capsys)


@pytest.mark.usefixtures("databases")
def test_it_does_where_nobody_may_read_the_catalogs(
    cluster: PostgresCluster, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a gateway's first moments: whatever may leave something is looked behind."""
    rights = "SELECT ON pg_catalog.pg_trigger"
    cluster.admin(f"REVOKE {rights} FROM PUBLIC", database=NAMES[1])
    try:
        with worlds(cluster, NAMES, CLEAN, {}) as both:
            compare(both, SEQUENCES, -(-EXAMPLES // 4), server_version, capsys)
    finally:
        cluster.admin(f"GRANT {rights} TO PUBLIC", database=NAMES[1])
