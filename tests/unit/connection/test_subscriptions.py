"""What a client listens to after statements of all kinds, and what waits for it."""

import pytest

from pglane.connection.channel_steps import channel_steps
from pglane.connection.subscriptions import Subscriptions


def run(subscriptions: Subscriptions, text: str, tag: bytes = b"X") -> None:
    for step in channel_steps(text.encode(), standard_strings=True):
        subscriptions.did(step, tag)


def after(*texts: str, idle: bool = True) -> set[bytes]:
    """What is listened to after texts in one transaction."""
    subscriptions = Subscriptions()
    subscriptions.active.update({b"old"})
    for text in texts:
        run(subscriptions, text)
    subscriptions.ready(idle=idle)
    return subscriptions.active


@pytest.mark.parametrize(
    ("text", "active"),
    [
        ("LISTEN a", {b"old", b"a"}),
        ("LISTEN a; UNLISTEN a", {b"old"}),
        ("LISTEN a; SELECT 1; LISTEN b", {b"old", b"a", b"b"}),
        ("UNLISTEN old; LISTEN a", {b"a"}),
        ("UNLISTEN unknown", {b"old"}),
        ("UNLISTEN *; LISTEN a", {b"a"}),
        ("LISTEN a; UNLISTEN *", set()),
        ("LISTEN a; ROLLBACK", {b"old"}),
        ("LISTEN a; ROLLBACK; LISTEN b", {b"old", b"b"}),
        ("LISTEN a; COMMIT; LISTEN b; ROLLBACK", {b"old", b"a"}),
        ("LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO s; LISTEN c", {b"old", b"a", b"c"}),
        ("SAVEPOINT s; LISTEN a; SAVEPOINT t; LISTEN b; ROLLBACK TO s", {b"old"}),
        ("SAVEPOINT s; LISTEN a; RELEASE s; SAVEPOINT t; ROLLBACK TO t", {b"old", b"a"}),
        ("LISTEN a; SAVEPOINT s; LISTEN b; SAVEPOINT s; ROLLBACK TO s", {b"old", b"a", b"b"}),
        ("LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO s; ROLLBACK TO s", {b"old", b"a"}),
        ("LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO older", {b"old"}),
        ("LISTEN a; SAVEPOINT s; RELEASE older; LISTEN b", {b"old", b"a", b"b"}),
    ],
)
def test_changes_hold_from_the_commit_on(text: str, active: set[bytes]) -> None:
    assert after(text) == active


def test_nothing_changes_before_the_commit() -> None:
    assert after("LISTEN a", idle=False) == {b"old"}


def test_discard_all_is_true_although_something_fails_behind_it() -> None:
    for text, active in [("DISCARD ALL", set()), ("UNLISTEN *", {b"old"})]:
        subscriptions = Subscriptions()
        subscriptions.active.update({b"old"})
        run(subscriptions, text, text.encode())
        subscriptions.failed()
        subscriptions.ready(idle=True)
        assert subscriptions.active == active


def test_a_channel_is_expected_from_its_listen_on() -> None:
    subscriptions = Subscriptions()
    subscriptions.active.add(b"old")
    run(subscriptions, "LISTEN a; UNLISTEN b; SELECT 1")
    assert [subscriptions.expects(name) for name in (b"old", b"a", b"b")] == [True, True, False]


def test_a_commit_that_was_a_rollback_changes_nothing() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a")
    run(subscriptions, "COMMIT", b"ROLLBACK")
    subscriptions.ready(idle=True)
    assert not subscriptions.active


def test_an_error_undoes_a_transaction_that_nobody_began() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a; COMMIT; LISTEN b")
    subscriptions.failed()
    subscriptions.ready(idle=True)
    assert subscriptions.active == {b"a"}
    run(subscriptions, "LISTEN c")
    subscriptions.ready(idle=True)
    assert subscriptions.active == {b"a", b"c"}, "an error counts once"


def test_an_error_behind_a_savepoint_leaves_what_was_before_it() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a; SAVEPOINT s; LISTEN b")
    subscriptions.failed()
    subscriptions.ready(idle=False)
    run(subscriptions, "ROLLBACK TO s; COMMIT", b"COMMIT")
    subscriptions.ready(idle=True)
    assert subscriptions.active == {b"a"}


def test_wanted_channels_are_counted_once() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a")
    subscriptions.ready(idle=True)
    run(subscriptions, "LISTEN b; UNLISTEN c")
    assert subscriptions.wanted([b"a", b"d"]) == 3


def test_what_waits_is_given_if_it_is_listened_to_by_then() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a; LISTEN b")
    subscriptions.ready(idle=True)
    run(subscriptions, "UNLISTEN b; LISTEN c")
    for channel in (b"a", b"b", b"c"):
        subscriptions.keep(channel, channel * 2)
    subscriptions.keep(None, b"a notice")
    assert subscriptions.waiting_bytes == 14
    subscriptions.ready(idle=True)
    assert subscriptions.take() == [b"aa", b"cc", b"a notice"]
    assert (subscriptions.waiting_bytes, subscriptions.take()) == (0, [])


def test_what_came_before_the_commit_is_forgotten() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a")
    subscriptions.keep(b"a", b"early")
    subscriptions.forget_early()
    assert subscriptions.waiting_bytes == 0
    subscriptions.keep(b"a", b"late")
    subscriptions.ready(idle=True)
    assert subscriptions.take() == [b"late"]


def test_discard_forgets_everything() -> None:
    subscriptions = Subscriptions()
    run(subscriptions, "LISTEN a")
    subscriptions.ready(idle=True)
    run(subscriptions, "LISTEN b")
    subscriptions.keep(b"a", b"x")
    subscriptions.discard()
    subscriptions.ready(idle=True)
    assert (subscriptions.active, subscriptions.take()) == (set(), [])
