"""One walk over a text: kinds, effects, settings, and when it gives up."""

import pytest

from pglane.wire.lexemes import Lexer
from pglane.wire.statement_reader import LOOK_AHEAD_TOKENS_MAX, Reader
from pglane.wire.statement_words import Effect, Kind
from tests.support.judged_texts import (
    EFFECTFUL,
    MANY,
    PLAIN,
    SETTINGS,
    WHOLLY_UNKNOWN,
    catalog_effect,
)


def read(text: str) -> Reader:
    reader = Reader(Lexer(text.encode(), True))
    assert reader.read(), text
    return reader


@pytest.mark.parametrize(("text", "kind"), PLAIN)
def test_statements_without_effect(text: str, kind: str) -> None:
    reader = read(text)
    assert (reader.kinds, reader.effects, reader.settings) == (
        [Kind[kind]],
        catalog_effect(kind),
        [],
    )


@pytest.mark.parametrize(
    ("text", "rereads"),
    [
        ("SET DateStyle = DMY", True),
        ("SET LOCAL TIME ZONE 'UTC'", True),
        ("RESET array_nulls", True),
        ("SET XML OPTION DOCUMENT", True),
        ("SET NAMES 'UTF8'", True),
        ("SELECT set_config('intervalSTYLE', 'x', true)", True),
        ("SELECT set_config('a' || b, 'x', true)", True),
        ("SELECT set_config($1, 'x', true), $1", True),
        ('SET "datestyl\u00e9" = 1', True),
        ("SELECT set_config($1, 'x', true)", False),  # its Bind says
        ("SET LOCAL work_mem = 1; SELECT 1", False),
        ("SET search_path = a", False),
        ("SET ROLE a", False),
        ("SELECT set_config('app.tenant', b, true) FROM c", False),
        ("BEGIN", False),
    ],
)
def test_what_may_change_how_texts_are_read(text: str, *, rereads: bool) -> None:
    assert read(text).rereads == rereads


@pytest.mark.parametrize(("text", "kind", "effects"), EFFECTFUL)
def test_effects(text: str, kind: str, effects: str) -> None:
    reader = read(text)
    expected = catalog_effect(kind)
    for name in effects.split("|"):
        expected |= Effect[name]
    assert (reader.kinds, Effect(reader.effects)) == ([Kind[kind]], expected)


@pytest.mark.parametrize(("text", "names"), SETTINGS.items())
def test_settings(text: str, names: str) -> None:
    assert read(text).settings == names.split()


@pytest.mark.parametrize(("text", "kinds"), MANY.items())
def test_where_statements_end(text: str, kinds: str) -> None:
    assert [Kind(kind).name for kind in read(text).kinds or [Kind.EMPTY]] == kinds.split()


@pytest.mark.parametrize("text", [text for text in WHOLLY_UNKNOWN if "\0" not in text])
def test_a_text_that_does_not_end_is_given_up(text: str) -> None:
    assert not Reader(Lexer(text.encode(), True)).read()


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("1", Effect.MALFORMED),
        ("= 1", Effect.MALFORMED),
        ("(LISTEN a)", Effect.MALFORMED),
        ("WHAT", Effect.MALFORMED),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC LISTEN a; END",
            Effect.UNKNOWN | Effect.CATALOG,
        ),
        ("DROP DATABASE IF EXISTS a", Effect.CATALOG | Effect.DATABASE),
        ("DROP TABLE database", Effect.CATALOG),
        ("SET seed = 1", Effect.SETTING | Effect.SEED),
        ("SET search_path = 'pg_temp'", Effect.SETTING | Effect.TEMP),
        ("SET search_path = 'pg_'\n'temp'", Effect.SETTING | Effect.TEMP),
        ("SELECT set_config('search_path', a, false); TABLE b", Effect.SETTING | Effect.TEMP),
        ("SELECT set_config('search_path'); TABLE b", Effect.SETTING | Effect.TEMP),
        ("SELECT set_config('search_path', 'a', false); TABLE b", Effect.SETTING),
    ],
)
def test_effects_at_the_edges(text: str, effects: Effect) -> None:
    assert read(text).effects == effects


def test_an_endless_call_is_not_followed() -> None:
    value = " + ".join(["1"] * LOOK_AHEAD_TOKENS_MAX)
    assert read(f"SELECT set_config('a.b', {value}, true)").effects == Effect.SETTING_UNKNOWN


def test_long_names_mean_nothing() -> None:
    quoted = '"' + "a" * 100 + '"'
    assert read(f"SELECT {'a' * 100}(1), {chr(233) * 200}(1), {quoted}(1)").effects == 0
    assert read("SELECT pg_adv\u0130sory_lock(1), \u0130\u0130(2)").effects == Effect.ADVISORY


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("SELECT (5::bigint).pg_advisory_lock", Effect.ADVISORY),
        ('SELECT (5::bigint) . "pg_advisory_lock"', Effect.ADVISORY),
        ("SELECT g./* g */pg_advisory_lock FROM generate_series(1, 2) g", Effect.ADVISORY),
        ("SELECT ('s'::regclass).nextval", Effect.SEQUENCE),
        ("SELECT (0.5::float8).setseed, 1", Effect.SEED),
        ("SELECT pg_advisory_lock FROM t", Effect.NONE),
        ("SELECT t.a, pg_advisory_lock FROM t", Effect.NONE),
        ('SELECT t."as", pg_advisory_lock FROM t', Effect.NONE),
        (f'SELECT t."{"x" * 60}", pg_advisory_lock FROM t', Effect.NONE),
    ],
)
def test_a_function_is_called_without_parentheses_behind_a_dot(text: str, effects: Effect) -> None:
    assert read(text).effects == effects


def test_a_quoted_schema_for_temporary_things_is_one_too() -> None:
    assert read('CREATE TABLE "pg_temp".t ()').effects & Effect.TEMP
    assert not read('CREATE TABLE x."pg_temp" ()').effects & Effect.TEMP
