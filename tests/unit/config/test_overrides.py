from pglane.config.limits import Override
from pglane.config.overrides import own_descriptions, read_overrides


def test_a_table_takes_what_can_be_its_own_by_the_names_of_the_clients_table():
    assert "budget" in own_descriptions("database", "databases.shop")
    assert "budget" not in own_descriptions("user", "users.anna")
    described = own_descriptions("user", "users.anna")["idle_ms_max"]
    assert (described.name, described.place) == ("client_idle_ms_max", "users.anna.idle_ms_max")


def test_what_passes_unread_has_no_limit_of_statements():
    assert "query_ms_max" in own_descriptions("door", "session")
    assert "query_ms_max" not in own_descriptions("door", "direct")
    assert "idle_ms_max" in own_descriptions("door", "direct")


def test_limits_are_read_with_their_places_and_judged():
    table = {"query_ms_max": 5, "connections_max": "many", "verifier": "x"}
    places = {key: f"a.toml:{at}" for at, key in enumerate(table, 1)}
    found, refusals = read_overrides("user", "anna", table, places)
    assert found == [Override("user", "anna", "query_ms_max", 5, "a.toml:1")]
    (refusal,) = refusals
    assert "users.anna.connections_max" in str(refusal)
    assert "a.toml:2" in str(refusal)


def test_a_door_is_a_table_of_its_own():
    found, _ = read_overrides("door", "session", {"wait_ms_max": 5}, {"wait_ms_max": "a:1"})
    assert found == [Override("door", "session", "wait_ms_max", 5, "a:1")]
