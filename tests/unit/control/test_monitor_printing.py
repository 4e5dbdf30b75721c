"""What a monitor does about definitions that PostgreSQL does not print."""

import asyncio

from pglane.control import monitor as module
from pglane.control.server_session import QuestionRefusedError
from tests.support.monitored import (
    EVEN_LATER,
    FIRST,
    LAST,
    LATER,
    RULE,
    Session,
    Story,
    listing,
    monitor_of,
)


class Locked(Session):
    """Does not print some rules, and tells which it was asked for."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.listings = [listing([RULE, (b"8", b"7", b"11", b"1")], TABLES)]
        self.locked = {b"9"}
        self.rules = []

    async def rows(self, text):
        if "pg_get_ruledef" not in text:
            return await super().rows(text)
        self.asked.append(text)
        numbers = text.partition("'{")[2].partition("}'")[0].encode().split(b",")
        self.rules.append(numbers)
        if not self.locked.isdisjoint(numbers):
            raise QuestionRefusedError("canceling statement due to lock timeout", sqlstate="55P03")
        return [[number, b"SELECT 1"] for number in numbers]


TABLES = ((b"10", b"7", b"r", b"110", b"t"), (b"11", b"7", b"r", b"111", b"u"))


def playing(session, looks, monkeypatch):
    """A monitor, and what it told; `looks` moves the time and may look."""
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    story = Story()
    monitor = monitor_of(story)
    now = [100.0]

    async def run():
        asyncio.get_running_loop().time = lambda: now[0]
        await looks(monitor, now)

    asyncio.run(run())
    return story


def reads_told(story):
    return [told["reads"] for told in story.sent if told["type"] == "catalog"]


def test_what_is_locked_is_doubtful_alone_and_asked_for_again_after_a_pause(monkeypatch):
    """Though nothing else has changed meanwhile."""
    session = Locked(FIRST)

    async def looks(monitor, now):
        await monitor._look(session)
        assert monitor.state == module.WATCHING
        assert session.rules == [[b"9", b"8"], [b"9"], [b"8"]]
        await monitor._look(session)
        assert len(session.rules) == 3
        now[0] += module.REFUSED_S
        await monitor._look(session)
        assert session.rules[3:] == [[b"9"]]
        now[0] += module.REFUSED_S
        session.locked.clear()
        await monitor._look(session)
        await monitor._look(session)
        assert session.rules[4:] == [[b"9"]]

    assert reads_told(playing(session, looks, monkeypatch)) == [["t"], []]


def test_whoever_waits_for_a_look_does_not_wait_for_the_lock(monkeypatch):
    session = Locked(FIRST, LATER, LATER)

    async def looks(monitor, now):
        await monitor._look(session)
        monitor.look(1)
        await monitor._look(session)
        monitor.look(2)
        await monitor._look(session)
        assert len(session.rules) == 3

    story = playing(session, looks, monkeypatch)
    assert [told["look"] for told in story.sent if told["type"] == "looked"] == [1, 2]


def test_catalogs_that_have_not_changed_are_not_listed_for_what_is_locked_but_after_the_pause(
    monkeypatch,
):
    session = Locked(FIRST, LATER, EVEN_LATER, LAST)

    async def looks(monitor, now):
        await monitor._look(session)  # which prints something
        await monitor._look(session)  # which confirms it
        assert session.asked.count(module.LISTING) == 2
        await monitor._look(session)
        assert session.asked.count(module.LISTING) == 2
        now[0] += module.REFUSED_S
        await monitor._look(session)
        assert session.asked.count(module.LISTING) == 3
        assert session.rules[3:] == [[b"9"]]

    playing(session, looks, monkeypatch)


def test_the_more_is_refused_the_longer_is_the_pause(monkeypatch):
    """Each refusal has its line in the server's log."""
    session = Locked(FIRST)
    rules = [(b"%d" % number, b"7", b"10", b"1") for number in range(100, 150)]
    session.listings = [listing(rules)]
    session.locked = {rule[0] for rule in rules}

    async def looks(monitor, now):
        await monitor._look(session)
        count = len(session.rules)
        now[0] += (count - 1) * module.REFUSED_ONE_S
        await monitor._look(session)
        assert len(session.rules) == count
        now[0] += 2 * module.REFUSED_ONE_S
        await monitor._look(session)
        assert len(session.rules) == count + 50

    playing(session, looks, monkeypatch)


def test_what_is_refused_meanwhile_does_not_put_off_what_was_before(monkeypatch):
    session = Locked(FIRST, LATER, EVEN_LATER)
    new = (b"7", b"7", b"10", b"1")
    first, second = session.listings[0], listing([RULE, new], TABLES)
    session.listings = [first, second]
    session.locked = {b"9", b"7"}

    async def looks(monitor, now):
        await monitor._look(session)
        now[0] += module.REFUSED_S / 2
        await monitor._look(session)
        assert session.rules[3:] == [[b"7"]]
        now[0] += module.REFUSED_S / 2
        await monitor._look(session)
        assert session.rules[4:] == [[b"9"], [b"7"]]

    playing(session, looks, monkeypatch)


def test_what_is_not_printed_for_long_is_told_once_and_when_it_is_over(monkeypatch):
    session = Locked(FIRST)

    async def looks(monitor, now):
        for _ in range(module.UNPRINTED_TOLD + 1):
            await monitor._look(session)
            now[0] += module.REFUSED_S
        session.locked.clear()
        await monitor._look(session)
        session.listings = [listing([(b"9", b"8", b"10", b"1")])]
        await monitor._look(session)

    log = playing(session, looks, monkeypatch).stream.getvalue()
    assert log.count("texts_not_printed") == 1
    assert "their like (1): canceling statement due to lock timeout" in log
    assert log.count("texts_printed") == 1


def test_what_is_not_printed_for_a_moment_is_not_told(monkeypatch):
    session = Locked(FIRST)

    async def looks(monitor, now):
        await monitor._look(session)
        session.locked.clear()
        now[0] += module.REFUSED_S
        await monitor._look(session)

    log = playing(session, looks, monkeypatch).stream.getvalue()
    assert "printed" not in log
