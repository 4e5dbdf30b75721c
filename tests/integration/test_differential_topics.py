"""Random sequences of statements that change what other statements do, as in `test_differential`.

The statements look harmless. What they do to a session, and whether they may, is
in functions, views, policies and rights that some client made or changed a moment ago.
"""

from types import ModuleType

import pytest
from hypothesis import strategies as st

from tests.support import differential_code, differential_roles, differential_tables
from tests.support.differential_rig import EXAMPLES, compare, make_databases, sequences_of, worlds
from tests.support.differential_texts import steps_of, texts_of
from tests.support.postgres_cluster import PostgresCluster

pytestmark = pytest.mark.gateway


@pytest.mark.parametrize(
    ("name", "topic"),
    [("code", differential_code), ("roles", differential_roles), ("tables", differential_tables)],
)
def test_what_changes_meanwhile_changes_as_on_a_private_connection(
    cluster: PostgresCluster,
    server_version: str,
    capsys: pytest.CaptureFixture[str],
    name: str,
    topic: ModuleType,
) -> None:
    names = (f"{name}_truth", f"{name}_door")
    make_databases(cluster, names, topic.SCHEMA)
    steps = steps_of(texts_of(topic.TOPICS), st.sampled_from(topic.PREPARED))
    with worlds(cluster, names, topic.CLEAN, {}) as both:
        compare(both, sequences_of(steps), -(-EXAMPLES // 3), server_version, capsys)
