"""Prepared statements under the settings they were parsed under (fact A4): never another's."""

import pytest

from tests.integration.test_prepared_statements import prepare, run
from tests.support import protocol as p
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target


def _clients_with(target: Target, *settings: dict[str, str]) -> list[ScriptedClient]:
    return [ScriptedClient.login(target, **one) for one in settings]


STATES = {
    "DateStyle": (
        "SELECT to_char('01/02/2024'::date, 'YYYY-MM-DD')",
        ({"DateStyle": "ISO, DMY"}, "2024-02-01"),
        ({"DateStyle": "ISO, MDY"}, "2024-01-02"),
    ),
    "TimeZone": (
        "SELECT extract(epoch FROM '2024-01-01 09:00'::timestamptz)::bigint",
        ({"TimeZone": "Asia/Tokyo"}, "1704067200"),
        ({"TimeZone": "UTC"}, "1704099600"),
    ),
    "search_path": (
        "SELECT pg_typeof(v)::text || v FROM parsed_under",
        ({"options": "-c search_path=left_side"}, "integer1"),
        ({"options": "-c search_path=right_side"}, "texttwo"),
    ),
    "standard_conforming_strings": (
        "SELECT length('a\\\\b')",
        ({"options": "-c standard_conforming_strings=on"}, "4"),
        ({"options": "-c standard_conforming_strings=off"}, "3"),
    ),
    "IntervalStyle": (
        "SELECT extract(epoch FROM '-1 2:00'::interval)::bigint",
        ({"options": "-c IntervalStyle=postgres"}, "-79200"),
        ({"options": "-c IntervalStyle=sql_standard"}, "-93600"),
    ),
    "array_nulls": (
        "SELECT '{NULL}'::text[] = ARRAY['NULL']",
        ({"options": "-c array_nulls=on"}, "f"),
        ({"options": "-c array_nulls=off"}, "t"),
    ),
    "transform_null_equals": (
        "SELECT coalesce((1 = NULL)::text, 'unknown')",
        ({"options": "-c transform_null_equals=off"}, "unknown"),
        ({"options": "-c transform_null_equals=on"}, "false"),
    ),
    "timezone_abbreviations": (
        "SELECT extract(epoch FROM '2024-01-01 09:00 IST'::timestamptz)::bigint",
        ({"options": "-c timezone_abbreviations=Default"}, "1704092400"),
        ({"options": "-c timezone_abbreviations=India"}, "1704079800"),
    ),
}


@pytest.fixture
def two_schemas(cluster: PostgresCluster) -> None:
    cluster.admin(
        "SET ROLE app; CREATE SCHEMA IF NOT EXISTS left_side; "
        "CREATE SCHEMA IF NOT EXISTS right_side; "
        "CREATE TABLE IF NOT EXISTS left_side.parsed_under AS SELECT 1 AS v; "
        "CREATE TABLE IF NOT EXISTS right_side.parsed_under AS SELECT 'two'::text AS v",
        database="app",
    )


@pytest.mark.usefixtures("two_schemas")
@pytest.mark.parametrize("named", ["s1", ""])
@pytest.mark.parametrize("state", STATES)
def test_equal_texts_parsed_under_different_settings(
    crowded_target: Target, state: str, named: str
) -> None:
    text, *cases = STATES[state]
    clients = _clients_with(crowded_target, *(settings for settings, _ in cases))
    for client in clients:
        answer = client.extended(p.parse(text, named))
        assert not errors(answer), answer
    for _ in range(2):
        for client, (_, expected) in zip(clients, cases, strict=True):
            assert run(client, named) == [(expected,)]
    for client in clients:
        client.close()


@pytest.mark.usefixtures("two_schemas")
@pytest.mark.parametrize("state", STATES)
def test_equal_texts_parsed_after_different_settings_were_made(two, state: str) -> None:
    """On one server connection, that was opened with neither of them."""
    text, *cases = STATES[state]
    for client, (settings, _) in zip(two, cases, strict=True):
        for name, value in settings.items():
            made = value.removeprefix("-c ").split("=") if name == "options" else [name, value]
            made_it = client.query(f"SELECT set_config('{made[0]}', '{made[1]}', false)")
            assert not errors(made_it)
        assert not errors(client.extended(p.parse(text, "s1")))
    for _ in range(2):
        for client, (_, expected) in zip(two, cases, strict=True):
            assert run(client, "s1") == [(expected,)]


CHANGES_READING = {
    "locally": "SET LOCAL DateStyle = 'ISO, DMY'",
    "by a call": "SELECT set_config('DateStyle', 'ISO, DMY', true)",
    "by a computed call": "SELECT set_config('date' || 'style', 'ISO, DMY', true)",
    "in a block": "DO $$ BEGIN SET LOCAL DateStyle = 'ISO, DMY'; END $$",
    "for a while": "SET DateStyle = 'ISO, DMY'; SAVEPOINT a",
}
DATED = "SELECT '01/02/2024'::date"


@pytest.mark.parametrize("change", CHANGES_READING)
def test_what_is_parsed_under_changed_settings_is_nobody_elses(two, change: str) -> None:
    one, other = two
    other.query("SET DateStyle = 'ISO, MDY'")
    one.query("SET DateStyle = 'ISO, MDY'")
    one.query(f"BEGIN; {CHANGES_READING[change]}")
    prepare(one, DATED, "s1")
    assert run(one, "s1") == [("2024-02-01",)]
    one.query("ROLLBACK")
    prepare(other, DATED, "s1")
    assert run(other, "s1") == [("2024-01-02",)]


@pytest.mark.parametrize("change", CHANGES_READING)
def test_what_is_used_under_changed_settings_is_what_was_parsed(two, change: str) -> None:
    """As on a private connection: what was parsed here before the transaction is used in it."""
    one, other = two
    for client in two:
        client.query("SET DateStyle = 'ISO, MDY'")
        prepare(client, DATED, "s1")
    one.query(f"BEGIN; {CHANGES_READING[change]}")
    assert run(one, "s1") == [("2024-01-02",)]
    prepare(one, DATED, "s2")
    assert run(one, "s2") == [("2024-02-01",)]
    assert run(one, "s1") == [("2024-01-02",)]
    one.query("ROLLBACK")
    assert run(other, "s1") == [("2024-01-02",)]


@pytest.mark.usefixtures("two_schemas")
def test_a_text_that_is_parsed_anew_is_looked_at_anew(two) -> None:
    """Its names are others in this transaction; what another has prepared returns another type."""
    one, other = two
    other.query("SET search_path = right_side")
    prepare(other, "TABLE parsed_under", "s1")
    one.query("SET search_path = right_side")
    prepare(one, "TABLE parsed_under", "s1")
    one.query("BEGIN; SET LOCAL search_path = left_side")
    prepare(one, "TABLE parsed_under", "s2")
    assert run(one, "s2") == [("1",)]
    one.query("COMMIT")
    assert run(other, "s1") == [("two",)]


def test_who_may_read_no_view_does_not_by_what_another_has_prepared(
    two, cluster: PostgresCluster
) -> None:
    """The setting of CVE-2024-7348, which PostgreSQL looks at when a text is parsed."""
    view, (one, other) = "parsed_restricted", two
    cluster.admin(f"SET ROLE app; CREATE OR REPLACE VIEW {view} AS SELECT 1 AS v", database="app")
    other.query("SET restrict_nonsystem_relation_kind = 'view'")
    prepare(one, f"TABLE {view}", "s1")
    assert errors(other.extended(p.parse(f"TABLE {view}", "s1"))) == ["55000"]
    assert run(one, "s1") == [("1",)]
