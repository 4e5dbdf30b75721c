from dataclasses import replace

import pytest

from pglane.config.limits import Limits, Override, everybody, limit_of, own_limits, shortest_s
from pglane.config.settings import Settings

OVERRIDES = (
    Override("door", "session", "query_ms_max", 3000, "a.toml:1"),
    Override("door", "direct", "query_ms_max", 3000, "a.toml:2"),
    Override("database", "shop", "query_ms_max", 2000, "a.toml:3"),
    Override("user", "anna", "query_ms_max", 1000, "a.toml:4"),
    Override("user", "berta", "query_ms_max", 0, "a.toml:5"),
    Override("user", "anna", "clients_max", 7, "a.toml:6"),
    Override("user", "berta", "clients_max", 0, "a.toml:7"),
)
SETTINGS = Settings(query_ms_max=9000, overrides=OVERRIDES, places=(("query_ms_max", "a.toml:9"),))


@pytest.mark.parametrize(
    ("user", "database", "door", "value"),
    [
        ("anna", "shop", "session", 1.0),
        ("berta", "shop", "session", 0.0),
        ("carla", "shop", "session", 2.0),
        ("carla", "blog", "session", 3.0),
        ("carla", "blog", "transaction", 9.0),
        ("anna", "shop", "direct", 0.0),
    ],
)
def test_the_most_specific_limit_holds(user, database, door, value):
    assert Limits(SETTINGS, user=user, database=database, door=door).query_s == value


def test_a_limit_tells_whose_it_is_and_where_it_was_set():
    names = {"user": "anna", "database": "shop", "door": "session"}
    assert str(limit_of(SETTINGS, "query_ms_max", **names)) == (
        "query_ms_max is 1000 ms for user anna (a.toml:4)"
    )
    names["user"] = "carla"
    assert "for database shop (a.toml:3)" in str(limit_of(SETTINGS, "query_ms_max", **names))
    names["database"] = "blog"
    assert "for the session door (a.toml:1)" in str(limit_of(SETTINGS, "query_ms_max", **names))
    assert str(everybody(SETTINGS, "query_ms_max")) == (
        "query_ms_max is 9000 ms for everybody (a.toml:9)"
    )
    told = str(everybody(SETTINGS, "clients_max"))
    assert told == "connections_max is 20000 for everybody (default)"
    told = str(everybody(SETTINGS, "client_idle_ms_max"))
    assert told == "idle_ms_max is 0 ms for everybody (default)"


def test_limits_in_number_stand_side_by_side_under_the_name_of_their_table():
    ((key, limit),) = own_limits(SETTINGS, "clients_max")
    assert key == ("user", "anna")
    assert str(limit) == "connections_max is 7 for user anna (a.toml:6)"


def test_limits_change_in_place():
    limits = Limits(SETTINGS, user="anna", database="shop", door="session")
    limits.apply(replace(SETTINGS, overrides=(), client_idle_ms_max=50))
    assert (limits.query_s, limits.idle_s, limits.wait_s) == (9.0, 0.05, 30.0)


def test_the_shortest_limit_that_somebody_has_to_look_after():
    assert shortest_s(Settings()) == 0
    assert shortest_s(SETTINGS) == 1.0
    assert shortest_s(Settings(idle_transaction_ms_max=200, query_ms_max=500)) == 0.2
