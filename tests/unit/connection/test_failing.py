"""Errors, and what they take back, in the form in use and in pure form."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, encoded, error, messages

READY = s.ReadyForQuery(b"I")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
ROW = s.DataRow((b"1",))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND, CLOSED, SYNC = s.ParseComplete(), s.BindComplete(), s.CloseComplete(), c.Sync()
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""))
ANSWERS = (PARSED, BOUND, ROWS, ROW, DONE)


@pytest.mark.parametrize("position", range(4))
def test_after_an_error_nothing_is_expected_until_sync(lease: Lease, position: int) -> None:
    lease.send(*UNIT, SYNC, *UNIT, SYNC)
    lease.answer(*ANSWERS[:position], error(), READY)
    assert lease.exchange.outstanding() == 5
    lease.answer(*ANSWERS, READY)
    assert lease.exchange.is_idle()


def test_an_error_before_sync_is_sent_makes_us_skip(lease: Lease) -> None:
    lease.send(*UNIT)
    lease.answer(error())
    exchange = lease.exchange
    assert exchange.skipping
    assert not exchange.is_idle()
    assert lease.send(*UNIT, c.Query(b"x"), SYNC) == messages(SYNC)
    lease.answer(READY)
    assert exchange.is_idle()


@pytest.mark.parametrize("asked", [[c.Query(b"SELECT 1")], [*UNIT, SYNC]])
def test_a_cancel_of_ours_is_told_once_in_our_own_words(lease: Lease, asked: list[Any]) -> None:
    told, ours = error(b"57014"), encoded(error(b"25P04"))
    lease.exchange.instead = ours
    lease.send(*asked)
    assert ours in lease.answer(told, READY)
    assert lease.exchange.is_idle()
    lease.send(*asked)
    assert ours not in lease.answer(told, READY)
    lease.exchange.instead = ours
    lease.send(*asked)
    assert ours not in lease.answer(error(), READY)


@pytest.mark.parametrize(
    ("routine", "is_ours"), [(b"ProcessInterrupts", True), (b"CopyGetData", False)]
)
def test_what_says_cancelled_and_was_not_keeps_its_own_words(
    lease: Lease, routine: bytes, is_ours: bool
) -> None:
    """A COPY that its client fails has the SQLSTATE of a cancel; the cancel is still to come."""
    ours = encoded(error(b"25P04"))
    fields = (("S", b"ERROR"), ("V", b"ERROR"), ("C", b"57014"), ("R", routine))
    lease.exchange.instead = ours
    lease.send(c.Query(b"COPY t FROM STDIN"), c.Query(b"SELECT 1"))
    told = lease.answer(s.CopyInResponse(0, ()), s.ErrorResponse(fields), READY)
    assert (ours in told) is is_ours
    assert bool(lease.exchange.instead) is not is_ours


def test_an_error_of_a_query_or_sync_skips_nothing(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"), SYNC)
    lease.answer(error(), READY, error(), READY)
    assert lease.exchange.is_idle()


def test_an_error_while_nothing_is_outstanding_skips(lease: Lease) -> None:
    """statement_timeout runs on between the messages of a unit."""
    lease.send(c.Parse(b"", b"x"), c.Flush())
    lease.answer(PARSED)
    assert lease.answer(error(b"57014")) == messages(error(b"57014"))
    assert lease.exchange.skipping


def test_an_error_unasked_with_nobody_there_breaks(lease: Lease) -> None:
    lease.exchange.attached = False
    assert lease.answer(error()) == []
    assert lease.events == lease.form.BROKEN


@pytest.mark.parametrize("severity", [b"FATAL", b"PANIC"])
def test_fatal_ends(lease: Lease, severity: bytes) -> None:
    lease.send(c.Query(b"SELECT 1"))
    assert lease.answer(ROW, error(b"57P01", severity), READY) == messages(ROW)
    assert lease.events == lease.form.ENDING
    assert lease.exchange.ending["C"] == b"57P01"


def test_severity_of_servers_before_9_6(lease: Lease) -> None:
    old = s.ErrorResponse((("S", b"FATAL"), ("C", b"57P01")))
    lease.answer(old)
    assert lease.events == lease.form.ENDING


def test_a_deallocate_that_fails_leaves_its_stand_in_to_be_closed(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Query(b"DEALLOCATE a"))
    lease.answer(CLOSED, PARSED, error(), READY)
    assert b"a" in lease.requests.statements
    assert [statement.name for statement in lease.exchange.statements.unclosed] == [b"a"]


def test_a_stale_plan_is_marked(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Bind(b"", b"a"), SYNC)
    lease.answer(error(b"0A000", R=b"RevalidateCachedQuery"), READY)
    assert lease.requests.statements[b"a"].shape.stale


def test_another_0a000_marks_nothing(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), c.Bind(b"", b"a"), c.Bind(b"", b"x"), SYNC)
    lease.answer(PARSED, error(b"0A000"), READY)
    assert not lease.requests.statements[b"a"].shape.stale
    lease.send(c.Bind(b"", b"x"), SYNC)
    lease.answer(error(b"0A000", R=b"RevalidateCachedQuery"), READY)
    assert not lease.requests.statements[b"a"].shape.stale


def test_a_statement_that_vanished_is_not_trusted_again(lease: Lease) -> None:
    """DO $$ EXECUTE 'DEALLOCATE ALL' $$ drops ours, and no tag says so."""
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Describe(b"S", b"a"), SYNC)
    lease.answer(error(b"26000"), READY)
    assert len(lease.exchange.statements) == 0


def test_an_error_before_our_describe_keeps_the_hold(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    lease.send(c.Query(b"SELECT 2"), c.Bind(b"", b"a"))
    lease.answer(error(), READY)
    assert lease.exchange.held
    lease.answer(PARSED, ROWS)
    assert not lease.exchange.held


def test_an_error_that_discards_our_describe_ends_the_hold(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    lease.send(c.Bind(b"", b"a"))
    assert lease.answer(error()) == messages(error())
    assert lease.events == lease.form.RELEASED_HOLD
    assert lease.exchange.skipping
    assert len(lease.exchange.statements) == 0


def test_a_refused_query_gets_our_words(lease: Lease) -> None:
    lease.exchange.expect(lease.form.QUERY, error(b"0A000").encode())
    assert lease.answer(error(b"42601"), READY) == messages(error(b"0A000"), READY)


def test_a_refused_query_that_destroys_something_gets_our_words(lease: Lease) -> None:
    refusal = lease.form.PendingRefusal(error(b"0A000").encode(), {}, None)
    lease.exchange.expect(lease.form.QUERY, refusal)
    assert lease.answer(error(b"42601"), READY) == messages(error(b"0A000"), READY)


def test_what_an_error_ahead_decides(lease: Lease) -> None:
    exchange = lease.exchange
    assert not exchange.may_discard()
    lease.send(c.Execute(b"x"), c.Close(b"S", b"x"))
    assert exchange.may_keep_closed()
    assert not exchange.may_discard()
    lease.send(SYNC)
    assert exchange.may_discard()
    assert exchange.may_have_failed()
    exchange.receive(encoded(error(), s.ReadyForQuery(b"E")))
    assert not exchange.may_discard()
    assert not exchange.may_keep_closed()
    assert exchange.may_have_failed()


def test_what_is_discarded_is_taken_back(lease: Lease) -> None:
    """A Close of ours, and the stand-in of a DEALLOCATE."""
    lease.exchange = lease.server(statements_max=1)
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Execute(b"x"), c.Parse(b"b", b"SELECT 2"), c.Query(b"DEALLOCATE a"))
    lease.answer(error(b"34000"))
    left = {statement.name for statement in lease.exchange.statements.unclosed}
    assert left == {b"ours_1", b"a"}
    assert set(lease.requests.statements) == {b"a"}


def test_what_replaced_a_discarded_statement_replaced_the_one_before(lease: Lease) -> None:
    lease.send(c.Parse(b"", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    first = lease.requests.statements[b""]
    for text in (b"SELECT 2", b"SELECT 3"):
        lease.send(c.Execute(b"x"), c.Parse(b"", text), SYNC)
    lease.answer(error(), READY, error(), READY)
    assert lease.requests.statements == {b"": first}


class Followed:
    """Stands for the subscriptions of a client."""

    failures = 0

    def failed(self) -> None:
        self.failures += 1

    def ready(self, *, idle: bool) -> None:
        assert idle


def test_who_listens_learns_of_errors(lease: Lease) -> None:
    lease.exchange.subscriptions = Followed()
    lease.send(c.Query(b"SELECT 1"))
    assert lease.answer(error(), READY) == messages(error())
    assert lease.exchange.subscriptions.failures == 1


@pytest.mark.parametrize("behind", [c.Query(b"SELECT 2"), c.FunctionCall(1, (), (), 0)])
def test_where_a_unit_of_a_client_that_is_gone_fails_we_send_its_sync(
    lease: Lease, behind: Any
) -> None:
    lease.send(*UNIT, behind)
    exchange = lease.exchange
    exchange.attached = False
    exchange.abandon()
    assert not exchange.to_server, "the unit is closed, unless it fails"
    lease.answer(error())
    assert exchange.to_server == messages(SYNC)
    assert lease.events == lease.form.TO_SERVER
    lease.answer(READY)
    assert exchange.is_idle()


def test_what_the_next_message_waited_for_goes_with_its_client(lease: Lease) -> None:
    lease.exchange.held = lease.form.HELD_FOR_CHANNELS
    lease.exchange.abandon()
    assert lease.exchange.is_quiet()


def role_error(routine: bytes, code: bytes = b"42704") -> s.ErrorResponse:
    return error(code, R=routine)


@pytest.mark.parametrize("routine", [b"GetUserNameFromId", b"shdepLockAndCheckObject"])
def test_that_its_role_is_gone_is_told_beside_the_error(lease: Lease, routine: bytes) -> None:
    lease.send(c.Query(b"SELECT current_user"))
    told = role_error(routine)
    assert lease.answer(told, READY) == messages(told, READY)
    assert lease.events == lease.form.ROLELESS | lease.form.READY


@pytest.mark.parametrize(
    "told",
    [role_error(b"get_role_oid"), role_error(b"GetUserNameFromId", b"42501"), error(b"42704")],
)
def test_what_is_said_of_other_roles_is_an_error_like_any(
    lease: Lease, told: s.ErrorResponse
) -> None:
    lease.send(c.Query(b"SELECT current_user"))
    lease.answer(told, READY)
    assert lease.events == lease.form.READY


def test_that_its_role_is_gone_is_told_also_where_its_client_is(lease: Lease) -> None:
    lease.send(*UNIT)
    lease.exchange.attached = False
    lease.answer(role_error(b"GetUserNameFromId"))
    assert lease.events == lease.form.ROLELESS | lease.form.TO_SERVER
