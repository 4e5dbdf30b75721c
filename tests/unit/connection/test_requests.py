"""What the server is sent for what a client sends, in the form in use and in pure form."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, split

READY, PARSED, BOUND, CLOSED = (
    s.ReadyForQuery(b"I"),
    s.ParseComplete(),
    s.BindComplete(),
    s.CloseComplete(),
)
DONE, SYNC, FLUSH = s.CommandComplete(b"SELECT 1"), c.Sync(), c.Flush()
SELECT = b"SELECT 1"
COPY = b"COPY t FROM STDIN"


@pytest.fixture(params=FORMS)
def lease(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param])


@pytest.fixture(params=FORMS)
def raw(request: pytest.FixtureRequest) -> Lease:
    """A door that does not rewrite names."""
    return Lease(FORMS[request.param], virtual=False, statements_max=1)


def messages(*expected: Any) -> list[bytes]:
    return split(encoded(*expected))


def prepared(lease: Lease, name: bytes = b"a", text: bytes = SELECT) -> None:
    lease.send(c.Parse(name, text), SYNC)
    lease.answer(PARSED, READY)


def test_a_run_of_plain_messages_is_handed_on_uncopied(lease: Lease) -> None:
    stream = encoded(c.Parse(b"", SELECT), c.Bind(b"", b""), c.Execute(b""), SYNC)
    lease.requests.reader.feed(stream)
    assert lease.requests.forward(lease.exchange) == lease.form.FORWARDED
    assert lease.exchange.to_server == [stream]
    assert lease.exchange.to_server[0] is stream


@given(cuts=st.lists(st.integers(1, 200), max_size=10), form=st.sampled_from(["in use", "pure"]))
def test_any_split_sends_the_same(cuts: list[int], form: str) -> None:
    lease = Lease(FORMS[form])
    asked = (
        c.Query(SELECT),
        c.Parse(b"a", SELECT),
        c.Bind(b"p", b"a"),
        c.Describe(b"S", b"a"),
        c.Describe(b"P", b"p"),
        c.Execute(b"p"),
        c.Close(b"P", b"p"),
        c.CopyData(b"x" * 50),
        c.CopyDone(),
        SYNC,
        c.FunctionCall(1),
    )
    stream = encoded(*asked)
    sent = b""
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        lease.requests.reader.feed(stream[begin:end])
        assert lease.requests.forward(lease.exchange) == lease.form.FORWARDED
        sent += b"".join(lease.exchange.to_server)
        lease.exchange.to_server.clear()
    assert split(sent) == messages(
        c.Query(SELECT),
        c.Parse(b"ours_1", SELECT),
        c.Bind(b"p", b"ours_1"),
        c.Describe(b"S", b"ours_1"),
        *asked[4:],
    )
    assert lease.exchange.outstanding() == 10


def test_terminate_ends(lease: Lease) -> None:
    assert lease.send(c.Query(SELECT), c.Terminate(), c.Query(SELECT)) == messages(c.Query(SELECT))
    assert lease.outcome == lease.form.TERMINATED


@pytest.mark.parametrize("kind", [b"p", b"R", b"\0"])
def test_what_has_no_place_is_named(lease: Lease, kind: bytes) -> None:
    assert lease.send(kind + b"\0\0\0\x04") == []
    assert lease.outcome == lease.form.OUT_OF_PLACE
    assert lease.requests.out_of_place == kind[0]


def test_what_has_no_place_is_named_while_skipping(lease: Lease) -> None:
    lease.exchange.skipping = True
    lease.send(c.Parse(b"a", SELECT), b"p\0\0\0\x04")
    assert lease.outcome == lease.form.OUT_OF_PLACE


@pytest.mark.parametrize(
    "malformed",
    [
        b"Q\0\0\0\x04",
        b"Q\0\0\0\x05x",
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
@pytest.mark.parametrize("behind", [b"", b"S\0\0\0\x04"])
@pytest.mark.parametrize("ahead", [b"", c.Execute(b"x").encode()])
def test_malformed_bodies_are_refused(
    lease: Lease, malformed: bytes, behind: bytes, ahead: bytes
) -> None:
    """Nothing is read beyond the message, zero byte or not; the server is made to fail too."""
    sent = lease.send(ahead + malformed + behind)
    query = malformed[:1] == b"Q"
    fails = c.Query(b"pglane refuses") if query else c.Parse(b"", b"pglane refuses")
    assert sent == messages(ahead, fails, behind)
    assert lease.outcome == lease.form.FORWARDED
    if ahead:
        lease.answer(DONE)
    told = lease.answer(error(b"42601"), *([READY] if query else []))
    assert b"malformed" in told[0]
    assert b"42601" not in told[0]


def test_a_length_that_cannot_be_is_refused(lease: Lease) -> None:
    lease.requests.reader.feed(b"Q\0\0\0\x03")
    with pytest.raises(lease.form.MalformedStream):
        lease.requests.forward(lease.exchange)


@given(
    kind=st.sampled_from(b"QPBDEHSCFdcf"),
    body=st.binary(max_size=30),
    form=st.sampled_from(["in use", "pure"]),
    virtual=st.booleans(),
)
def test_no_body_raises(kind: int, body: bytes, form: str, virtual: bool) -> None:
    lease = Lease(FORMS[form], virtual=virtual)
    lease.send(bytes([kind]) + b"\0\0\0" + bytes([len(body) + 4]) + body)
    assert lease.outcome == lease.form.FORWARDED


def test_a_malformed_bind_tail_is_the_servers_to_refuse(lease: Lease) -> None:
    prepared(lease)
    assert lease.send(b"B\0\0\0\x08\0a\0\xff") == [b"B\0\0\0\x0d\0ours_1\0\xff"]


# Copy


def test_copy_data_is_handed_on_in_part(lease: Lease) -> None:
    stream = encoded(c.Query(COPY), c.CopyData(b"x" * 100), c.CopyDone())
    sent = b""
    for begin in range(0, len(stream), 10):
        lease.requests.reader.feed(stream[begin : begin + 10])
        lease.requests.forward(lease.exchange)
        sent += b"".join(lease.exchange.to_server)
        lease.exchange.to_server.clear()
        assert lease.requests.reader.buffered_bytes() < 30
    assert sent == stream


def test_copy_data_is_not_streamed_while_skipping_or_held(lease: Lease) -> None:
    part = encoded(c.CopyData(b"x" * 100))[:50]
    lease.exchange.skipping = True
    assert lease.send(part) == []
    lease.exchange.skipping = False
    lease.exchange.held = lease.form.HELD_FOR_ANSWERS
    assert lease.forward() == []
    assert lease.outcome == lease.form.HELD


def test_syncs_ahead_of_and_amid_a_copy(lease: Lease) -> None:
    assert lease.send(c.Query(COPY), SYNC) == messages(c.Query(COPY), FLUSH)
    assert lease.exchange.held == lease.form.HELD_FOR_ANSWERS
    lease.answer(s.CopyInResponse(0, (0,)))
    assert lease.events == lease.form.RELEASED_HOLD
    assert lease.forward() == []
    end = c.CopyFail(b"no")
    assert lease.send(SYNC, end) == messages(end)
    assert lease.send(SYNC) == messages(FLUSH)
    lease.answer(error(), READY)
    assert lease.forward() == messages(SYNC)
    lease.answer(READY)
    assert not lease.requests.may_copy
    assert lease.exchange.is_idle()


def test_a_sync_waits_while_a_portal_may_copy(lease: Lease) -> None:
    lease.send(c.Query(b"BEGIN"))
    lease.answer(s.CommandComplete(b"BEGIN"), s.ReadyForQuery(b"T"))
    lease.send(c.Parse(b"", COPY), c.Bind(b"p", b""))
    lease.answer(PARSED, BOUND)
    lease.send(SYNC)
    lease.answer(s.ReadyForQuery(b"T"))
    assert lease.send(c.Execute(b"p"), SYNC) == messages(c.Execute(b"p"), FLUSH)


# The unnamed statement


def test_an_unnamed_statement_moves_with_its_client(lease: Lease) -> None:
    lease.send(c.Parse(b"", SELECT, (23,)), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    bind = c.Bind(b"", b"")
    assert lease.send(bind, c.Describe(b"S", b""), SYNC) == messages(
        c.Parse(b"", SELECT, (23,)), bind, c.Describe(b"S", b""), SYNC
    )
    assert lease.answer(PARSED, BOUND, s.NoData(), READY) == messages(BOUND, s.NoData(), READY)


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


def test_a_query_destroys_the_unnamed_statement(lease: Lease) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Query(SELECT))
    assert lease.requests.statements == {}
    assert lease.exchange.statements.unnamed is None


def test_a_query_that_is_discarded_destroys_nothing(lease: Lease) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    statement = lease.requests.statements[b""]
    lease.send(c.Execute(b"x"), c.Query(SELECT))
    lease.answer(error(b"34000"))
    assert lease.requests.statements == {b"": statement}


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


# Close and the server's own objects


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


# Limits


def test_a_full_pipeline_waits(lease: Lease) -> None:
    form = lease.form
    for _ in range(form.OUTSTANDING_MAX):
        lease.exchange.expect(form.EXECUTE)
    assert lease.send(SYNC) == messages(FLUSH)
    assert lease.exchange.held == form.HELD_FOR_ROOM


# A door that does not rewrite names


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


# DEALLOCATE


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


# Refusals and waiting


def test_a_refused_parse_makes_the_server_fail(lease: Lease) -> None:
    prepared(lease)
    sent = lease.send(c.Parse(b"a", SELECT), SYNC)
    assert [message[:1] for message in sent] == [b"P", b"P", b"S"]
    told = lease.answer(PARSED, error(b"42601"), READY)
    assert b"42P05" in told[0]


@pytest.mark.parametrize("message", [c.Bind(b"", b"a"), c.Describe(b"S", b"a")])
def test_a_stale_statement_is_refused(lease: Lease, message: Any) -> None:
    prepared(lease)
    lease.requests.statements[b"a"].shape.stale = True
    assert lease.send(message) == messages(c.Parse(b"", b"pglane refuses"))
    assert lease.outcome == lease.form.FORWARDED


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


def test_sync_ends_skipping(lease: Lease) -> None:
    lease.exchange.skipping = True
    assert lease.send(c.Query(SELECT), SYNC) == messages(SYNC)
    assert not lease.exchange.skipping


# Channels


def heard(lease: Lease) -> list[bytes]:
    """What the server is sent when the channels that were wanted are heard."""
    assert lease.exchange.held == lease.form.HELD_FOR_CHANNELS
    lease.exchange.held = 0
    lease.requests.channels_heard = True
    return lease.forward()


def complete(tag: bytes) -> s.CommandComplete:
    return s.CommandComplete(tag)


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


@pytest.mark.parametrize("refused", [b"", b"an error"])
def test_a_portal_that_is_dropped_is_no_excuse_for_the_next(lease: Lease, refused: bytes) -> None:
    lease.send(c.Parse(b"", b"LISTEN a"), c.Bind(b"", b""), c.Execute(b""), SYNC)
    assert lease.answer(error()) == messages(error())
    lease.exchange.held = 0
    lease.requests.channels_heard = not refused
    lease.requests.channels_refused = refused
    assert lease.forward() == messages(SYNC)
    assert lease.send(c.Query(b"LISTEN b")) == []
    assert lease.requests.channels_wanted == [b"b"]


def test_statements_behind_a_listen_are_followed(lease: Lease) -> None:
    lease.send(c.Query(b"BEGIN"), c.Query(b"LISTEN a"))
    sent = heard(lease)
    assert sent == messages(c.Query(b"LISTEN a"))
    unit = (c.Parse(b"", b"ROLLBACK TO s"), c.Bind(b"", b""), c.Execute(b""), SYNC)
    assert lease.send(*unit) == messages(*unit)
    assert lease.send(c.Query(b"COMMIT")) == []
    assert heard(lease) == messages(c.Query(b"COMMIT"))
    block = s.ReadyForQuery(b"T")
    lease.answer(complete(b"BEGIN"), block, complete(b"LISTEN"), block)
    lease.answer(PARSED, BOUND, complete(b"ROLLBACK"), block, complete(b"COMMIT"), READY)
    assert lease.requests.subscriptions.active == set()


def test_a_query_that_must_not_listen_is_refused_and_what_is_behind_it_goes_on(
    lease: Lease,
) -> None:
    lease.send(c.Query(b"LISTEN a"), c.Query(SELECT))
    lease.exchange.held = 0
    lease.requests.channels_refused = error(b"53300").encode()
    assert lease.forward() == messages(c.Query(b"pglane refuses"), c.Query(SELECT))
    told = lease.answer(error(b"42601"), READY, DONE, READY)
    assert told == messages(error(b"53300"), READY, DONE)
    assert lease.exchange.owes_ready, "who listens hears first what was notified before"


def test_a_query_that_listens_destroys_the_unnamed_statement(lease: Lease) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Query(b"LISTEN a"))
    heard(lease)
    assert b"" not in lease.requests.statements


def test_a_listen_beside_a_deallocate_counts(lease: Lease) -> None:
    lease.send(c.Query(b"LISTEN a; DEALLOCATE ALL"))
    heard(lease)
    lease.answer(complete(b"LISTEN"), complete(b"DEALLOCATE ALL"), READY)
    assert lease.requests.subscriptions.active == {b"a"}
    lease.requests.changes_channels = True
    prepared(lease, b"x")
    sent = lease.send(c.Query(b"DEALLOCATE x"))
    assert sent[-1:] == messages(c.Query(b"DEALLOCATE x"))
