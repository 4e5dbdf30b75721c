"""From a text to commands."""

import pytest
from hypothesis import given, strategies as st

from pglane.control.actions import VERBS, Action
from pglane.control.console_commands import COMMANDS, read_commands
from pglane.control.shows import SHOWS
from pglane.errors.refused import RefusedError


@pytest.mark.parametrize(
    "text",
    [
        "SHOW CLIENTS",
        "show clients;",
        "  Show\n\tclients ; ; ",
        "-- a comment\nSHOW /* and\nanother */ CLIENTS",
    ],
)
def test_one_command_in_many_forms(text):
    (command,) = read_commands(text)
    assert command.show is SHOWS["CLIENTS"]
    assert (command.tag, command.status) == (b"SHOW", None)


@pytest.mark.parametrize("text", ["", ";", " ;; ", "-- nothing", "/* nothing */", "/* " * 20_000])
def test_nothing(text):
    assert read_commands(text) == []


def test_several():
    commands = read_commands("SHOW VERSION; SHOW HELP")
    assert [command.show.table.name for command in commands] == ["VERSION", "HELP"]


@pytest.mark.parametrize(
    ("text", "tag", "status"),
    [
        ("BEGIN", b"BEGIN", b"T"),
        ("begin transaction isolation level serializable", b"BEGIN", b"T"),
        ("START TRANSACTION", b"START TRANSACTION", b"T"),
        ("COMMIT", b"COMMIT", b"I"),
        ("END", b"COMMIT", b"I"),
        ("ROLLBACK", b"ROLLBACK", b"I"),
        ("ABORT WORK", b"ROLLBACK", b"I"),
    ],
)
def test_what_drivers_send_by_themselves(text, tag, status):
    (command,) = read_commands(text)
    assert (command.tag, command.status, command.show) == (tag, status, None)


def refusal(text):
    with pytest.raises(RefusedError) as caught:
        read_commands(text)
    (found,) = caught.value.refusals
    assert "SHOW CLIENTS, SHOW SERVERS, SHOW POOLS, SHOW LISTS, SHOW VERSION" in found.hint_text
    return found


@pytest.mark.parametrize("text", ["SELECT 1", "set x to 1", "SHOW HELP; DROP TABLE t"])
def test_sql_is_refused(text):
    assert refusal(text).sqlstate == "0A000"


@pytest.mark.parametrize(
    "text", ["SHOW", "SHOW NOTHING", "SHOW CLIENTS NOW", "hello", "COMMIT PREPARED 'x'", "$1"]
)
def test_the_rest_is_unknown(text):
    assert refusal(text).sqlstate == "42601"


def alone(text):
    with pytest.raises(RefusedError) as caught:
        read_commands(text)
    (found,) = caught.value.refusals
    return found


@pytest.mark.parametrize(
    ("text", "meant"),
    [("show Clientz", "SHOW CLIENTS"), ("SHOW HOLDER", "SHOW HOLDERS"), ("relaod", "RELOAD")],
)
def test_a_misspelt_command_is_told_with_the_right_one(text, meant):
    found = alone(text)
    assert found.hint_text == f"Did you mean {meant}? SHOW HELP lists all commands."
    assert found.detail_text == f"seen: {text} (PGL0810)", "as it was typed"


@pytest.mark.parametrize("verb", ["DISABLE", "enable"])
def test_a_command_that_needs_a_database(verb):
    assert alone(verb).text == f"{verb.upper()} needs a database"


def test_a_long_text_is_not_repeated_whole():
    assert len(refusal("x" * 10_000).detail_text) < 100


@given(st.text())
def test_any_text_is_commands_or_a_refusal(text):
    try:
        assert isinstance(read_commands(text), list)
    except RefusedError as error:
        (found,) = error.refusals
    else:
        return
    assert found.sqlstate in {"42601", "0A000"}


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("PAUSE", Action("PAUSE")),
        ("pause Shop", Action("PAUSE", "Shop")),
        ('RESUME "my ""own"" shop"', Action("RESUME", 'my "own" shop')),
        ("RECONNECT", Action("RECONNECT")),
        ("KILL app", Action("KILL", "app")),
        ("WAIT_CLOSE app", Action("WAIT_CLOSE", "app")),
        ("disable app", Action("DISABLE", "app")),
        ("ENABLE app", Action("ENABLE", "app")),
        ("reload", Action("RELOAD")),
        ("SHUTDOWN", Action("SHUTDOWN")),
        ("shutdown wait_for_clients", Action("SHUTDOWN", "WAIT_FOR_CLIENTS")),
        ("SET server.budget = 7", Action("SET", "server.budget", "7")),
        ("set Server.Budget=7", Action("SET", "server.budget", "7")),
        ("SET log.level TO 'debug'", Action("SET", "log.level", "debug")),
        ("SET clients.stats_users = a, b", Action("SET", "clients.stats_users", "a, b")),
        ("SET query_wait_timeout = 5", Action("SET", "query_wait_timeout", "5")),
        ("SET budget = 5", Action("SET", "budget", "5")),
        ("SET clients_max = 5", Action("SET", "clients_max", "5")),
        ("SET budgt TO 5", Action("SET", "budgt", "5")),
    ],
)
def test_actions(text, action):
    (command,) = read_commands(text)
    assert command.action == action
    assert (command.tag, command.show, command.status) == (action.verb.encode(), None, None)


@pytest.mark.parametrize(
    "text",
    ["PAUSE a b", 'KILL "', "RELOAD now", "SHUTDOWN now", "PAUSE a'b c"],
)
def test_actions_that_are_none(text):
    assert refusal(text).sqlstate == "42601"


@pytest.mark.parametrize(
    "text",
    [
        "SET extra_float_digits = 3",
        "SET x.y",
        "SET search_path TO a",
        "SET statement_timeout = 0",
        "SET idle_in_transaction_session_timeout = 0",
        "set client_encoding TO 'UTF8'",
    ],
)
def test_what_drivers_set_at_a_server_is_sql(text):
    assert refusal(text).sqlstate == "0A000"
    assert f"begins with {text[:3]} " in refusal(text).detail_text


def test_a_hint_names_all_commands():
    shown = [f"SHOW {name}" for name in SHOWS]
    assert COMMANDS.split(", ") == [*shown, *(verb.name for verb in VERBS)]
