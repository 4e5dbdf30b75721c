"""What the server is sent for what a client sends, in the form in use and in pure form."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, messages, split

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
DONE, SYNC, FLUSH = s.CommandComplete(b"SELECT 1"), c.Sync(), c.Flush()
SELECT = b"SELECT 1"
COPY = b"COPY t FROM STDIN"


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


@pytest.mark.parametrize("again", [False, True])
def test_a_query_behind_a_close_that_is_discarded_destroys_it_all_the_same(
    lease: Lease, again: bool
) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Execute(b"x"), c.Close(b"S", b""), SYNC, c.Query(SELECT))
    if again:
        lease.send(c.Parse(b"", b"SELECT 2"), SYNC)
    lease.answer(error(b"34000"), READY)
    lease.answer(s.CommandComplete(b"SELECT 1"), READY)
    assert [one.text for one in lease.requests.statements.values()] == [b"SELECT 2"] * again


def test_a_close_and_a_query_that_are_discarded_destroy_nothing(lease: Lease) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    statement = lease.requests.statements[b""]
    lease.send(c.Execute(b"x"), c.Close(b"S", b""), c.Query(SELECT))
    lease.answer(error(b"34000"))
    assert lease.requests.statements == {b"": statement}


# Close and the server's own objects


# Limits


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        (c.Query(b"SELECT 2"), []),
        (c.Parse(b"", b"SELECT 2"), []),
        (c.Parse(b"a", b"SELECT 2"), [SELECT]),
        (c.Bind(b"", b""), [SELECT]),
    ],
)
def test_what_is_refused_unsent_destroys_the_unnamed_statement_as_an_error_would(
    lease: Lease, refused: Any, left: list[bytes]
) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    lease.answer(PARSED, READY)
    lease.requests.reader.feed(refused.encode())
    lease.requests.fails_unsent()
    assert [one.text for one in lease.requests.statements.values()] == left
    assert lease.requests.reader.next(), "it is there still"
    lease.requests.fails_unsent()


def test_a_full_pipeline_waits(lease: Lease) -> None:
    form = lease.form
    for _ in range(form.OUTSTANDING_MAX):
        lease.exchange.expect(form.EXECUTE)
    assert lease.send(SYNC) == messages(FLUSH)
    assert lease.exchange.held == form.HELD_FOR_ROOM


# DEALLOCATE


# Refusals and waiting


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


def test_names_are_free_again_when_a_deallocate_is_answered(lease: Lease) -> None:
    lease.send(c.Query(b"DEALLOCATE ALL"))
    parse = c.Parse(b"a", SELECT)
    assert lease.send(parse) == messages(FLUSH)
    lease.answer(s.CommandComplete(b"DEALLOCATE ALL"), READY)
    assert lease.forward() == messages(c.Parse(b"ours_1", SELECT))
    assert not lease.requests.may_forget


# A Query that is not kept


TEXTS = (
    SELECT,
    b"BEGIN",
    b"UPDATE t SET n = 1",
    b"SET search_path = x",
    b"NOTIFY c",
    COPY,
    b"DROP TABLE t",
    b"SELECT set_config('a.b', '1', false)",
)


def state(lease: Lease) -> tuple[Any, ...]:
    requests, exchange = lease.requests, lease.exchange
    noted = (requests.effects, requests.settings, requests.drew, requests.may_copy)
    asked = (exchange.outstanding(), exchange.segment, exchange.drawn, exchange.names)
    return (noted, asked, requests.statements, exchange.is_quiet())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("unnamed", [False, True])
def test_a_query_means_the_same_kept_or_not(lease: Lease, text: bytes, unnamed: bool) -> None:
    other = Lease(lease.form)
    for each in (lease, other):
        if unnamed:
            prepared(each, b"")
        assert each.exchange.is_quiet()
    query = c.Query(text).encode()
    assert lease.send(query) == [query]
    assert other.requests.begins_with(query, len(query), other.exchange)
    assert state(lease) == state(other)
    assert not other.exchange.is_quiet()


def test_a_whole_unit_means_the_same_kept_or_not(lease: Lease) -> None:
    other = Lease(lease.form)
    unit = encoded(
        c.Parse(b"", SELECT), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""), SYNC
    )
    assert lease.send(unit) == split(unit)
    assert other.requests.begins_with(unit, len(unit), other.exchange)
    assert other.requests.statements[b""].text == SELECT
    assert other.exchange.outstanding() == lease.exchange.outstanding() == 5


@pytest.mark.parametrize("text", [b"LISTEN a", b"DEALLOCATE a", b"DISCARD ALL"])
def test_a_query_that_is_taken_apart_is_to_be_kept(lease: Lease, text: bytes) -> None:
    query = c.Query(text).encode()
    assert not lease.requests.begins_with(query, len(query), lease.exchange)
    assert lease.exchange.is_quiet()
    assert lease.requests.effects == 0


def test_while_something_is_held_or_skipped_nothing_is_quiet(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.held = lease.form.HELD_FOR_ANSWERS
    assert not exchange.is_quiet()
    exchange.held = 0
    exchange.skipping = True
    assert not exchange.is_quiet()


def test_those_that_no_class_was_called_for_are_the_same(lease: Lease) -> None:
    form = lease.form
    made = form.client_requests(lease.cache, lease.shapes, True, 1000, 3)
    same = form.ClientRequests(lease.cache, lease.shapes, True, 1000, 3)
    for each in (made, same):
        each.reader.feed(c.Query(SELECT).encode())
    assert made.apart == same.apart
    assert (made.virtual, made.statements_max, made.reader.length_max) == (True, 3, 1000)
    assert made.reader.next()


def test_what_stands_before_something_malformed_is_sent(lease: Lease) -> None:
    """Its answers are waited for: without them the server connection would be nobody's."""
    asked = (c.Query(SELECT), c.Parse(b"", SELECT), c.Bind(b"", b""), c.Execute(b""))
    lease.requests.reader.feed(encoded(*asked) + b"Q\0\0\0\x03")
    with pytest.raises(lease.form.MalformedStream):
        lease.forward()
    sent = split(b"".join(lease.exchange.to_server))
    assert [message[:1] for message in sent] == [b"Q", b"P", b"B", b"E"]
    assert lease.exchange.outstanding() == len(asked)
