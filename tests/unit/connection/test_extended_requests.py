"""Messages of the extended protocol, made fit for a server connection, in both forms."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from pglane.wire.mentions import Names
from pglane.wire.statements import Effect
from pglane.wire.unseen import Sight
from tests.support.lease import FORMS, Lease, error, messages

READY, PARSED, BOUND, CLOSED = (
    s.ReadyForQuery(b"I"),
    s.ParseComplete(),
    s.BindComplete(),
    s.CloseComplete(),
)
SYNC, FLUSH = c.Sync(), c.Flush()
SELECT = b"SELECT 1"


@pytest.fixture(params=FORMS)
def raw(request: pytest.FixtureRequest) -> Lease:
    """A door that does not rewrite names."""
    return Lease(FORMS[request.param], virtual=False, statements_max=1)


def prepared(lease: Lease, name: bytes = b"a", text: bytes = SELECT) -> None:
    lease.send(c.Parse(name, text), SYNC)
    lease.answer(PARSED, READY)


def heard(lease: Lease) -> list[bytes]:
    """What the server is sent when the channels that were wanted are heard."""
    assert lease.exchange.held == lease.form.HELD_FOR_CHANNELS
    lease.exchange.held = 0
    lease.requests.channels_heard = True
    return lease.forward()


def complete(tag: bytes) -> s.CommandComplete:
    return s.CommandComplete(tag)


def test_an_unnamed_statement_moves_with_its_client(lease: Lease) -> None:
    lease.send(c.Parse(b"", SELECT, (23,)), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    bind = c.Bind(b"", b"")
    assert lease.send(bind, c.Describe(b"S", b""), SYNC) == messages(
        c.Parse(b"", SELECT, (23,)), bind, c.Describe(b"S", b""), SYNC
    )
    assert lease.answer(PARSED, BOUND, s.NoData(), READY) == messages(BOUND, s.NoData(), READY)


def test_what_follows_a_bind_that_was_rewritten_goes_with_it(lease: Lease) -> None:
    prepared(lease)
    name = lease.exchange.statements.all()[0].name
    binds = [c.Bind(b"", b"a"), c.Bind(b"p", b"a", (), (b"one", None))]
    sent = lease.send(binds[0], c.Execute(b"", 0), binds[1], c.Execute(b"p", 0), SYNC)
    assert sent == messages(
        c.Bind(b"", name),
        c.Execute(b"", 0),
        c.Bind(b"p", name, (), (b"one", None)),
        c.Execute(b"p", 0),
        SYNC,
    )


def test_parameters_are_looked_at_where_they_matter(lease: Lease) -> None:
    prepared(lease, text=b"SELECT set_config($1, $2, false)")
    lease.send(c.Bind(b"", b"a", (), (b"client_encoding", b"UTF8")), c.Execute(b"", 0), SYNC)
    assert lease.requests.effects & Effect.SETTING
    assert lease.requests.settings == {"client_encoding"}


@pytest.mark.parametrize("name", [b"", b"a"])
def test_parameters_of_an_unproved_statement_are_looked_at(lease: Lease, name: bytes) -> None:
    """One of them may be the name of a setting that a function sets."""
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    prepared(lease, name, b"SELECT f($1)")
    lease.send(c.Bind(b"", name, (), (b"app.x", b"y" * 5000)), c.Execute(b"", 0), SYNC)
    assert lease.requests.named == {"app.x"}


def test_nobody_elses_unnamed_statement_answers(lease: Lease) -> None:
    lease.send(c.Parse(b"", b"SELECT 'secret'"), SYNC)
    lease.answer(PARSED, READY)
    lease.requests = lease.client()
    sent = lease.send(c.Bind(b"", b""), SYNC)
    assert sent == messages(c.Close(b"S", b""), c.Bind(b"", b""), SYNC)
    assert lease.answer(CLOSED, error(b"26000"), READY) == messages(error(b"26000"), READY)


def test_a_discarded_unnamed_parse_is_not_taken_for_ours(lease: Lease) -> None:
    """Its server connection may hold another client's: Bind waits until it is known."""
    fail = c.Parse(b"", b"WRONG")
    assert len(lease.send(fail, c.Parse(b"", SELECT), SYNC, c.Bind(b"", b""), SYNC)) == 4
    assert lease.outcome == lease.form.HELD
    lease.answer(error(b"42601"), READY)
    assert lease.forward() == messages(c.Close(b"S", b""), c.Bind(b"", b""), SYNC)


def test_pipelined_units_of_the_unnamed_statement_do_not_wait(lease: Lease) -> None:
    unit = (c.Parse(b"", SELECT), c.Bind(b"", b""), c.Execute(b""), SYNC)
    assert lease.send(*unit, *unit, *unit) == messages(*unit, *unit, *unit)
    assert lease.outcome == lease.form.FORWARDED


