"""Random sequences of statements that change what other statements do, as in `test_differential`.

The statements look harmless. What they do to a session, and whether they may, is
in functions, views, policies and rights that some client made or changed a moment ago.
"""

from types import ModuleType

import pytest
from hypothesis import strategies as st

from tests.support import (
    differential_code,
    differential_moments,
    differential_names,
    differential_readings,
    differential_roles,
    differential_tables,
)
from tests.support.differential_rig import (
    EXAMPLES,
    Sequences,
    compare,
    dwelling_on,
    make_databases,
    sequences_of,
    worlds,
)
from tests.support.differential_texts import (
    once,
    simple,
    steps_of,
    steps_with_parameter,
    texts_of,
)
from tests.support.postgres_cluster import PostgresCluster

pytestmark = pytest.mark.gateway


def sequences_about(topic: ModuleType) -> Sequences:
    """Half of them of all texts, half of few: what others have prepared is met again there."""
    texts, prepared = texts_of(topic.TOPICS), st.sampled_from(topic.PREPARED)
    usual = steps_of(texts, prepared)
    if hasattr(topic, "AT_ONCE"):
        usual = st.one_of(texts.map(simple), prepared.map(once))
    with_parameter = (steps_with_parameter(*one) for one in getattr(topic, "WITH_PARAMETER", ()))
    steps = st.one_of(usual, usual, *with_parameter)
    first = st.sampled_from(getattr(topic, "FIRST", topic.TOPICS[0])).map(simple)
    return st.one_of(sequences_of(steps), dwelling_on(st.one_of(prepared.map(once), steps), first))


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("code", differential_code),
        ("moments", differential_moments),
        ("names", differential_names),
        ("readings", differential_readings),
        ("roles", differential_roles),
        ("tables", differential_tables),
    ],
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
    with worlds(cluster, names, topic.CLEAN, {}) as both:
        compare(both, sequences_about(topic), -(-EXAMPLES // 4), server_version, capsys)
