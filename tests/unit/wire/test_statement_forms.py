"""The exact form of statements that their first word does not tell."""

import pytest

from pglane.wire.statement_forms import (
    ConfigCall,
    Form,
    are_named_once,
    changed,
    drops_on_commit,
    is_routine,
    judge,
    may_reread,
    parameter,
)
from pglane.wire.statement_words import Effect, Kind


def test_settings_that_decide_how_texts_are_read() -> None:
    assert may_reread(b"DateStyle")
    assert may_reread("datestyl\u00e9".encode())
    assert not may_reread(b"search_path")


def form(kind: Kind, head: str) -> Form:
    return judge(kind, head.lower().encode().split())


@pytest.mark.parametrize(
    ("kind", "head", "expected"),
    [
        (Kind.COMMIT, "COMMIT", Form(Kind.COMMIT, Effect.TRANSACTION)),
        (Kind.COMMIT, "COMMIT PREPARED 'x", Form(Kind.COMMIT_PREPARED, Effect.TRANSACTION)),
        (Kind.ROLLBACK, "ROLLBACK WORK", Form(Kind.ROLLBACK, Effect.TRANSACTION)),
        (Kind.ROLLBACK, "ROLLBACK TO a", Form(Kind.ROLLBACK_TO)),
        (Kind.ROLLBACK, "ROLLBACK WORK TO", Form(Kind.ROLLBACK_TO)),
        (Kind.ROLLBACK, "ROLLBACK PREPARED '", Form(Kind.COMMIT_PREPARED, Effect.TRANSACTION)),
        (Kind.BEGIN, "START TRANSACTION", Form(Kind.BEGIN, Effect.TRANSACTION)),
        (Kind.BEGIN, "START", Form(Kind.UNKNOWN, Effect.MALFORMED)),
        (Kind.PREPARE, "PREPARE a AS", Form(Kind.PREPARE, Effect.PREPARED)),
        (Kind.PREPARE, "PREPARE TRANSACTION AS", Form(Kind.PREPARE, Effect.PREPARED)),
        (
            Kind.PREPARE,
            "PREPARE TRANSACTION '",
            Form(Kind.PREPARE_TRANSACTION, Effect.TRANSACTION),
        ),
        (Kind.DEALLOCATE, "DEALLOCATE a", Form(Kind.DEALLOCATE, Effect.DEALLOCATE)),
        (Kind.DEALLOCATE, "DEALLOCATE PREPARE", Form(Kind.DEALLOCATE, Effect.DEALLOCATE)),
        (Kind.DEALLOCATE, "DEALLOCATE ALL", Form(Kind.DEALLOCATE, Effect.DEALLOCATE_ALL)),
        (Kind.DEALLOCATE, "DEALLOCATE PREPARE ALL", Form(Kind.DEALLOCATE, Effect.DEALLOCATE_ALL)),
        (Kind.DISCARD, "DISCARD ALL", Form(Kind.DISCARD, Effect.DISCARD_ALL)),
        (Kind.DISCARD, "DISCARD", Form(Kind.DISCARD, Effect.MALFORMED)),
        (Kind.CREATE, "CREATE EXTENSION", Form(Kind.CREATE, Effect.OPAQUE)),
        (Kind.ALTER, "ALTER EXTENSION", Form(Kind.ALTER, Effect.OPAQUE)),
        (Kind.ALTER, "ALTER TABLE", Form(Kind.ALTER)),
        (Kind.CREATE, "CREATE DATABASE", Form(Kind.CREATE, Effect.DATABASE)),
        (Kind.ALTER, "ALTER DATABASE", Form(Kind.ALTER, Effect.DATABASE)),
        (Kind.DROP, "DROP DATABASE", Form(Kind.DROP, Effect.DATABASE)),
        (Kind.DROP, "DROP TABLE", Form(Kind.DROP)),
        (Kind.RESET, "RESET ALL", Form(Kind.RESET, Effect.RESET_ALL)),
        (Kind.RESET, "RESET", Form(Kind.RESET, Effect.SETTING_UNKNOWN)),
        (Kind.SET, "SET TRANSACTION READ", Form(Kind.SET_TRANSACTION)),
        (Kind.SET, "SET CONSTRAINTS ALL", Form(Kind.SET)),
        (Kind.SET, "SET a . =", Form(Kind.SET, Effect.SETTING_UNKNOWN)),
        (Kind.SET, "SET '", Form(Kind.SET, Effect.SETTING_UNKNOWN)),
    ],
)
def test_forms(kind: Kind, head: str, expected: Form) -> None:
    assert form(kind, head) == expected


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("SET a = 1", "a"),
        ("SET a . b = 1", "a.b"),
        ('SET "a . "b . c TO 1', "a.b.c"),
        ("SET SESSION a = 1", "a"),
        ("SET SESSION = 1", "session"),
        ("SET SESSION . a = 1", "session.a"),
        ("SET ROLE a", "role"),
        ("SET SESSION AUTHORIZATION a", "session_authorization"),
        ("SET SESSION SESSION AUTHORIZATION a", "session_authorization"),
        ("SET TIME ZONE '", "timezone"),
        ("SET TIME = 1", "time"),
        ("SET NAMES '", "client_encoding"),
        ("SET NAMES TO '", "names"),
        ("SET SCHEMA '", "search_path"),
        ("SET XML OPTION content", "xmloption"),
        ("RESET a", "a"),
        ("RESET all . a", "all.a"),
        ("RESET time . zone", "time.zone"),
        ("RESET TIME ZONE", "timezone"),
        ("RESET names", "names"),
        ("RESET schema", "schema"),
        ("RESET SESSION AUTHORIZATION", "session_authorization"),
        ("RESET TRANSACTION ISOLATION LEVEL", "transaction_isolation"),
    ],
)
def test_names_of_settings(head: str, name: str) -> None:
    kind = Kind.SET if head.startswith("SET") else Kind.RESET
    back = Effect.RESET_SOME if kind == Kind.RESET and name != "session_authorization" else 0
    assert form(kind, head) == Form(kind, Effect(back), (name.encode(),))


