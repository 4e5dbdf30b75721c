"""The monitors' life, with a session that answers as told."""

import asyncio

import pytest

from pglane.control import monitor as module
from pglane.control.monitor import Monitor
from pglane.control.server_session import QuestionRefusedError, SessionFailedError
from tests.support.monitored import (
    CHANGED,
    EPOCH,
    EVEN_LATER,
    FIRST,
    LAST,
    LATER,
    OTHER_EPOCH,
    RULE,
    Session,
    Story,
    listing,
    monitor_of,
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S_MIN", 0.001)


def test_it_tells_at_which_of_several_hosts_it_found_the_server():
    story = Story(Session(FIRST, host="db2"))
    assert story.play(1) == ["server"]
    assert story.sent[0] == {"type": "server", "database": "app", "host": "db2", "port": 5432}


def test_a_server_that_has_another_role_now_is_told_and_left():
    session = Session(FIRST, roles=("a standby", "a primary"))
    story = Story(session, Session(FIRST))
    story.play(5)
    (told,) = [message for message in story.sent if message["type"] == "server_changed"]
    assert told["reason"] == "192.0.2.1:5432 is a primary now, and was a standby"
    assert session.closed


def test_what_others_are_is_told_whether_or_not_one_is_found_that_is_wanted():
    found = Session(FIRST, host="db2")
    found.passed_over = {"192.0.2.3:5432": True}
    story = Story(SessionFailedError("none is wanted", {"192.0.2.4:5432": False}), found)
    story.play(4)
    told = [message for message in story.sent if message["type"] == "server_role"]
    assert [(each["address"], each["standby"]) for each in told] == [
        ("192.0.2.4:5432", False),
        ("192.0.2.3:5432", True),
    ]


def test_it_tells_an_epoch_once_and_a_new_one_again():
    session = Session(FIRST, FIRST, CHANGED)
    story = Story(session)
    assert story.play(5) == ["defaults", "ddl", "catalog", "monitor", "defaults"]
    assert story.sent[0]["epoch"] != story.sent[4]["epoch"]
    assert story.sent[2]["calls"] == ["t"]
    assert story.sent[0]["database"] == "app"
    assert session.closed


def test_catalogs_are_read_when_transactions_ended_and_something_changed(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    session = Session(FIRST, FIRST, LATER, [[b"7:7:", b"yesterday", None]])
    session.epochs = [EPOCH, EPOCH, OTHER_EPOCH]
    session.listings = [listing(), listing([RULE])]
    story = Story(session)
    assert story.play(6) == ["defaults", "ddl", "catalog", "monitor", "ddl", "catalog"]
    assert len(session.epochs) == 1
    assert [told["reads"] for told in story.sent if told["type"] == "catalog"] == [[], ["t"]]


def test_what_was_printed_is_printed_once_and_then_confirmed(monkeypatch):
    """By a listing, where a transaction has ended meanwhile; then the epoch is enough."""
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    session = Session(*[[[b"%d:5:" % at, b"yesterday", None]] for at in range(9)])
    session.listings = [listing([RULE])]
    monitor = monitor_of(Story())

    async def run():
        asked = []
        for _ in range(3):
            session.asked.clear()
            await monitor._look(session)
            asked.append(
                [t == module.LISTING or "ruledef" in t for t in session.asked].count(True)
            )
        return asked

    assert asyncio.run(run()) == [2, 1, 0]
    assert monitor.told["catalog"]["reads"] == ["t"]


def test_who_waits_need_not_wait_for_the_epoch():
    session = Session(FIRST, LATER)
    session.epochs = [RuntimeError("asked")]
    monitor = monitor_of(Story())
    monitor.look(1)
    asyncio.run(monitor._look(session))
    assert [told["type"] for told in monitor.told.values()] == [
        "defaults", "ddl", "catalog", "monitor",
    ]  # fmt: skip
    assert monitor._catalogs == ""


def test_no_pause_is_as_long_as_the_printing_was():
    """The first reading prints all; DDL behind it would wait for as long again."""
    now = [100.0]

    class Slow(Session):
        async def rows(self, text):
            now[0] += 30.0 if "pg_get_ruledef" in text else 1.0
            return await super().rows(text)

    session = Slow(FIRST)
    session.listings = [listing([RULE])]
    monitor = monitor_of(Story())
    monitor.look(1)

    async def run():
        asyncio.get_running_loop().time = lambda: now[0]
        await monitor._look(session)

    asyncio.run(run())
    monitor.look(2)
    assert monitor._due_at() == now[0] + 1.0


def test_nothing_that_was_printed_outlives_its_connection(monkeypatch):
    """Numbers mean something else on another server, or behind a restore."""
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    sessions = [Session(FIRST, SessionFailedError("gone")), Session(FIRST)]
    for session in sessions:
        session.listings = [listing([RULE])]
    Story(*sessions).play(7)
    for session in sessions:
        assert any("pg_get_ruledef" in text for text in session.asked)


def test_catalogs_that_were_not_read_once_are_told_anew(monkeypatch):
    monkeypatch.setattr(module, "REFUSED_S", 0.0)
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    session = Session(FIRST, LATER, [[b"7:7:", b"yesterday", None]])
    session.epochs = [EPOCH, QuestionRefusedError("permission denied"), EPOCH]
    story = Story(session)
    assert story.play(7) == [
        "defaults", "ddl", "catalog", "monitor", "monitor", "catalog", "monitor",
    ]  # fmt: skip


def test_catalogs_that_are_locked_for_a_moment_are_listed_again(monkeypatch):
    """What is known still counts meanwhile: the database is watched."""
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    session = Session(FIRST, LATER, LATER, CHANGED)
    session.epochs = [EPOCH, QuestionRefusedError("locked", sqlstate="55P03"), OTHER_EPOCH]
    story = Story(session)
    assert story.play(5) == ["defaults", "ddl", "catalog", "monitor", "defaults"]
    assert session.asked.count(module.LISTING) == 2
    assert "monitor_failed" not in story.stream.getvalue()


def test_catalogs_that_are_locked_for_longer_are_told(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_TIMES", 0)
    monkeypatch.setattr(module, "PASSING_MAX", 2)
    session = Session(FIRST, *[LATER] * 4)
    session.epochs = [EPOCH, *[QuestionRefusedError("locked", sqlstate="55P03")] * 3]
    story = Story(session)
    assert story.play(5) == ["defaults", "ddl", "catalog", "monitor", "monitor"]
    assert "locked" in story.sent[-1]["state"]


def test_catalogs_that_always_change_wait(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_TIMES", 1e9)
    session = Session(FIRST, LATER, LATER, CHANGED)
    session.epochs = [EPOCH, OTHER_EPOCH]
    story = Story(session)
    assert story.play(5) == ["defaults", "ddl", "catalog", "monitor", "defaults"]


@pytest.mark.parametrize(("asked", "times"), [(False, 10), (True, 1)])
def test_the_pause_behind_a_reading_is_short_where_somebody_waits(asked, times):
    """What has been read counts, also where nothing had changed."""
    monitor = Monitor("app", None, None, None)
    now = [100.0]

    class Slow(Session):
        async def rows(self, text):
            now[0] += 2.0 if text == module.CATALOG_EPOCH else 0.0
            return await super().rows(text)

    async def run():
        asyncio.get_running_loop().time = lambda: now[0]
        story = Story()
        story.monitor = monitor
        monitor._send, monitor._log = story.send, story.log
        story.until = 100
        session = Slow(FIRST, LATER, [[b"7:7:", b"yesterday", None]])
        await monitor._look(session)
        if asked:
            monitor.look(1)
        await monitor._look(session)
        now[0] += 2.0 * times - 0.1
        await monitor._look(session)
        waited = monitor._seen != monitor._snapshot
        now[0] += 0.2
        await monitor._look(session)
        return waited, monitor._seen == monitor._snapshot

    assert asyncio.run(run()) == (True, True)


def test_catalogs_that_may_not_be_read_are_told_once_and_defaults_go_on(monkeypatch):
    monkeypatch.setattr(module, "REFUSED_S", 0.0)
    session = Session(FIRST, FIRST, FIRST, CHANGED)
    session.epochs = [QuestionRefusedError("permission denied")]
    story = Story(session)
    assert story.play(3) == ["defaults", "monitor", "defaults"]
    assert "permission denied" in story.sent[1]["state"]
    assert story.stream.getvalue().count("monitor_failed") == 1


def test_a_monitor_that_is_told_to_looks_at_once(monkeypatch):
    story = Story(Session(FIRST, CHANGED))

    async def run():
        story.monitor = Monitor("app", story.open, story.send, story.log)
        story.monitor.poll_s = 1e6
        story.monitor.look(1)
        story.until = 6
        task = asyncio.get_running_loop().create_task(story.monitor.run())
        while len(story.sent) < 5:
            await asyncio.wait({task}, timeout=0.001)
        story.monitor.look(2)
        await asyncio.wait_for(task, 10)

    asyncio.run(run())
    assert [told["type"] for told in story.sent[-2:]] == ["defaults", "looked"]


@pytest.mark.parametrize("sessions", [(FIRST,), (FIRST, LATER)])
def test_who_asks_for_a_look_hears_when_all_is_read(sessions):
    """Once; also where nothing has changed, and behind what was read."""
    story = Story(Session(*sessions))

    async def run():
        story.monitor = Monitor("app", story.open, story.send, story.log)
        story.monitor.poll_s = 0.001
        story.until = 1000
        task = asyncio.get_running_loop().create_task(story.monitor.run())
        while len(story.sent) < 4:
            await asyncio.wait({task}, timeout=0.001)
        story.monitor.look(7)
        while story.sent[-1]["type"] != "looked":
            await asyncio.wait({task}, timeout=0.001)
        await asyncio.wait({task}, timeout=0.01)
        story.monitor.end()
        await asyncio.wait_for(task, 10)

    asyncio.run(run())
    told = [message for message in story.sent if message["type"] == "looked"]
    assert told == [{"type": "looked", "database": "app", "look": 7}]


def test_a_new_worker_hears_no_answer_to_another():
    story = Story(Session(FIRST))
    story.monitor = Monitor("app", story.open, story.send, story.log)
    story.monitor.look(7)
    story.monitor.tell_again()
    story.until = 4
    asyncio.run(asyncio.wait_for(story.monitor.run(), 10))
    assert "looked" not in [message["type"] for message in story.sent]


def test_a_session_that_fails_is_told_once_and_opened_again():
    failing = Session(SessionFailedError("gone"))
    story = Story(
        SessionFailedError("no way in"), SessionFailedError("no way in"), failing, Session(FIRST)
    )
    assert story.play(6) == ["monitor", "monitor", "defaults", "ddl", "catalog", "monitor"]
    told = [message["state"] for message in story.sent if message["type"] == "monitor"]
    assert told == ["no way in", "gone", "watching"]
    assert story.stream.getvalue().count("monitor_failed") == 2
    assert failing.closed


def test_a_session_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S_MAX", 0.001)
    story = Story(Session(FIRST))

    async def never(database):
        await asyncio.Event().wait()

    story.open = never
    assert story.play(1) == ["monitor"]
    assert "no answer within" in story.sent[0]["state"]


def test_sessions_whose_role_is_gone_are_told_when_they_change():
    session = Session(FIRST, FIRST, LATER, EVEN_LATER, LAST)
    session.roleless = [[], [[b"11"], [b"12"]], [[b"11"], [b"12"]], []]
    story = Story(session)
    story.play(6)
    told = [message["pids"] for message in story.sent if message["type"] == "roleless"]
    assert told == [[11, 12], []]