def test_a_failed_parse_destroys_the_unnamed_statement_a_discarded_one_does_not(
    lease: Lease,
) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    statement = lease.requests.statements[b""]
    lease.send(c.Execute(b"x"), c.Parse(b"", b"SELECT 2"), c.Parse(b"", b"SELECT 3"), SYNC)
    lease.send(c.Parse(b"", b"SELECT 4"), SYNC)
    lease.answer(error(b"34000"), READY)
    assert lease.requests.statements[b""].text == b"SELECT 4"
    lease.answer(error(b"42601"), READY)
    assert lease.requests.statements == {}
    lease.requests.statements[b""] = statement
    lease.send(c.Execute(b"x"), c.Parse(b"", b"SELECT 5"), SYNC)
    lease.send(c.Execute(b"x"), c.Parse(b"", b"SELECT 6"), SYNC)
    lease.answer(error(b"34000"), READY, error(b"34000"), READY)
    assert lease.requests.statements == {b"": statement}


def test_close_of_a_statement_is_answered_here(lease: Lease) -> None:
    prepared(lease)
    assert lease.send(c.Close(b"S", b"a"), c.Close(b"S", b"x"), SYNC) == messages(SYNC)
    assert lease.told() == messages(CLOSED, CLOSED)
    assert lease.requests.statements == {}


def test_close_that_is_discarded_closes_nothing(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Execute(b"x"), c.Close(b"S", b"a"), c.Close(b"S", b"a"), SYNC)
    lease.answer(error(b"34000"), READY)
    assert set(lease.requests.statements) == {b"a"}


def test_names_wait_where_a_close_may_be_discarded(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Execute(b"x"), c.Close(b"S", b"a"), SYNC)
    for message in (c.Close(b"S", b"a"), c.Parse(b"a", SELECT), c.Describe(b"S", b"a")):
        reader = lease.requests.reader
        assert lease.send(message) == messages(FLUSH)
        assert lease.outcome == lease.form.HELD
        lease.exchange.held = 0
        assert reader.next()
    lease.send(c.Bind(b"", b"a"))
    lease.answer(error(b"34000"), READY)
    assert lease.events & lease.form.RELEASED_HOLD
    assert lease.forward() == messages(c.Bind(b"", b"ours_1"))


def test_a_bind_of_another_name_waits_too(lease: Lease) -> None:
    prepared(lease)
    prepared(lease, b"b", b"SELECT 2")
    lease.send(c.Execute(b"x"), c.Close(b"S", b"a"), SYNC)
    assert lease.send(c.Bind(b"", b"b")) == messages(FLUSH)


def test_portals_are_the_servers(lease: Lease) -> None:
    asked = (c.Describe(b"P", b"p"), c.Close(b"P", b"p"), b"D\0\0\0\x06?\0", b"C\0\0\0\x06?\0")
    assert lease.send(*asked) == messages(*asked)
    assert lease.exchange.outstanding() == 4


def test_nothing_is_rewritten_behind_the_session_door(raw: Lease) -> None:
    asked = (
        c.Parse(b"a", SELECT),
        c.Bind(b"", b"a"),
        c.Describe(b"S", b"a"),
        c.Execute(b""),
        c.Close(b"S", b"a"),
        FLUSH,
        c.CopyDone(),
        c.FunctionCall(1),
        SYNC,
        c.Query(b"DEALLOCATE a"),
    )
    assert raw.send(*asked) == messages(*asked)
    assert raw.outcome == raw.form.FORWARDED
    assert raw.exchange.outstanding() == 9


def test_effects_are_noted_behind_the_session_door(raw: Lease) -> None:
    raw.send(c.Parse(b"a", b"LISTEN x"), SYNC)
    assert raw.requests.effects == 0
    raw.send(c.Bind(b"", b"a"))
    assert raw.requests.effects == int(raw.form.Effect.LISTEN)


def test_a_statement_too_many_behind_the_session_door_counts_at_once(raw: Lease) -> None:
    raw.send(c.Parse(b"a", SELECT), c.Parse(b"a", SELECT), c.Parse(b"b", b"LISTEN x"))
    assert raw.requests.effects == int(raw.form.Effect.LISTEN)
    raw.send(c.Bind(b"", b"b"))
    assert raw.requests.effects & int(raw.form.Effect.UNKNOWN)


def test_what_has_no_place_behind_the_session_door(raw: Lease) -> None:
    raw.send(b"p\0\0\0\x04")
    assert raw.outcome == raw.form.OUT_OF_PLACE
    raw.requests.reader.feed(b"X\0\0\0\x04")
    raw.forward()
    assert raw.outcome == raw.form.TERMINATED


