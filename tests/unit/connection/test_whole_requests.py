"""A request in one piece means the same, and asks for the same, kept or not; in both forms."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, split, states

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
DONE, SYNC = s.CommandComplete(b"SELECT 1"), c.Sync()
TEXT = b"SELECT a FROM t WHERE b = $1"
DRAWS = b"INSERT INTO t VALUES ($1)"


def unit(text: bytes = TEXT, types: tuple[int, ...] = ()) -> list[Any]:
    bind = c.Bind(b"", b"", (), (b"1",))
    return [c.Parse(b"", text, types), bind, c.Describe(b"P", b""), c.Execute(b""), SYNC]


def state(lease: Lease) -> tuple[Any, ...]:
    requests, exchange = lease.requests, lease.exchange
    unnamed = requests.statements.get(b"")
    kept = unnamed and (unnamed.text, unnamed.types, unnamed.settled, unnamed.segment)
    there = exchange.statements.unnamed is unnamed, exchange.statements.unnamed_segment
    named = sorted((name, one.settled) for name, one in requests.statements.items())
    noted = (
        requests.effects, requests.unanswered_effects, requests.settings, requests.moves,
        requests.rereads, requests.drew, requests.wrote, requests.may_end, requests.may_copy,
    )  # fmt: skip
    asked = (exchange.outstanding(), exchange.segment, exchange.unit_open, exchange.drawn)
    owed = [exchange._kinds[at] for at in range(exchange.outstanding())] if pure(lease) else []
    return (kept, there, named, noted, asked, exchange.may_discard(), owed)


def pure(lease: Lease) -> bool:
    return lease.form is FORMS["pure"]


def goes_on(lease: Lease, *messages: Any) -> bool:
    """Whether it is sent on as it came."""
    data = encoded(*messages)
    assert lease.form.is_whole_request(data, len(data))
    return bool(lease.requests.begins_with(data, len(data), lease.exchange))


def bound(name: bytes = b"a", *, described: bool = True) -> list[Any]:
    unit = [c.Bind(b"", name, (1,), (b"\x00\x01",)), c.Describe(b"P", b""), c.Execute(b""), SYNC]
    return unit if described else [unit[0], *unit[2:]]


def prepared(lease: Lease, text: bytes = TEXT) -> Lease:
    """Its client has a statement a, which is there."""
    lease.send(c.Parse(b"a", text), SYNC)
    lease.answer(PARSED, READY)
    return lease


def rebound(lease: Lease, *messages: Any) -> bytes | None:
    """What is sent on for a unit that binds a statement with a name."""
    data = encoded(*messages)
    assert lease.form.is_whole_request(data, len(data))
    sent: bytes | None = lease.requests.rebinds(data, len(data), lease.exchange)
    return sent


def both(lease: Lease) -> tuple[Lease, Lease]:
    return lease, Lease(lease.form, statements_max=3)


EFFECTFUL = (
    b"BEGIN", b"COMMIT", b"SET work_mem = 1", b"SET LOCAL TimeZone = UTC", b"SET ROLE a",
    b"CREATE TABLE t ()", b"NOTIFY a", b"EXECUTE a", b"SELECT pg_advisory_lock(1)",
)  # fmt: skip


@pytest.mark.parametrize("text", [TEXT, DRAWS, b"", b"SELECT '" + b"x" * 5000 + b"'", *EFFECTFUL])
@pytest.mark.parametrize("types", [(), (23, 25)])
def test_it_asks_for_the_same_kept_or_not(
    lease: Lease, text: bytes, types: tuple[int, ...]
) -> None:
    kept, other = both(lease)
    for _ in range(2):
        sent = encoded(*unit(text, types))
        assert kept.send(sent) == split(sent)
        assert goes_on(other, sent)
        assert state(kept) == state(other)
        for each in (kept, other):
            assert each.answer(PARSED, BOUND, s.NoData(), DONE, READY)
            assert each.exchange.is_quiet()
        assert state(kept) == state(other)


@pytest.mark.parametrize("text", [TEXT, DRAWS, b"", *EFFECTFUL[:2]])
@pytest.mark.parametrize("described", [False, True])
def test_a_statement_with_a_name_is_bound_the_same_kept_or_not(
    lease: Lease, text: bytes, described: bool
) -> None:
    kept, other = (prepared(each, text) for each in both(lease))
    unit, told = bound(described=described), [s.NoData()] * described
    for _ in range(2):
        sent = kept.send(*unit)
        assert rebound(other, *unit) == b"".join(sent)
        assert b"ours_" in sent[0]
        assert sent[1:] == split(encoded(*unit[1:]))
        assert state(kept) == state(other)
        for each in (kept, other):
            assert each.answer(BOUND, *told, DONE, READY) == split(
                encoded(BOUND, *told, DONE, READY)
            )
            assert each.exchange.is_quiet()
            assert each.exchange.traffic.binds > 0
        assert state(kept) == state(other)


def test_a_unit_need_not_describe(lease: Lease) -> None:
    kept, other = both(lease)
    parts = [*unit()[:2], *unit()[3:]]
    assert kept.send(*parts) == split(encoded(*parts))
    assert goes_on(other, *parts)
    assert state(kept) == state(other)
    other.answer(PARSED, BOUND, DONE, READY)
    assert other.exchange.is_quiet()


def test_answers_change_the_names_of_who_asked_last(lease: Lease) -> None:
    prepared(lease)
    lease.exchange.names = {}
    assert rebound(lease, *bound())
    assert lease.exchange.names is lease.requests.statements


def test_what_has_no_rows_says_so_where_it_is_described_only(lease: Lease) -> None:
    prepared(lease)
    assert rebound(lease, *bound())
    lease.answer(BOUND, s.NoData(), DONE, READY)
    assert lease.events == lease.form.READY
    assert goes_on(lease, c.Query(TEXT))
    lease.answer(s.NoData(), DONE, READY)
    assert lease.events & lease.form.BROKEN


def test_an_error_at_a_bind_is_told_and_the_name_stays(lease: Lease) -> None:
    prepared(lease)
    assert rebound(lease, *bound())
    assert states(lease.answer(error(b"22P02"), READY)) == [b"22P02", b"Z"]
    assert lease.exchange.is_quiet()
    assert b"a" in lease.requests.statements


def test_where_a_statement_was_dropped_unseen_it_is_prepared_anew(lease: Lease) -> None:
    prepared(lease)
    assert rebound(lease, *bound())
    lease.answer(error(b"26000"), READY)
    assert rebound(lease, *bound()) is None
    assert [sent[:1] for sent in lease.send(*bound())][:2] == [b"C", b"P"]


def test_on_another_server_connection_it_is_prepared_first(lease: Lease) -> None:
    prepared(lease)
    lease.exchange = lease.server()
    assert rebound(lease, *bound()) is None
    assert lease.exchange.is_quiet()


def test_what_is_here_of_another_client_is_looked_at_before_it_is_bound(lease: Lease) -> None:
    prepared(lease)
    lease.requests = lease.client()
    prepared(lease)
    lease.requests.statements[b"a"].prepared = None
    assert rebound(lease, *bound()) is None
    for statement in lease.exchange.statements.all():
        statement.checked = True
    assert rebound(lease, *bound())


def test_an_error_takes_back_the_same(lease: Lease) -> None:
    kept, other = both(lease)
    for each in (kept, other):
        each.send(c.Parse(b"", b"SELECT 2"), SYNC)
        each.answer(PARSED, READY)
    kept.send(*unit())
    assert goes_on(other, *unit())
    for each in (kept, other):
        assert len(each.answer(error(), READY)) == 2
        assert b"" not in each.requests.statements
        assert each.exchange.is_quiet()


def test_its_statement_can_be_bound_again(lease: Lease) -> None:
    assert goes_on(lease, *unit())
    lease.answer(PARSED, BOUND, s.NoData(), DONE, READY)
    again = [c.Bind(b"", b""), c.Execute(b""), SYNC]
    assert lease.send(*again) == split(encoded(*again))


ONE_AFTER_ANOTHER = (
    (TEXT, ()), (TEXT, ()), (TEXT, (23,)), (TEXT, (23,)), (TEXT, (25,)), (TEXT + b" ", (25,)),
    (TEXT, ()), (TEXT[:-1] + b"2", ()), (b"", ()), (b"", ()), (TEXT, ()), (TEXT, (23, 25)),
)  # fmt: skip


def test_one_after_another_mean_the_same_kept_or_not(lease: Lease) -> None:
    """The same again, or what differs from it in a byte, a type or their number."""
    kept, other = both(lease)
    for text, types in ONE_AFTER_ANOTHER:
        kept.send(*unit(text, types))
        assert goes_on(other, *unit(text, types))
        assert state(kept) == state(other)
        for each in (kept, other):
            each.answer(PARSED, BOUND, s.NoData(), DONE, READY)
            assert each.exchange.is_quiet()
        assert state(kept) == state(other)


def unnamed(lease: Lease, *messages: Any) -> Any:
    """What no name means behind a unit that goes on."""
    assert goes_on(lease, *(messages or unit()))
    lease.answer(PARSED, BOUND, s.NoData(), DONE, READY)
    return lease.requests.statements[b""]


def test_the_same_again_is_the_same_statement(lease: Lease) -> None:
    first = unnamed(lease)
    assert unnamed(lease) is first
    lease.exchange = lease.server()
    assert unnamed(lease) is first, "on another server connection, too"
    assert lease.exchange.statements.unnamed is first
    second = unnamed(lease, *unit(TEXT + b" "))
    assert unnamed(lease, *unit(TEXT + b" ")) is second is not first


def test_an_error_at_the_same_again_takes_it_back(lease: Lease) -> None:
    kept, other = both(lease)
    for _ in range(3):
        unnamed(other)
        kept.send(*unit())
        kept.answer(PARSED, BOUND, s.NoData(), DONE, READY)
        kept.send(*unit())
        assert goes_on(other, *unit())
        for each in (kept, other):
            each.answer(error(), READY)
            assert b"" not in each.requests.statements
        assert state(kept) == state(other)


def described(lease: Lease) -> None:
    """It was told what it returns, and that is to stay so where it is used without a Parse."""
    lease.send(c.Parse(b"", TEXT), c.Describe(b"S", b""), SYNC)
    lease.answer(PARSED, s.ParameterDescription(()), s.NoData(), READY)


@pytest.mark.parametrize("tail", [b"\x00", b"\x00\x00\x00", b""])
def test_types_that_are_a_part_of_the_others_are_not_the_same(lease: Lease, tail: bytes) -> None:
    """They are malformed: the server says so."""
    first = unnamed(lease)
    body = b"\x00" + TEXT + b"\x00" + tail
    parse = b"P" + (len(body) + 4).to_bytes(4, "big") + body
    assert unnamed(lease, parse, *unit()[1:]) is not first
    assert lease.requests.statements[b""].types == tail


def test_what_is_never_looked_at_leaves_the_statement_that_was_there(lease: Lease) -> None:
    for text in (TEXT, b"SELECT 2"):
        unnamed(lease, *unit(text))
        there = unnamed(lease, *unit(text))
    assert goes_on(lease, *unit(b"SELECT 2"))
    if pure(lease):
        (parse,) = [one for one in lease.exchange._payloads if one is not None]
        assert parse.before is parse.client_statement is there


ANOTHER = {
    "it was told what it returns": described,
    "its text has another verdict now": lambda lease: setattr(
        lease.requests.statements[b""], "verdict", None
    ),
    "its Parse was not answered": lambda lease: setattr(
        lease.requests.statements[b""], "settled", False
    ),
    "it is large": lambda lease: setattr(lease.requests.statements[b""], "weight", object()),
}


@pytest.mark.parametrize("why", ANOTHER)
def test_the_same_text_is_another_statement_where(lease: Lease, why: str) -> None:
    unnamed(lease)
    ANOTHER[why](lease)
    before = lease.requests.statements[b""]
    assert unnamed(lease) is not before


def test_behind_what_is_owed_it_is_expected_too(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    for _ in range(7):
        for kind in (form.PARSE, form.SYNC):
            exchange.expect(kind)
    before = exchange.outstanding()
    assert goes_on(lease, *unit())
    assert exchange.outstanding() == before + 5
    lease.answer(*[PARSED, READY] * 7, PARSED, BOUND, s.NoData(), DONE, READY)
    assert exchange.is_quiet()


REFUSED = {
    "a text that may drop statements": lambda lease: unit(b"DEALLOCATE a"),
    "a text that may copy": lambda lease: unit(b"COPY t FROM STDIN"),
    "a text whose parameter matters": lambda lease: unit(
        b"SELECT set_config($1, 'x', false)"
    ),
    "a text that is listened for": lambda lease: unit(b"LISTEN a"),
    "a text that does not end": lambda lease: malformed(),
    "a door that keeps names": lambda lease: setattr(lease.requests, "virtual", False),
    "a COPY that may be under way": lambda lease: setattr(lease.requests, "may_copy", True),
    "a COPY that is": lambda lease: setattr(lease.exchange, "copy_in", True),
    "channels that change": lambda lease: setattr(lease.requests, "changes_channels", True),
    "a portal that deallocates": lambda lease: lease.send(
        c.Parse(b"", b"DEALLOCATE a"), c.Bind(b"", b"")
    ) and None,
}  # fmt: skip


def malformed() -> list[Any]:
    body = b"\x00SELECT 1"
    return [b"P" + (len(body) + 4).to_bytes(4, "big") + body, *unit()[1:]]


@pytest.mark.parametrize("why", REFUSED)
def test_what_needs_care_is_to_be_kept(lease: Lease, why: str) -> None:
    made = REFUSED[why](lease)
    before = state(lease)
    assert not goes_on(lease, *(made if isinstance(made, list) else unit()))
    assert state(lease) == before


def unseen(lease: Lease) -> None:
    statement = lease.requests.statements[b"a"]
    statement.verdict = statement.verdict.as_shown()
    statement.verdict.effects |= int(lease.form.Effect.UNSEEN)


UNBOUND = {
    "a name that nobody gave": lambda lease: bound(b"b"),
    "a name that does not end": lambda lease: endless(),
    "a text that drops statements": lambda lease: prepared_as(lease, b"DEALLOCATE b"),
    "effects that no text shows": unseen,
    "a text that may copy": lambda lease: prepared_as(lease, b"COPY t FROM STDIN"),
    "a text whose parameter matters": lambda lease: prepared_as(
        lease, b"SELECT set_config($1, 'x', false)"
    ),
    "another state than it was parsed under": lambda lease: setattr(
        lease.requests, "parse_key", object()
    ),
    "a lease that changed how texts are read": lambda lease: setattr(
        lease.requests.statements[b"a"].shape, "loose", True
    ),
    "a lease that changed settings": lambda lease: setattr(lease.requests, "moves", True),
    "a text that may drop statements": lambda lease: setattr(
        lease.requests, "may_forget", True
    ),
    "what returns something else here": lambda lease: setattr(
        lease.exchange.statements, "unlike", lease.requests.statements[b"a"].shape
    ),
    **{why: made for why, made in REFUSED.items() if not why.startswith("a text")},
}  # fmt: skip


def endless() -> list[Any]:
    return [b"B\x00\x00\x00\x07\x00ab", *bound()[1:]]


def prepared_as(lease: Lease, text: bytes) -> None:
    lease.requests.statements.pop(b"a")
    prepared(lease, text)


@pytest.mark.parametrize("why", UNBOUND)
def test_what_needs_care_is_bound_by_its_messages(lease: Lease, why: str) -> None:
    made = UNBOUND[why](prepared(lease))
    before = state(lease)
    assert rebound(lease, *(made if isinstance(made, list) else bound())) is None
    assert state(lease) == before


OTHERS = {
    "a name": [c.Parse(b"a", TEXT), *unit()[1:]],
    "a portal's name": [unit()[0], c.Bind(b"p", b""), *unit()[2:]],
    "a statement's name": [unit()[0], c.Bind(b"", b"a"), *unit()[2:]],
    "a statement that is described": [*unit()[:2], c.Describe(b"S", b""), *unit()[3:]],
    "a portal that is named": [*unit()[:2], c.Describe(b"P", b"p"), *unit()[3:]],
    "no Execute": [*unit()[:3], SYNC],
    "a Bind to a portal with a name": [c.Bind(b"p", b"a"), *bound()[1:]],
    "a Bind to a portal with a longer one": [c.Bind(b"pp", b"a"), *bound()[1:]],
    "a Bind of what has no name": bound(b""),
    "a bound statement that is described": [bound()[0], c.Describe(b"S", b"a"), *bound()[2:]],
    "a bound statement's portal that is named": [bound()[0], c.Describe(b"P", b"p"), *bound()[2:]],
    "two that are bound": [bound()[0], *bound()],
    "a Bind alone": bound()[:1],
    "a Bind and its Describe": bound()[:2],
    "no Sync behind a Bind": bound()[:3],
    "more behind a Bind": [*bound(), SYNC],
    "an empty Bind": [b"B\x00\x00\x00\x04", *bound()[1:]],
    "a Bind of two bytes": [b"B\x00\x00\x00\x06\x00a", *bound()[1:]],
    "no Sync": unit()[:4],
    "more": [*unit(), SYNC],
    "a Sync with a body": [*unit()[:4], b"S\x00\x00\x00\x05x"],
    "a Bind without a body": [unit()[0], b"B\x00\x00\x00\x05\x00", *unit()[2:]],
    "a Parse without a body": [b"P\x00\x00\x00\x04", *unit()[1:]],
    "a Describe that does not end": [*unit()[:2], b"D\x00\x00\x00\x06Px", *unit()[3:]],
    "a Describe without a body": [*unit()[:2], b"D\x00\x00\x00\x04", *unit()[3:]],
    "a Query and more": [c.Query(TEXT), SYNC],
    "a Query that does not end": [b"Q\x00\x00\x00\x05x"],
    "a part of a Query": [c.Query(TEXT).encode()[:9]],
    "nothing but a zero byte": [b"\x00"],
    "a part of a header": [b"Q\x00"],
    "a Sync": [SYNC],
    "a length that cannot be": [b"P\x00\x00\x00\x03\x00" + TEXT, *unit()[1:]],
    "a length beyond the end": [*unit()[:4], b"S\x7f\xff\xff\xff"],
}


@pytest.mark.parametrize("what", OTHERS)
def test_anything_else_is_no_such_request(lease: Lease, what: str) -> None:
    data = encoded(*OTHERS[what])
    assert not lease.form.is_whole_request(data, len(data))


def test_a_query_is_one(lease: Lease) -> None:
    data = c.Query(TEXT).encode()
    assert lease.form.is_whole_request(data, len(data))


TAG = b"/*lane='otp'*/"


@pytest.mark.parametrize(
    ("request_", "may"),
    [
        ([c.Query(TEXT)], False),
        ([c.Query(TEXT + TAG)], True),
        ([c.Query(TAG + TEXT)], True),
        ([c.Query(b"BEGIN")], True),
        (unit(), False),
        (unit(TEXT + TAG), True),
        (unit(TAG + TEXT), True),
        (unit(b"BEGIN"), False),
        (bound(b"a"), False),
        (bound(b"tagged"), True),
        (bound(b"b"), True),
    ],
)
def test_what_has_no_comment_at_an_end_says_no_lane(
    lease: Lease, request_: list[Any], may: bool
) -> None:
    lease.send(c.Parse(b"a", TEXT), c.Parse(b"tagged", TEXT + TAG), SYNC)
    data = encoded(*request_)
    assert lease.form.is_whole_request(data, len(data))
    assert lease.requests.may_say_a_lane(data, len(data)) is may


@pytest.mark.parametrize("make", [malformed, endless])
def test_what_is_malformed_may_say_one(lease: Lease, make: Any) -> None:
    data = encoded(*make())
    assert lease.form.is_whole_request(data, len(data))
    assert lease.requests.may_say_a_lane(data, len(data))


@given(
    at=st.integers(0, 200),
    byte=st.integers(0, 255),
    cut=st.integers(0, 100),
    whole=st.sampled_from([unit(), bound(), bound(described=False)]),
)
def test_what_is_taken_for_a_unit_is_its_messages(
    at: int, byte: int, cut: int, whole: list[Any]
) -> None:
    data = bytearray(encoded(*whole))
    data[at % len(data)] = byte
    changed = bytes(data[: len(data) - cut])
    verdicts = {
        name: form.is_whole_request(changed, len(changed))
        for name, form in FORMS.items()
        if changed
    }
    assert len(set(verdicts.values())) <= 1, "both forms agree"
    if any(verdicts.values()):
        kinds = b"".join(m[:1] for m in split(changed))
        assert kinds in (b"PBDES", b"PBES", b"BDES", b"BES")


# Behind what others have in flight -------------------------------------------------------------


class Proves:
    """A sight that takes each text with the word in it for a read that is repeatable."""

    def judge(self, text: bytes, standard_strings: bool, verdict: Any) -> Any:
        del standard_strings
        return verdict.repeating(True) if b"proved" in text else verdict


PROVED = b"SELECT proved FROM t WHERE b = $1"


def follows(lease: Lease, *messages: Any) -> bytes | None:
    lease.cache.sight = Proves()
    data = encoded(*messages)
    assert lease.form.is_whole_request(data, len(data))
    before = state(lease)
    sent: bytes | None = lease.requests.following(data, len(data), lease.exchange)
    assert state(lease) == before, "something was noted"
    return sent


def test_a_read_that_is_repeatable_follows_as_it_came(lease: Lease) -> None:
    for asked in ([c.Query(b"SELECT proved")], unit(PROVED), unit(PROVED, (23, 0, 16383))):
        assert follows(lease, *asked) == encoded(*asked)


def test_what_is_not_proved_does_not_follow(lease: Lease) -> None:
    for asked in (
        [c.Query(b"SELECT a")],
        unit(),
        unit(PROVED, (23, 16384)),
        unit(PROVED, (1 << 24,)),
    ):
        assert follows(lease, *asked) is None


def test_a_statement_that_is_there_follows_by_its_name_there(lease: Lease) -> None:
    lease.cache.sight = Proves()
    prepared(lease, PROVED)
    sent = follows(lease, *bound())
    assert sent == rebound(lease, *bound())
    assert lease.requests.repeatable


def test_a_statement_that_is_not_there_does_not_follow(lease: Lease) -> None:
    assert follows(lease, *bound()) is None
    prepared(lease)
    assert follows(lease, *bound()) is None
    lease.requests.may_forget = True
    assert follows(lease, *bound()) is None


def test_a_statement_that_is_elsewhere_or_takes_others_types_does_not_follow(
    lease: Lease,
) -> None:
    lease.cache.sight = Proves()
    lease.send(c.Parse(b"a", PROVED, (16384,)), SYNC)
    lease.answer(PARSED, READY)
    assert follows(lease, *bound()) is None
    lease.send(c.Parse(b"b", PROVED), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange.statements.clear()
    assert follows(lease, *bound(b"b")) is None
    assert follows(lease, *bound(b"c")) is None


def test_nothing_follows_while_other_things_are_under_way(lease: Lease) -> None:
    lease.requests.may_copy = True
    assert follows(lease, *unit(PROVED)) is None
    assert follows(lease, *bound()) is None
    lease.requests.may_copy = False
    lease.requests.changes_channels = True
    assert follows(lease, c.Query(b"SELECT proved")) is None


def test_what_was_sent_last_is_repeatable_or_not(lease: Lease) -> None:
    lease.cache.sight = Proves()
    requests = lease.requests
    for asked, is_it in (
        ([c.Query(b"SELECT proved")], True),
        ([c.Query(b"SELECT a")], False),
        (unit(PROVED), True),
        (unit(), False),
    ):
        assert goes_on(lease, *asked)
        assert requests.repeatable is is_it or bool(requests.repeatable) is is_it
        lease.exchange.__init__(lease.exchange.statements, lease.exchange.parameters)
    lease.send(c.Query(b"SELECT proved"))  # through the reader: there may be more
    assert not requests.repeatable