def test_default_is_what_reset_does() -> None:
    back = Form(Kind.SET, Effect.RESET_SOME, (b"a",))
    assert form(Kind.SET, "SET a TO default") == back
    assert form(Kind.SET, 'SET a TO "default') == Form(Kind.SET, Effect.NONE, (b"a",))
    assert form(Kind.SET, "SET LOCAL a TO default").effects == Effect.NONE
    assert form(Kind.SET, "SET TIME ZONE local").effects == Effect.RESET_SOME


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("SET LOCAL a = 1", "a"),
        ("SET LOCAL ROLE a", "role"),
        ("SET LOCAL TIME ZONE 1", "timezone"),
        ("SET LOCAL SESSION AUTHORIZATION a", "session_authorization"),
    ],
)
def test_local_settings(head: str, name: str) -> None:
    expected = Form(Kind.SET_LOCAL, Effect.NONE, (name.encode(),), local=True)
    assert form(Kind.SET, head) == expected


def test_session_characteristics() -> None:
    found = form(
        Kind.SET,
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE , READ ONLY",
    )
    assert found.effects == Effect.CHARACTERISTICS
    assert found.settings == (b"default_transaction_isolation", b"default_transaction_read_only")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("create function f", True),
        ("create or replace procedure", True),
        ("create or replace view", False),
        ("create aggregate a", False),
        ("create", False),
    ],
)
def test_routines(head: str, *, expected: bool) -> None:
    assert is_routine(head.encode().split()) is expected


@pytest.mark.parametrize(
    ("text", "drops"),
    [
        ("CREATE TEMP TABLE a (b int) ON COMMIT DROP", True),
        ("create global temporary table a on commit drop as select 1", True),
        ("CREATE TABLE pg_temp.a (b int) USING heap /* x */ ON COMMIT DROP TABLESPACE c", True),
        ("CREATE TEMP TABLE a (b int) ON COMMIT DELETE ROWS", False),
        ("CREATE TEMP TABLE a (b int CHECK (b on commit drop))", False),
        ("CREATE TEMP TABLE a AS SELECT 1 ON COMMIT DROP", False),
        ("CREATE TEMP VIEW a ON COMMIT DROP", False),
        ('CREATE TEMP TABLE a "ON" "COMMIT" "DROP"', False),
        ("CREATE TEMP TABLE a ON COMMIT 'DROP'", False),
        ("CREATE TEMP TABLE a 'on commit drop", False),
    ],
)
def test_what_is_gone_when_its_transaction_ends(text: str, drops: bool) -> None:
    assert drops_on_commit(text.encode(), True) is drops


@pytest.mark.parametrize(
    ("written", "local", "expected"),
    [
        (b"App.Tenant", False, ("app.tenant", Effect.SETTING)),
        (b"sort_mem", False, ("work_mem", Effect.SETTING)),
        (b"ROLE", False, ("", Effect.ROLE)),
        (b"seed", True, ("", Effect.SEED | Effect.LOCAL_SETTING)),
        ("a.\u00e4".encode(), False, ("", Effect.SETTING_UNKNOWN)),
    ],
)
def test_what_a_name_means(written: bytes, expected: tuple[str, Effect], *, local: bool) -> None:
    assert changed(written, local) == expected


@pytest.mark.parametrize(
    ("argument", "number"),
    [
        ("$1", 1),
        ("$12 : : text", 12),
        ("$1 : : name", 0),
        ("$101", 0),
        ("$", 0),
        ("$1a", 0),
        ("1", 0),
        ("$1 || $2", 0),
        ("", 0),
    ],
)
def test_an_argument_that_is_a_parameter(argument: str, number: int) -> None:
    assert parameter(argument.encode().split()) == number


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("SELECT set_config($1, $2, false), 1, '$1', a$1", True),
        ("SELECT set_config($1, $1, false)", False),
        ("SELECT set_config($1, 'a', false), $01::name", False),
        ("SELECT set_config($1, '", True),
    ],
)
def test_a_parameter_that_stands_in_one_place(text: str, *, once: bool) -> None:
    assert are_named_once(text.encode(), True, [ConfigCall(1, False, True)]) is once