def test_deallocate_of_a_name_that_only_we_know(lease: Lease) -> None:
    prepared(lease)
    query = c.Query(b"DEALLOCATE a")
    sent = lease.send(query)
    assert sent == messages(c.Close(b"S", b"a"), c.Parse(b"a", b""), query)
    tag = s.CommandComplete(b"DEALLOCATE")
    assert lease.answer(CLOSED, PARSED, tag, READY) == messages(tag, READY)
    assert lease.requests.statements == {}
    assert lease.exchange.is_idle()
    assert not lease.exchange.mixed


def test_deallocate_in_the_extended_protocol(lease: Lease) -> None:
    prepared(lease)
    unit = (c.Parse(b"", b"DEALLOCATE a"), c.Bind(b"", b""), c.Execute(b""), SYNC)
    assert lease.send(*unit) == messages(
        *unit[:2], c.Close(b"S", b"a"), c.Parse(b"a", b""), *unit[2:]
    )
    tag = s.CommandComplete(b"DEALLOCATE")
    told = lease.answer(PARSED, BOUND, CLOSED, PARSED, tag, READY)
    assert told == messages(PARSED, BOUND, tag, READY)
    assert set(lease.requests.statements) == {b""}


def test_what_names_a_statement_waits_for_deallocate(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Query(b"DEALLOCATE a"))
    assert lease.send(c.Parse(b"a", SELECT), SYNC) == messages(FLUSH)
    lease.answer(CLOSED, PARSED, s.CommandComplete(b"DEALLOCATE"), READY)
    assert lease.forward() == messages(SYNC)
    assert lease.told() == messages(PARSED)
    assert not lease.requests.may_forget


def test_deallocate_waits_until_it_is_known_what_was_prepared(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"WRONG"), SYNC)
    query = c.Query(b"DEALLOCATE a")
    assert lease.send(query) == messages(FLUSH)
    lease.answer(error(b"42601"), READY)
    assert lease.forward() == messages(query), "there is nothing of that name"


def test_deallocate_waits_in_the_extended_protocol(lease: Lease) -> None:
    prepared(lease)
    prepared(lease, b"deallocate", b"DEALLOCATE a")
    lease.send(c.Close(b"S", b"a"), SYNC)
    sent = lease.send(c.Bind(b"", b"deallocate"), c.Execute(b""), SYNC)
    assert sent == messages(c.Bind(b"", b"ours_2"), FLUSH)
    lease.answer(READY, BOUND)
    assert lease.forward() == messages(c.Execute(b""), SYNC)


def test_a_malformed_bind_tail_is_the_servers_to_refuse(lease: Lease) -> None:
    prepared(lease)
    assert lease.send(b"B\0\0\0\x08\0a\0\xff") == [b"B\0\0\0\x0d\0ours_1\0\xff"]


def test_a_refused_parse_makes_the_server_fail(lease: Lease) -> None:
    prepared(lease)
    sent = lease.send(c.Parse(b"a", SELECT), SYNC)
    assert [message[:1] for message in sent] == [b"P", b"P", b"S"]
    told = lease.answer(PARSED, error(b"42601"), READY)
    assert b"42P05" in told[0]


@pytest.mark.parametrize("message", [c.Bind(b"", b"a"), c.Describe(b"S", b"a")])
def test_a_statement_that_returns_something_else_here_is_refused_once(
    lease: Lease, message: Any
) -> None:
    prepared(lease)
    lease.exchange.statements.unlike = lease.requests.statements[b"a"].shape
    assert lease.send(message) == messages(c.Parse(b"", b"pglane refuses"))
    assert lease.outcome == lease.form.FORWARDED
    assert lease.exchange.statements.unlike is None


@pytest.mark.parametrize("message", [c.Bind(b"", b"a"), c.Describe(b"S", b"a")])
def test_whether_a_stale_plan_is_one_still_is_for_postgresql_to_say(
    lease: Lease, message: Any
) -> None:
    prepared(lease)
    lease.requests.statements[b"a"].shape.stale = True
    assert lease.send(message)[0][:1] == message.encode()[:1]


@pytest.mark.parametrize("message", [c.Bind(b"", b"a"), c.Describe(b"S", b"a")])
def test_a_message_waits_for_our_describe(lease: Lease, message: Any) -> None:
    prepared(lease)
    lease.exchange = lease.server()
    lease.send(message)
    assert lease.outcome == lease.form.HELD
    lease.answer(PARSED, s.ParameterDescription(()), s.NoData())
    assert lease.forward()[0][:1] == message.encode()[:1]


def test_a_describe_waits_where_its_name_is_uncertain(lease: Lease) -> None:
    lease.send(c.Execute(b"x"), SYNC)
    assert lease.send(c.Describe(b"S", b"a")) == messages(FLUSH)
    assert lease.send(c.Bind(b"", b"a")) == []


