"""What a client that listens waits for, in the form in use and in pure form."""

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, error, messages

READY = s.ReadyForQuery(b"I")
SELECT = b"SELECT 1"


@pytest.fixture(params=FORMS)
def raw(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param], virtual=False, statements_max=1)


def heard(lease: Lease) -> list[bytes]:
    """What the server is sent when the channels that were wanted are heard."""
    assert lease.exchange.held == lease.form.HELD_FOR_CHANNELS
    assert lease.outcome == lease.form.HELD
    lease.exchange.held = 0
    lease.requests.channels_heard = True
    return lease.forward()


def listening(lease: Lease, *channels: bytes) -> None:
    """The client listens to these."""
    for channel in channels:
        lease.send(c.Query(b"LISTEN " + channel))
        heard(lease)
        lease.answer(s.CommandComplete(b"LISTEN"), READY)
        lease.exchange.owes_ready = False
    lease.requests.changes_channels = False


def test_a_listen_waits_until_its_channels_are_heard(lease: Lease) -> None:
    text = c.Query(b"LISTEN a; LISTEN b; UNLISTEN d")
    assert lease.send(text, c.Query(SELECT)) == []
    assert lease.requests.channels_wanted == [b"a", b"b"]
    assert heard(lease) == messages(text, c.Query(SELECT))
    assert not lease.requests.channels_heard
    assert lease.exchange.subscriptions is lease.requests.subscriptions


def test_a_listen_that_cannot_be_heard_fails_on_the_server(lease: Lease) -> None:
    lease.send(c.Query(b"LISTEN a"))
    lease.exchange.held = 0
    lease.requests.channels_refused = error(b"53300").encode()
    assert lease.forward() == messages(c.Query(b"pglane refuses"))
    assert lease.answer(error(b"42601"), READY) == messages(error(b"53300"))
    assert lease.requests.channels_refused == b""


def test_a_client_listens_to_so_many_channels_and_no_more(lease: Lease) -> None:
    names = b"; ".join(b"LISTEN c%d" % number for number in range(1001))
    assert lease.send(c.Query(names)) == messages(c.Query(b"pglane refuses"))
    assert b"PGL0450" in lease.answer(error(b"42601"), READY)[0]


def test_a_listen_that_must_fail_does_not_wait(lease: Lease) -> None:
    lease.send(c.Query(b"BEGIN"))
    lease.answer(s.CommandComplete(b"BEGIN"), s.ReadyForQuery(b"E"))
    assert lease.send(c.Query(b"LISTEN a")) == messages(c.Query(b"LISTEN a"))


def test_a_listen_waits_where_the_failed_block_was_ended_in_its_unit(lease: Lease) -> None:
    lease.exchange.status = lease.form.FAILED_STATUS
    lease.send(c.Parse(b"", b"COMMIT"), c.Bind(b"", b""), c.Execute(b""), c.Flush())
    lease.answer(s.ParseComplete(), s.BindComplete(), s.CommandComplete(b"ROLLBACK"))
    lease.send(c.Parse(b"", b"LISTEN a"), c.Bind(b"", b""), c.Flush())
    lease.answer(s.ParseComplete(), s.BindComplete())
    lease.send(c.Execute(b""), c.Sync())
    assert lease.exchange.held == lease.form.HELD_FOR_CHANNELS


@pytest.mark.parametrize("text", [b"SELECT pg_notify('a', '')", b"NOTIFY a", b"DO 'x'"])
def test_who_listens_waits_before_it_notifies(lease: Lease, text: bytes) -> None:
    assert lease.send(c.Query(text)) == messages(c.Query(text))
    lease.answer(s.CommandComplete(b"X"), READY)
    listening(lease, b"a")
    assert lease.send(c.Query(text)) == []
    assert lease.requests.channels_wanted == []
    assert heard(lease) == messages(c.Query(text))


def test_what_may_commit_waits_only_behind_a_listen(lease: Lease) -> None:
    listening(lease, b"a")
    begin, commit = c.Query(b"BEGIN"), c.Query(b"COMMIT")
    assert lease.send(begin, commit) == messages(begin, commit)
    lease.send(begin, c.Query(b"UNLISTEN a"), commit)
    assert lease.requests.changes_channels
    assert heard(lease) == messages(commit)


def test_a_client_that_hears_itself_listens_where_it_is(lease: Lease) -> None:
    lease.requests.hears_itself = True
    assert lease.send(c.Query(b"LISTEN a")) == messages(c.Query(b"LISTEN a"))
    lease.requests.discarded()
    assert not lease.requests.hears_itself


def test_a_client_that_listens_to_nothing_is_as_before(lease: Lease) -> None:
    listening(lease, b"a")
    lease.requests.stop_listening()
    assert lease.send(c.Query(b"NOTIFY a")) == messages(c.Query(b"NOTIFY a"))
    assert lease.send(c.Query(b"UNLISTEN a")) == messages(c.Query(b"UNLISTEN a"))
    assert not lease.requests.changes_channels


@pytest.mark.parametrize("text", [b"LISTEN a", b"NOTIFY a"])
def test_other_doors_have_it_from_the_server(raw: Lease, text: bytes) -> None:
    assert raw.send(c.Query(text)) == messages(c.Query(text))
    assert raw.requests.subscriptions is None
