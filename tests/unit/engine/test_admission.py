"""What clients with the same startup packet share."""

from pglane.engine.admission import shared_base
from tests.support.engine_rig import READY, startup


def enter(rig, **parameters: str):
    client = rig.connect()
    client.send(startup(user="anna", database="app", **parameters))
    return client


def test_the_same_packet_gets_the_same_settings(rig) -> None:
    rig.pair(application_name="x")
    enter(rig, application_name="x").gets(READY)
    enter(rig, application_name="y")
    rig.until(lambda: len(rig.worker.clients) == 3)
    first, second, other = rig.worker.clients.values()
    assert first.vector is second.vector
    assert first.need is not second.need
    assert first.key != second.key
    assert other.vector is not first.vector
    assert other.need.base is first.need.base


def test_what_is_known_ends_with_the_table_of_vectors(rig) -> None:
    rig.pair(application_name="x")
    (first,) = rig.worker.clients.values()
    vectors = rig.worker.vectors
    vectors._make_room(1 << 40)
    enter(rig, application_name="x")
    rig.until(lambda: len(rig.worker.clients) == 2)
    second = list(rig.worker.clients.values())[1]
    assert second.vector is not first.vector
    assert vectors.of({"application_name": "x"}) is second.vector


def test_application_names_keep_no_connections_apart() -> None:
    assert shared_base({"application_name": "x", "timezone": "UTC"}) == {"timezone": "UTC"}