def test_a_listen_of_the_extended_protocol_waits_when_it_is_executed(lease: Lease) -> None:
    unit = (c.Parse(b"", b"LISTEN a"), c.Bind(b"", b""))
    assert lease.send(*unit, c.Execute(b""), SYNC) == messages(*unit)
    assert heard(lease) == messages(c.Execute(b""), SYNC)
    told = lease.answer(PARSED, BOUND, complete(b"LISTEN"), READY)
    assert told == messages(PARSED, BOUND, complete(b"LISTEN")), "ReadyForQuery is kept back"
    assert lease.requests.subscriptions.active == {b"a"}


def test_a_portal_that_cannot_be_heard_fails_on_the_server(lease: Lease) -> None:
    lease.send(c.Parse(b"", b"LISTEN a"), c.Bind(b"", b""), c.Execute(b""), SYNC)
    lease.exchange.held = 0
    lease.requests.channels_refused = error(b"53300").encode()
    assert lease.forward() == messages(c.Parse(b"", b"pglane refuses"), SYNC)
    told = lease.answer(PARSED, BOUND, error(b"42601"), READY)
    assert told[:3] == messages(PARSED, BOUND, error(b"53300"))


@pytest.mark.parametrize(
    "malformed",
    [
        b"P\0\0\0\x04",
        b"P\0\0\0\x05a",
        b"P\0\0\0\x06a\0",
        b"P\0\0\0\x06\0a",
        b"B\0\0\0\x04",
        b"B\0\0\0\x05\0",
        b"B\0\0\0\x06\0a",
        b"D\0\0\0\x04",
        b"D\0\0\0\x06Sa",
        b"D\0\0\0\x08Sa\0b",
        b"C\0\0\0\x04",
        b"C\0\0\0\x05S",
        b"C\0\0\0\x08Sa\0b",
        b"H\0\0\0\x05x",
    ],
)
def test_malformed_bodies_fail(lease: Lease, malformed: bytes) -> None:
    assert lease.send(malformed, SYNC) == messages(c.Parse(b"", b"pglane refuses"), SYNC)


@pytest.mark.parametrize("kind", [b"R", b"X"])
def test_what_is_no_message_of_the_protocol_behind_the_session_door(
    raw: Lease, kind: bytes
) -> None:
    assert raw.send(kind + b"\0\0\0\x04") == []
    assert raw.outcome != raw.form.FORWARDED


@pytest.mark.parametrize("kind", [b"H", b"c", b"d"])
def test_what_has_no_answer_of_its_own_passes(raw: Lease, kind: bytes) -> None:
    assert raw.send(kind + b"\0\0\0\x04") == [kind + b"\0\0\0\x04"]
    assert raw.exchange.outstanding() == 0


def test_names_wait_while_something_may_forget_them(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Query(b"DEALLOCATE ALL"))
    assert lease.send(c.Bind(b"", b"a")) == messages(FLUSH)


def counting(lease: Lease, *, virtual: bool = True) -> list[int]:
    """Counts what the client's statements hold from now on."""
    counted: list[int] = []
    lease.shapes = lease.form.Shapes(note=counted.append)
    lease.requests = lease.client(virtual=virtual)
    return counted


def test_what_a_client_holds_by_name_is_counted(lease: Lease) -> None:
    counted = counting(lease)
    prepared(lease, b"a")
    assert sum(counted) == 2 * lease.form.OBJECTS_BYTES + len(SELECT) + 3
    lease.send(c.Close(b"S", b"a"), SYNC)
    lease.answer(READY)
    lease.exchange = lease.server()
    lease.shapes.forget()
    assert sum(counted) == 0


@pytest.mark.parametrize("virtual", [True, False])
def test_an_unnamed_statement_is_counted_if_it_is_large(lease: Lease, virtual: bool) -> None:
    counted = counting(lease, virtual=virtual)
    prepared(lease, b"")
    assert not counted
    large = b"SELECT '%b'" % (b"x" * lease.form.LARGE_TEXT_BYTES)
    prepared(lease, b"", large)
    assert sum(counted) >= len(large)


def test_a_statement_behind_the_session_door_is_counted_with_its_name(lease: Lease) -> None:
    counted = counting(lease, virtual=False)
    prepared(lease, b"name")
    assert sum(counted) == lease.form.OBJECTS_BYTES + len(b"name") + len(SELECT)


def test_behind_a_setting_a_text_is_prepared_for_its_client_alone(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Query(b"SET LOCAL search_path = other"))
    lease.answer(s.CommandComplete(b"SET"), READY)
    sent = lease.send(c.Parse(b"b", SELECT), SYNC)
    assert sent == messages(c.Parse(b"ours_2", SELECT), SYNC)
    assert lease.requests.statements[b"b"].shape.loose
