"""What clients with the same startup packet share."""

from dataclasses import asdict, replace

import pytest

from pglane.config.lanes import LaneMatch, LaneSettings
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


def test_what_clients_are_told_does_not_depend_on_our_own_words(rig) -> None:
    rig.pair(application_name="x")
    words = {"pglane.work": "order 1", "pglane.lane": "transaction:anna"}
    for count, word in enumerate(words, 2):
        enter(rig, application_name="x", **{word: words[word]}).gets(READY)
        assert len(rig.worker.clients) == count
    assert len(rig.worker.databases["app"].welcomes) == 2  # that, and the bare base


def lanes_of(rig) -> list[str]:
    return [client.lease.lane.name for client in rig.worker.clients.values()]


@pytest.mark.parametrize("tenant", ["user", "address"])
def test_the_same_packet_leads_to_the_same_lane_until_lanes_are_others(rig, tenant) -> None:
    rig.pair(application_name="x")
    enter(rig, application_name="x").gets(READY)
    assert lanes_of(rig) == ["transaction:anna"] * 2
    lane = LaneSettings("shop", tenant=tenant, match=(LaneMatch(application_name="x"),))
    rig.say(type="reload", settings=asdict(replace(rig.settings, lanes=(lane,))))
    rig.until(lambda: lanes_of(rig) == ["shop"] * 2)
    for count in (3, 4):
        enter(rig, application_name="x").gets(READY)
        assert lanes_of(rig) == ["shop"] * count
    enter(rig, application_name="y")
    rig.until(lambda: len(rig.worker.clients) == 5)
    assert lanes_of(rig)[4] == "transaction:anna"
    first, *_, last = [client.lease.tenant for client in rig.worker.clients.values()]
    assert (first.members, last.members) == (4, 1)


def test_application_names_keep_no_connections_apart() -> None:
    assert shared_base({"application_name": "x", "timezone": "UTC"}) == {"timezone": "UTC"}
