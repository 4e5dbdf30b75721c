"""What names mean on a server connection, in the form in use and in pure form."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, messages, states

READY, PARSED, BOUND, CLOSED = (
    s.ReadyForQuery(b"I"),
    s.ParseComplete(),
    s.BindComplete(),
    s.CloseComplete(),
)
SYNC, FLUSH = c.Sync(), c.Flush()
SELECT = b"SELECT 1"
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS, OTHER_ROWS = s.RowDescription((COLUMN,)), s.RowDescription((COLUMN, COLUMN))
NO_PARAMETERS = s.ParameterDescription(())
FAILS = c.Parse(b"", b"pglane refuses")


def prepared(lease: Lease, name: bytes = b"a", text: bytes = SELECT) -> None:
    lease.send(c.Parse(name, text), SYNC)
    if lease.exchange.outstanding() > 1:
        lease.answer(PARSED)
    lease.answer(READY)
    lease.told()


def described(lease: Lease, description: Any = ROWS, name: bytes = b"a") -> None:
    lease.send(c.Describe(b"S", name), SYNC)
    lease.answer(NO_PARAMETERS, description, READY)


# Sharing


def test_the_same_text_exists_once(lease: Lease) -> None:
    prepared(lease)
    lease.requests = lease.client()
    assert lease.send(c.Parse(b"b", SELECT), c.Bind(b"", b"b"), SYNC) == messages(
        c.Bind(b"", b"ours_1"), SYNC
    )
    assert lease.told() == messages(PARSED)


def test_other_types_and_states_are_other_statements(lease: Lease) -> None:
    prepared(lease)
    sent = lease.send(c.Parse(b"b", SELECT, (23,)), SYNC)
    assert sent == messages(c.Parse(b"ours_2", SELECT, (23,)), SYNC)
    lease.answer(PARSED, READY)
    lease.requests.parse_key = ("DMY",)
    assert lease.send(c.Parse(b"c", SELECT), SYNC) == messages(c.Parse(b"ours_3", SELECT), SYNC)


def test_a_pending_statement_is_not_shared(lease: Lease) -> None:
    sent = lease.send(c.Parse(b"a", SELECT), c.Parse(b"b", SELECT), SYNC)
    names = [message[5:11] for message in sent if message[:1] == b"P"]
    assert names == [b"ours_1", b"ours_2"]
    lease.answer(PARSED, PARSED, READY)
    assert [statement.name for statement in lease.exchange.statements.unclosed] == []


def test_a_failed_parse_takes_name_and_statement_back(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"WRONG"), SYNC)
    lease.answer(error(b"42601"), READY)
    assert lease.requests.statements == {}
    assert len(lease.exchange.statements) == 0


@pytest.mark.parametrize("ahead", [c.Query(b"SELECT 2"), None])
def test_nothing_is_answered_here_where_the_transaction_may_have_failed(
    lease: Lease, ahead: Any
) -> None:
    prepared(lease)
    if ahead is None:
        lease.exchange.status = lease.form.FAILED_STATUS
    else:
        lease.send(ahead)
    sent = lease.send(c.Parse(b"b", SELECT))
    assert [message[:1] for message in sent] == [b"C", b"P"]


# Names


def test_duplicate_names_are_refused_after_the_servers_own_words(lease: Lease) -> None:
    prepared(lease)
    sent = lease.send(c.Parse(b"a", b"SELECT 2"), SYNC)
    assert sent == messages(c.Parse(b"ours_2", b"SELECT 2"), FAILS, SYNC)
    assert states(lease.answer(PARSED, error(b"42601"), READY)) == [b"42P05", b"Z"]
    lease.send(c.Parse(b"a", b"WRONG"), SYNC)
    told = lease.answer(CLOSED, error(b"42601"), READY)
    assert states(told) == [b"42601", b"Z"]


def test_too_many_names_are_refused(lease: Lease) -> None:
    for name in (b"a", b"b", b"c"):
        prepared(lease, name)
    lease.send(c.Parse(b"d", SELECT), SYNC)
    told = lease.answer(PARSED, error(b"42601"), READY)
    assert states(told) == [b"53000", b"Z"]
    assert b"This connection has 3; statements_max in [clients] allows no more" in b"".join(told)


def test_too_large_texts_are_refused(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"SELECT '" + b"x" * (lease.form.STATEMENT_BYTES_MAX // 2) + b"'"
    lease.requests = lease.client()
    prepared(lease, b"a", large[: 1 << 20])
    for name in (b"b", b"c"):
        lease.requests.statements[name] = lease.form.client_statement(
            large, b"", lease.requests.statements[b"a"].verdict, None
        )
    lease.send(c.Parse(b"d", large[: 1 << 20]), SYNC)
    told = lease.answer(PARSED, error(b"42601"), READY)
    assert states(told) == [b"53000", b"Z"]
    assert b"PGL0515" in b"".join(told)


def test_unknown_names_are_the_servers_to_refuse(lease: Lease) -> None:
    assert lease.send(c.Bind(b"", b"sql_prepared"), SYNC) == messages(
        c.Bind(b"", b"sql_prepared"), SYNC
    )


def test_no_client_can_name_one_of_ours(lease: Lease) -> None:
    prepared(lease)
    sent = lease.send(c.Bind(b"", b"ours_1"), c.Describe(b"S", b"ours_1"), SYNC)
    assert sent == messages(c.Bind(b"", b"ours_1?"), c.Describe(b"S", b"ours_1?"), SYNC)


# Eviction


def test_the_least_recently_used_statement_goes(lease: Lease) -> None:
    lease.exchange = lease.server(statements_max=1)
    prepared(lease, b"a", b"SELECT 1")
    sent = lease.send(c.Parse(b"b", b"SELECT 2"), SYNC)
    assert sent == messages(c.Close(b"S", b"ours_1"), c.Parse(b"ours_2", b"SELECT 2"), SYNC)
    assert lease.answer(CLOSED, PARSED, READY) == messages(PARSED, READY)


def test_a_discarded_close_is_sent_again(lease: Lease) -> None:
    lease.exchange = lease.server(statements_max=1)
    prepared(lease, b"a", b"SELECT 1")
    lease.send(c.Execute(b"x"), c.Parse(b"b", b"SELECT 2"), SYNC)
    lease.answer(error(b"34000"), READY)
    sent = lease.send(c.Parse(b"b", b"SELECT 2"), SYNC)
    assert sent[0] == c.Close(b"S", b"ours_1").encode()


# Moving


def test_a_statement_is_prepared_and_described_elsewhere_first(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    lease.exchange = lease.server()
    bind = c.Bind(b"", b"a")
    assert lease.send(bind, SYNC) == messages(
        c.Parse(b"ours_1", SELECT), c.Describe(b"S", b"ours_1"), FLUSH
    )
    assert lease.outcome == lease.form.HELD
    assert lease.answer(PARSED, NO_PARAMETERS, ROWS) == []
    assert lease.forward() == messages(c.Bind(b"", b"ours_1"), SYNC)


@pytest.mark.parametrize(
    "now", [(NO_PARAMETERS, OTHER_ROWS), (s.ParameterDescription((23,)), ROWS)]
)
def test_a_statement_that_takes_or_returns_something_else_is_stale(
    lease: Lease, now: tuple[Any, Any]
) -> None:
    """Fact A8: the client would send or read what it was not told of."""
    prepared(lease)
    described(lease)
    lease.exchange = lease.server()
    lease.send(c.Bind(b"", b"a"), SYNC)
    lease.answer(PARSED, *now)
    assert lease.forward() == messages(FAILS, SYNC)
    assert states(lease.answer(error(b"42601"), READY)) == [b"0A000", b"Z"]
    lease.send(c.Close(b"S", b"a"), SYNC)
    lease.answer(READY)
    assert lease.send(c.Parse(b"a", SELECT))[-1] == c.Parse(b"ours_2", SELECT).encode()


def test_somebody_elses_parse_of_the_text_does_not_hide_the_change(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    first = lease.requests
    lease.exchange = lease.server()
    lease.requests = lease.client()
    prepared(lease, b"b")
    lease.requests = first
    sent = lease.send(c.Bind(b"", b"a"), SYNC)
    assert sent == messages(c.Describe(b"S", b"ours_1"), FLUSH)
    lease.answer(NO_PARAMETERS, OTHER_ROWS)
    assert lease.forward() == messages(FAILS, SYNC)


def test_a_description_that_fits_is_asked_for_once(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    lease.exchange = lease.server()
    for sent in (5, 2):
        asked = lease.send(c.Bind(b"", b"a"), SYNC)
        if lease.exchange.held:
            lease.answer(PARSED, NO_PARAMETERS, ROWS)
            asked += lease.forward()
        assert len(asked) == sent
        lease.answer(BOUND, READY)


def test_who_parses_anew_and_is_told_something_else_parts_ways(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    old = lease.requests.statements[b"a"].shape
    lease.exchange = lease.server()
    lease.requests = lease.client()
    prepared(lease, b"b")
    described(lease, OTHER_ROWS, b"b")
    assert old.stale
    assert lease.send(c.Bind(b"", b"b")) == messages(c.Bind(b"", b"ours_1"))
    described_shape = lease.requests.statements[b"b"].shape
    assert described_shape.description == (NO_PARAMETERS.encode() + OTHER_ROWS.encode())


def test_a_statement_follows_its_clients_state(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    lease.requests.parse_key = ("Tokyo",)
    sent = lease.send(c.Bind(b"", b"a"), SYNC)
    assert sent[0] == c.Parse(b"ours_2", SELECT).encode()
    assert lease.requests.statements[b"a"].shape.description == (
        NO_PARAMETERS.encode() + ROWS.encode()
    )


def test_a_state_in_which_the_text_returns_something_else_is_refused(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    first = lease.requests
    lease.requests = lease.client()
    lease.requests.parse_key = first.parse_key = ("other",)
    first.parse_key = None
    prepared(lease, b"b")
    described(lease, OTHER_ROWS, b"b")
    key = lease.requests.parse_key
    lease.requests = first
    first.parse_key = key
    assert lease.send(c.Bind(b"", b"a")) == messages(FAILS)
    lease.answer(error(b"42601"))
    lease.send(SYNC)
    lease.answer(READY)
    first.parse_key = None
    assert lease.send(c.Bind(b"", b"a")) == messages(c.Bind(b"", b"ours_1"))


def test_a_state_in_which_it_was_described_alike_is_taken(lease: Lease) -> None:
    prepared(lease)
    first = lease.requests
    lease.requests = lease.client()
    lease.requests.parse_key = ("other",)
    prepared(lease, b"b")
    described(lease, ROWS, b"b")
    first.parse_key = lease.requests.parse_key
    lease.requests = first
    assert lease.send(c.Bind(b"", b"a")) == messages(c.Bind(b"", b"ours_2"))


# What texts may have done


def changes(lease: Lease, text: bytes) -> None:
    lease.send(c.Query(text))
    lease.answer(s.CommandComplete(b"SET"), READY)
    lease.told()


def test_behind_another_path_a_text_is_parsed_anew_and_used_so(lease: Lease) -> None:
    prepared(lease)
    changes(lease, b"SET search_path = other")
    sent = lease.send(c.Parse(b"b", SELECT), c.Bind(b"", b"b"), SYNC)
    assert sent == messages(c.Parse(b"ours_2", SELECT), c.Bind(b"", b"ours_2"), SYNC)
    lease.answer(PARSED, BOUND, READY)
    assert lease.send(c.Bind(b"", b"a"), SYNC) == messages(c.Bind(b"", b"ours_1"), SYNC)
    lease.answer(BOUND, READY)
    lease.requests.moves = False
    sent = lease.send(c.Bind(b"", b"b"), SYNC)
    assert sent == messages(c.Describe(b"S", b"ours_1"), FLUSH)


def test_what_is_not_here_is_shared_behind_another_path(lease: Lease) -> None:
    """PostgreSQL looks at it once more for who has another one."""
    prepared(lease)
    lease.exchange = lease.server()
    changes(lease, b"SET LOCAL search_path = other")
    assert lease.send(c.Bind(b"", b"a"), SYNC)[0] == c.Parse(b"ours_1", SELECT).encode()
    assert not lease.requests.statements[b"a"].shape.loose


@pytest.mark.parametrize(
    "text",
    [
        b"SET LOCAL DateStyle = DMY",
        b"SET TIME ZONE 'UTC'",
        b"RESET ALL",
        b"DO 'x'",
        b"SELECT set_config('array_nulls', 'off', true)",
        b"SELECT set_config('a' || 'b', 'off', true)",
        b"SELECT set_config(a, 'off', true) FROM b",
    ],
)
def test_behind_another_reading_what_is_not_here_is_nobody_elses(
    lease: Lease, text: bytes
) -> None:
    prepared(lease)
    described(lease)
    lease.exchange = lease.server()
    changes(lease, text)
    sent = lease.send(c.Bind(b"", b"a"), SYNC)
    assert sent[0] == c.Parse(b"ours_1", SELECT).encode()
    shape = lease.requests.statements[b"a"].shape
    assert shape.loose
    assert shape.description == NO_PARAMETERS.encode() + ROWS.encode()
    assert lease.exchange.statements.find(shape).name == b"ours_1"


def test_what_returns_something_else_there_is_refused_each_time(lease: Lease) -> None:
    prepared(lease)
    described(lease)
    lease.exchange = lease.server()
    changes(lease, b"SET LOCAL DateStyle = DMY")
    for number in (1, 2):
        sent = lease.send(c.Bind(b"", b"a"), SYNC)
        assert c.Parse(b"ours_%d" % number, SELECT).encode() in sent
        closed = [CLOSED for message in sent if message[:1] == b"C"]
        lease.answer(*closed, PARSED, NO_PARAMETERS, OTHER_ROWS)
        assert lease.forward()[-2:] == messages(FAILS, SYNC)
        assert states(lease.answer(error(b"42601"), READY)) == [b"0A000", b"Z"]


# DEALLOCATE


@pytest.mark.parametrize(
    ("text", "stands_in"),
    [
        (b"DEALLOCATE a", True),
        (b"deallocate prepare A ;", True),
        (b"DEALLOCATE b", False),
        (b"DEALLOCATE ALL", False),
        (b"DEALLOCATE a; SELECT 1", False),
    ],
)
def test_which_texts_are_given_a_stand_in(lease: Lease, text: bytes, stands_in: bool) -> None:
    prepared(lease)
    assert len(lease.send(c.Query(text))) == (3 if stands_in else 1)


def test_in_a_failed_transaction_deallocate_fails_by_itself(lease: Lease) -> None:
    prepared(lease)
    lease.exchange.status = lease.form.FAILED_STATUS
    assert len(lease.send(c.Query(b"DEALLOCATE a"))) == 1


def test_deallocate_behind_the_end_of_a_failed_transaction_names_what_it_says(
    lease: Lease,
) -> None:
    prepared(lease)
    lease.exchange.status = lease.form.FAILED_STATUS
    lease.send(c.Query(b"COMMIT"))
    assert len(lease.send(c.Query(b"DEALLOCATE a"))) == 3


def test_so_it_does_where_the_end_was_answered_and_the_unit_goes_on(lease: Lease) -> None:
    prepared(lease)
    lease.exchange.status = lease.form.FAILED_STATUS
    lease.send(c.Parse(b"", b"COMMIT"), c.Bind(b"", b""), c.Execute(b""), FLUSH)
    lease.answer(PARSED, BOUND, s.CommandComplete(b"ROLLBACK"))
    text = b"DEALLOCATE a"
    lease.send(c.Parse(b"", text), c.Bind(b"", b""), FLUSH)
    lease.answer(PARSED, BOUND)
    assert len(lease.send(c.Execute(b""), SYNC)) == 4


def test_a_name_of_ours_is_nobodys_and_harms_nobody(lease: Lease) -> None:
    prepared(lease)
    text = c.Query(b"DEALLOCATE ours_1")
    assert lease.send(text) == messages(c.Close(b"S", b"ours_1"), text)
    lease.answer(CLOSED, error(b"26000"), READY)
    assert lease.send(c.Bind(b"", b"a"))[0] == c.Parse(b"ours_2", SELECT).encode()


# The unnamed statement, and what is uncertain


def test_the_unnamed_statement_is_parsed_again_elsewhere(lease: Lease) -> None:
    prepared(lease, b"", SELECT)
    lease.exchange = lease.server()
    assert lease.send(c.Describe(b"S", b"")) == messages(
        c.Parse(b"", SELECT), c.Describe(b"S", b"")
    )
    lease.exchange.expect(lease.form.SYNC)
    lease.answer(error(b"42P01"), READY)
    assert lease.exchange.statements.unnamed is None


def test_the_unnamed_statement_is_not_parsed_again_here(lease: Lease) -> None:
    prepared(lease, b"", SELECT)
    assert lease.send(c.Describe(b"S", b"")) == messages(c.Describe(b"S", b""))


def test_the_unnamed_statement_is_parsed_again_where_that_may_be_discarded(lease: Lease) -> None:
    """In a unit that fails before it; behind that unit nobody waits."""
    prepared(lease, b"", SELECT)
    lease.exchange = lease.server()
    bound = c.Parse(b"", SELECT), c.Bind(b"", b"")
    twice = bound[1], bound[1], SYNC
    assert lease.send(c.Execute(b"x"), *twice) == messages(c.Execute(b"x"), *bound, *twice[1:])
    assert lease.send(*twice) == messages(*bound, *twice[1:])
    lease.answer(error(b"34000"), READY)
    assert lease.exchange.statements.unnamed is None
    lease.answer(PARSED, BOUND, BOUND, READY)
    assert lease.send(*twice) == messages(*bound, *twice[1:])
    lease.answer(PARSED, BOUND, BOUND, READY)
    assert lease.send(*twice) == messages(*twice)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("refused", [c.Query(b"LOAD 'a'"), c.Parse(b"", b"LOAD 'a'")])
def test_the_unnamed_statement_goes_with_what_is_refused(lease: Lease, refused: Any) -> None:
    prepared(lease, b"", SELECT)
    lease.send(refused)
    assert lease.requests.statements == {}
    assert lease.exchange.statements.unnamed is None


def test_nobody_elses_unnamed_statement_is_described(lease: Lease) -> None:
    describe = c.Describe(b"S", b"")
    assert lease.send(describe) == messages(c.Close(b"S", b""), describe)


def test_names_are_certain_with_nothing_but_their_own_unit_ahead(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Query(SELECT))
    assert lease.send(c.Describe(b"S", b"a")) == messages(c.Describe(b"S", b"ours_1"))
    assert lease.outcome == lease.form.FORWARDED


@pytest.mark.parametrize("name", [b"", b"x"])
def test_names_are_uncertain_behind_what_may_be_discarded(lease: Lease, name: bytes) -> None:
    lease.send(c.Parse(b"", SELECT), SYNC)
    assert lease.send(c.Describe(b"S", name)) == messages(FLUSH)
    assert lease.outcome == lease.form.HELD


def test_a_describe_waits_like_a_bind(lease: Lease) -> None:
    prepared(lease)
    lease.exchange = lease.server()
    assert len(lease.send(c.Describe(b"S", b"a"))) == 3
    assert lease.outcome == lease.form.HELD


# A door that does not rewrite names


@pytest.fixture(params=FORMS)
def raw(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param], virtual=False, statements_max=1)


def test_what_is_not_kept_is_noted_at_once(raw: Lease) -> None:
    raw.send(c.Parse(b"a", SELECT), c.Parse(b"a", SELECT), c.Parse(b"b", b"LISTEN x"))
    assert raw.requests.effects == int(raw.form.Effect.LISTEN)
    assert set(raw.requests.statements) == {b"a"}


def test_a_local_parse_waits_for_its_turn(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Bind(b"", b"a"), c.Parse(b"b", b"SELECT 1"), SYNC)
    assert lease.told() == []
    assert not lease.requests.statements[b"b"].settled
    assert lease.answer(BOUND, READY) == messages(BOUND, PARSED, READY)
    assert lease.requests.statements[b"b"].settled


# Here as its client knows it


def bound_at_once(lease: Lease) -> bool:
    unit = encoded(c.Bind(b"", b"a"), c.Execute(b""), SYNC)
    return lease.requests.rebinds(unit, len(unit), lease.exchange) is not None


def test_what_is_here_as_its_client_knows_it_is_bound_at_once(lease: Lease) -> None:
    prepared(lease)
    assert bound_at_once(lease)
    lease.answer(BOUND, s.CommandComplete(b"SELECT 1"), READY)
    described(lease)
    lease.requests.statements[b"a"].prepared = None
    assert bound_at_once(lease), "what it returns here was compared"


NOT_SO = {
    "under another state": lambda lease: setattr(lease.requests, "parse_key", ("DMY",)),
    "of one lease": lambda lease: setattr(lease.requests.statements[b"a"].shape, "loose", True),
    "elsewhere": lambda lease: setattr(lease, "exchange", lease.server()),
    "prepared by another client": lambda lease: setattr(
        lease.requests.statements[b"a"], "prepared", None
    ),
    "returning something else": lambda lease: setattr(
        lease.exchange.statements, "unlike", lease.requests.statements[b"a"].shape
    ),
}


@pytest.mark.parametrize("why", NOT_SO)
def test_what_is_not_so_is_not_bound_at_once(lease: Lease, why: str) -> None:
    prepared(lease)
    NOT_SO[why](lease)
    assert not bound_at_once(lease)


# In the same unit


def test_a_name_whose_parse_may_be_discarded_is_uncertain_although_it_is_known_here(
    lease: Lease,
) -> None:
    prepared(lease)
    assert lease.send(c.Parse(b"", SELECT), c.Parse(b"b", SELECT), SYNC, c.Bind(b"", b"b")) == (
        messages(c.Parse(b"", SELECT), SYNC, FLUSH)
    )
    lease.answer(error(), READY)
    assert lease.forward() == messages(c.Bind(b"", b"b"))


def test_what_we_parse_for_a_client_may_be_discarded_with_its_unit(lease: Lease) -> None:
    text = b"EXECUTE p"
    prepared(lease, text=text)
    lease.exchange = lease.server()
    ours, bound = c.Parse(b"ours_1", text), c.Bind(b"", b"ours_1")
    first = (c.Parse(b"", SELECT), c.Bind(b"", b"a"), SYNC, c.Bind(b"", b"a"))
    assert lease.send(*first) == messages(c.Parse(b"", SELECT), ours, bound, SYNC, FLUSH)
    lease.answer(error(), READY)
    assert lease.forward() == messages(c.Parse(b"ours_2", text), c.Bind(b"", b"ours_2"))
