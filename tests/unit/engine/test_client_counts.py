"""Limits of single users, databases and doors on their clients."""

import pytest

from pglane.config.limits import Override
from pglane.config.settings import Settings
from tests.support.engine_rig import READY

ANNA = (Override("user", "anna", "clients_max", 1, "a.toml:3"),)


@pytest.mark.parametrize(
    ("scope", "name", "whose"),
    [
        ("user", "anna", b"user anna"),
        ("database", "app", b"database app"),
        ("door", "session", b"the session door"),
    ],
)
def test_one_too_many_hears_which_limit(rigs, scope, name, whose):
    rig = rigs(overrides=(Override(scope, name, "clients_max", 1, "a.toml:3"),), budget=4)
    client, _ = rig.pair("session")
    other = rig.client("session")
    told = other.ends()
    assert b"C53300" in told
    assert b"1 client connections are open; connections_max is 1 for " + whose in told
    assert b"(a.toml:3)" in told
    client.socket.close()
    rig.until(lambda: not rig.worker.clients)
    rig.client("session")
    rig.until(lambda: len(rig.worker.clients) == 1)


def test_others_have_room_still(rigs):
    rig = rigs(overrides=ANNA, budget=4)
    rig.pair(user="anna")
    rig.pair(user="berta")


def test_the_limit_for_all_is_told_too(rigs):
    rig = rigs(clients_max=1, places=(("clients_max", "a.toml:9"),))
    rig.pair()
    assert b"connections_max is 1 for everybody (a.toml:9)" in rig.client().ends()


def test_nobody_is_counted_where_nobody_has_a_limit_and_all_are_when_one_comes(rig):
    counts = rig.worker.entrance.counts
    client, _ = rig.pair()
    assert not counts.active
    counts.apply(Settings(overrides=ANNA), rig.worker.clients.values())
    assert b"53300" in rig.client().ends()
    client.socket.close()
    rig.until(lambda: not rig.worker.clients)
    rig.client().gets(READY)
