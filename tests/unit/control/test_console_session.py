"""The console's side of the protocol, message by message."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from pglane.control import console_session
from pglane.control.actions import Action
from pglane.control.columns import CLIENTS
from pglane.control.console_session import ConsoleSession, greeting
from pglane.errors.console import ConsoleNeedsAdmin
from pglane.errors.processes import ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import (
    Bind,
    Close,
    CopyData,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    Parse,
    Query,
    Sync,
)
from pglane.wire.framing import MessageReader
from pglane.wire.server_messages import (
    DataRow,
    ErrorResponse,
    RowDescription,
    decode_server_message,
)

ROWS = [{"type": "C", "port": number} for number in range(5)]


def decoded(stream):
    reader = MessageReader(1_000_000)
    reader.feed(stream)
    messages = []
    while reader.next():
        messages.append(decode_server_message(reader.kind, reader.body()))
    assert reader.end == reader.size
    return messages


async def ask(_what):
    return list(ROWS)


ACTED = []


async def act(action):
    ACTED.append(action)
    if action.name == "refused":
        raise RefusedError(ConsoleNeedsAdmin(user="u", verb=action.verb))


def talk(*messages, ask=ask):
    """The answers to these messages, decoded."""
    written = []

    async def write(data):
        written.append(data)

    async def run():
        session = ConsoleSession(write, ask, act)
        for message in messages:
            data = message.encode()
            await session.handle(data[0], data[5:])

    asyncio.run(run())
    return decoded(b"".join(written))


def kinds(messages):
    return "".join(chr(message.kind) for message in messages)


def error(messages):
    (found,) = [message for message in messages if isinstance(message, ErrorResponse)]
    return found.get("C").decode(), found.get("M").decode(), found.get("H").decode()


def statuses(messages):
    return [message.status for message in messages if chr(message.kind) == "Z"]


def test_the_greeting_ends_ready():
    messages = decoded(greeting(77, b"keys"))
    parameters = {m.name: m.value for m in messages if chr(m.kind) == "S"}
    assert parameters[b"client_encoding"] == b"UTF8"
    assert parameters[b"integer_datetimes"] == b"on"
    assert kinds(messages).lstrip("S") == "KZ"
    assert (messages[-2].process_id, messages[-2].key) == (77, b"keys")


def test_simple_query():
    messages = talk(Query(b"SHOW CLIENTS"))
    assert kinds(messages) == "TDDDDDCZ"
    assert [field.name.decode() for field in messages[0].fields] == list(CLIENTS.keys)
    assert messages[-2].tag == b"SHOW"


def test_several_statements_in_one_text():
    assert kinds(talk(Query(b"SHOW VERSION; BEGIN; SHOW VERSION"))) == "TDCCTDCZ"


def test_an_empty_query():
    assert kinds(talk(Query(b" ; "))) == "IZ"


def test_an_error_in_a_simple_query():
    messages = talk(Query(b"SELECT 1"), Query(b"SHOW VERSION"))
    assert kinds(messages) == "EZTDCZ"
    code, _, hint = error(messages)
    assert code == "0A000"
    assert "SHOW CLIENTS" in hint


def test_transactions_are_told_and_nothing_more():
    messages = talk(Query(b"BEGIN"), Query(b"nonsense"), Query(b"SHOW VERSION"), Query(b"COMMIT"))
    assert statuses(messages) == [b"T", b"T", b"T", b"I"]
    assert kinds(messages) == "CZEZTDCZCZ"


def test_extended():
    messages = talk(
        Parse(b"s", b"SHOW CLIENTS"),
        Describe(b"S", b"s"),
        Flush(),
        Bind(b"p", b"s", result_formats=(1,)),
        Describe(b"P", b"p"),
        Execute(b"p"),
        Sync(),
        Close(b"S", b"s"),
        Sync(),
    )
    assert kinds(messages) == "1tT2TDDDDDCZ3Z"
    first, second = [message for message in messages if isinstance(message, RowDescription)]
    assert {field.format for field in first.fields} == {0}
    assert {field.format for field in second.fields} == {1}
    row = next(message for message in messages if isinstance(message, DataRow))
    assert row.values[CLIENTS.keys.index("port")] == b"\0\0\0\0"


def test_a_portal_in_pieces():
    messages = talk(
        Parse(b"", b"SHOW CLIENTS"),
        Bind(b"", b""),
        Execute(b"", 2),
        Execute(b"", 2),
        Execute(b"", 2),
        Execute(b"", 2),
        Sync(),
    )
    assert kinds(messages) == "12DDsDDsDCCZ"


def test_the_worker_is_asked_once_per_portal():
    asked = []

    async def count(what):
        asked.append(what)
        return list(ROWS)

    talk(Parse(b"", b"SHOW CLIENTS"), Bind(b"", b""), Execute(b"", 1), Execute(b""), ask=count)
    assert asked == ["clients"]


def test_statements_without_rows():
    messages = talk(
        Parse(b"", b"BEGIN"),
        Bind(b"", b"", result_formats=(1,)),
        Describe(b"P", b""),
        Execute(b""),
        Sync(),
    )
    assert kinds(messages) == "12nCZ"
    assert statuses(messages) == [b"T"]
    empty = talk(Parse(b"", b""), Bind(b"", b""), Describe(b"S", b""), Execute(b""), Sync())
    assert kinds(empty) == "12tnIZ"


def test_an_error_skips_everything_up_to_sync():
    messages = talk(
        Parse(b"", b"SELECT 1"),
        Bind(b"", b""),
        Query(b"SHOW VERSION"),
        Execute(b""),
        Sync(),
        Query(b"SHOW VERSION"),
    )
    assert kinds(messages) == "EZTDCZ"


def test_portals_end_with_their_transaction():
    bind = (Parse(b"", b"SHOW VERSION"), Bind(b"p", b""))
    assert error(talk(*bind, Sync(), Execute(b"p")))[0] == "26000"
    assert kinds(talk(Query(b"BEGIN"), *bind, Sync(), Execute(b"p"))) == "CZ12ZDC"


@pytest.mark.parametrize(
    ("messages", "code", "says"),
    [
        ([Parse(b"", b"SHOW VERSION", (23,))], "0A000", "parameters"),
        (
            [Parse(b"", b"SHOW VERSION"), Bind(b"", b"", parameters=(b"1",))],
            "0A000",
            "parameters",
        ),
        (
            [Parse(b"", b"SHOW VERSION"), Bind(b"", b"", result_formats=(0, 1))],
            "0A000",
            "result formats",
        ),
        ([Parse(b"", b"SHOW VERSION; SHOW HELP")], "42601", "command"),
        ([Bind(b"", b"none")], "26000", "prepared statement"),
        ([Execute(b"none")], "26000", "portal"),
        ([Describe(b"S", b"none")], "26000", "prepared statement"),
        ([Describe(b"P", b"none")], "26000", "portal"),
        ([FunctionCall(1)], "0A000", "FunctionCall"),
        ([CopyData(b"x")], "0A000", "CopyData"),
    ],
)
def test_what_is_refused(messages, code, says):
    answers = talk(*messages, Sync())
    assert error(answers)[0] == code
    assert says in error(answers)[1]
    assert kinds(answers).endswith("EZ")


def test_closing_what_does_not_exist_is_no_error():
    assert kinds(talk(Close(b"P", b"none"), Close(b"S", b"none"), Sync())) == "33Z"


def test_prepared_statements_are_few(monkeypatch):
    monkeypatch.setattr(console_session, "OBJECTS_MAX", 2)
    some = [Parse(name, b"SHOW VERSION") for name in (b"a", b"b", b"a", b"c")]
    assert kinds(talk(*some, Sync())) == "111EZ"


@pytest.mark.parametrize("query", [Query(b"SHOW POOLS"), None])
def test_a_worker_that_does_not_answer(query):
    async def nobody(_what):
        raise RefusedError(ConsoleSnapshotUnanswered(reason="it sleeps"))

    extended = [Parse(b"", b"SHOW POOLS"), Bind(b"", b""), Execute(b""), Sync()]
    answers = talk(*([query] if query else extended), ask=nobody)
    assert error(answers)[0] == "57014"
    assert kinds(answers).endswith("EZ")


def test_what_is_no_message_is_not_answered():
    with pytest.raises(MalformedMessage):
        asyncio.run(ConsoleSession(None, ask, act).handle(ord("?"), b""))
    with pytest.raises(MalformedMessage):
        asyncio.run(ConsoleSession(None, ask, act).handle(ord("P"), b"x"))


NAMES = st.sampled_from([b"", b"a"])
TEXTS = st.sampled_from([b"SHOW CLIENTS", b"SHOW VERSION", b"BEGIN", b"COMMIT", b"", b"SELECT 1"])
MESSAGES = st.one_of(
    st.builds(Query, TEXTS),
    st.builds(Parse, NAMES, TEXTS),
    st.builds(Bind, NAMES, NAMES, result_formats=st.sampled_from([(), (0,), (1,), (0, 1)])),
    st.builds(Describe, st.sampled_from([b"S", b"P"]), NAMES),
    st.builds(Execute, NAMES, st.integers(-1, 3)),
    st.builds(Close, st.sampled_from([b"S", b"P"]), NAMES),
    st.just(Flush()),
    st.just(Sync()),
)


@given(st.lists(MESSAGES, max_size=30))
def test_any_pipeline_keeps_the_servers_order(messages):
    """One ReadyForQuery per Sync and per Query that is not skipped; one error per segment."""
    answers = kinds(talk(*messages, Sync()))
    assert answers.endswith("Z")
    segments = answers[:-1].split("Z")
    assert all(segment.count("E") <= 1 for segment in segments)
    queries = sum(isinstance(message, Query) for message in messages)
    syncs = 1 + sum(isinstance(message, Sync) for message in messages)
    assert syncs <= answers.count("Z") <= syncs + queries


def test_an_action_is_carried_out_and_told_by_its_word():
    ACTED.clear()
    told = talk(Query(b"pause app; RESUME"))
    assert [message.tag for message in told if chr(message.kind) == "C"] == [b"PAUSE", b"RESUME"]
    assert [Action("PAUSE", "app"), Action("RESUME")] == ACTED


def test_an_action_by_the_extended_protocol_runs_once():
    ACTED.clear()
    told = talk(
        Parse(b"", b"RELOAD", ()),
        Describe(b"S", b""),
        Bind(b"", b"", (), (), ()),
        Execute(b"", 0),
        Sync(),
    )
    assert "".join(chr(message.kind) for message in told) == "1tn2CZ"
    assert [Action("RELOAD")] == ACTED


def test_a_refused_action_ends_the_text():
    ACTED.clear()
    told = talk(Query(b"KILL refused; RESUME"))
    assert "".join(chr(message.kind) for message in told) == "EZ"
    assert len(ACTED) == 1
