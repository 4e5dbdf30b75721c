"""Random sequences of statements that make code and use it, as in `test_differential`.

The statements look harmless. What they do to a session is in functions, views, triggers and the
like, which some client made or changed a moment ago.
"""

import pytest

from tests.support.differential_code import CLEAN, OWNED, SCHEMA, steps
from tests.support.differential_rig import EXAMPLES, compare, make_databases, sequences_of, worlds
from tests.support.postgres_cluster import PostgresCluster

pytestmark = pytest.mark.gateway
SEQUENCES = sequences_of(steps)
NAMES = ("code_truth", "code_door")


def test_code_that_is_made_meanwhile_leaves_nothing_with_others(
    cluster: PostgresCluster, server_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_databases(cluster, NAMES, SCHEMA + OWNED)
    with worlds(cluster, NAMES, CLEAN, {}) as both:
        compare(both, SEQUENCES, -(-EXAMPLES // 3), server_version, capsys)
