"""What those hear who wait, and those who are refused."""

import re

from pglane.config.lanes import LaneMatch, LaneSettings
from pglane.scheduler.reasons import RefusedBecause
from tests.support.engine_rig import APPLIED, READY, message, query
from tests.unit.engine.test_database import DONE, desk

IMPATIENT = LaneSettings("otp", wait_ms_max=1000, match=(LaneMatch(application_name="otp"),))
ALONE = LaneSettings("own", limit=1, wait_ms_max=2000, match=(LaneMatch(user="bob"),))
OWN = LaneSettings("own", wait_ms_max=2000, match=(LaneMatch(),))


def one_waits(rig, asked=None):
    """A client that holds the only server connection, that one, and one that waits for it."""
    holder, server = rig.pair()
    waiting = rig.client()
    waiting.gets(READY)
    holder.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    waiting.send(asked or query("SELECT 1"))
    rig.turn(2)
    return holder, server, waiting


def test_at_half_of_its_time_who_waits_is_told_once(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=4000)
    holder, server, waiting = one_waits(rig)
    rig.later(1.9)
    assert not waiting.look()
    rig.later(0.2)
    told = waiting.gets(b"place 1 of 1")
    assert told.startswith(b"N")
    assert b"no_server_free" in told
    rig.later(0.5)
    assert not waiting.look()
    server.send(DONE)
    holder.gets(READY)
    server.gets(b"SELECT 1")
    server.send(DONE)
    assert waiting.gets(READY) == DONE


def test_who_waits_hears_why_no_more_can_be_opened(rigs) -> None:
    """At a role's CONNECTION LIMIT there is room in the budget all the same."""
    rig = rigs(budget=2, wait_ms_max=100)
    one_waits(rig)
    refusing = rig.accept()
    refusing.gets(b"anna")
    words = b"SFATAL\0VFATAL\0C53300\0Mtoo many connections for role\0\0"
    refusing.send(message(b"E", words))
    rig.turn(3)
    rig.later(0.06)
    (told,) = [each["text"] for each in rig.logged("waits_long")]
    assert "the last attempt to open one: too many connections for role" in told


def test_who_waits_less_is_told_at_half_of_his_own_time(rigs) -> None:
    """Though somebody came first who is not told before a minute has passed."""
    rig = rigs(budget=1, lanes=(IMPATIENT,))
    _, _, patient = one_waits(rig)
    late = rig.client(application_name="otp")
    rig.turn(3)
    late.look()
    late.forget()
    rig.later(0.6)
    told = [each["text"] for each in rig.logged("waits_long")]
    assert not patient.look()
    assert len(told) == 1
    assert told[0].startswith("half of its 1000 ms have passed: place 1 of 1")


def test_the_log_has_one_line_of_a_lane_now_and_then(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=4000)
    _, _, waiting = one_waits(rig)
    rig.later(2.1)
    waiting.gets(b"place 1 of 1")
    (line,) = rig.logged("waits_long")
    assert (line["level"], line["fields"]["lane"]) == ("warning", "transaction:anna")
    assert line["fields"]["waited_ms"] == 2100
    assert "without a name for 2.1 s in lane transaction:anna" in line["text"]
    rig.later(1.9)
    waiting.gets(b"PGL0301")
    for lines in (1, 2):
        waiting.send(query("SELECT 1"))
        rig.turn(2)
        rig.later(2.1)
        waiting.gets(b"place 1 of 1")
        assert len(rig.logged("waits_long")) == lines
        rig.later(4.0)
        waiting.gets(b"PGL0301")


def test_a_crowd_is_told_in_parts(rigs, monkeypatch) -> None:
    monkeypatch.setattr("pglane.engine.waiting.NOTICES_A_LOOK", 2)
    rig = rigs(budget=1, wait_ms_max=4000)
    _, _, first = one_waits(rig)
    crowd = [rig.client() for _ in range(4)]
    for one in crowd:
        one.gets(READY)
        one.send(query("SELECT 1"))
    rig.turn(2)
    rig.clock.now += 2.1
    rig.turn(1)
    told = [bool(one.look()) for one in (first, *crowd)]
    assert told.count(True) <= 2
    for place, one in enumerate((first, *crowd), 1):
        assert one.gets(b"still waiting").count(f"place {place} of 5".encode()) == 1
    rig.later(0.5)
    assert not [one for one in (first, *crowd) if one.look()]


def test_of_a_crowd_that_is_refused_a_part_is_answered_in_each_turn(rigs, monkeypatch) -> None:
    """One of those who are not answered yet leaves, one cancels: that is all they get."""
    monkeypatch.setattr("pglane.engine.waiting.REFUSALS_A_TURN", 2)
    rig = rigs(budget=1, wait_ms_max=4000)
    holder, server, first = one_waits(rig)
    crowd = [rig.client() for _ in range(5)]
    for one in crowd:
        one.gets(READY)
        one.send(query("SELECT 1"))
    rig.turn(2)
    rig.later(2.1)
    for one in (first, *crowd):
        one.gets(b"still waiting")
    rig.clock.now += 1.6
    rig.turn(1)
    assert [b"PGL0301" in one.look() for one in (first, *crowd)] == [True] * 2 + [False] * 4
    crowd[4].socket.close()
    rig.cancel(max(rig.worker.clients) - 1)
    rig.until(lambda: b"PGL0304" in crowd[3].look())
    for one in (first, *crowd[:4]):
        assert one.gets(READY).count(b"PGL03") == 1
    server.send(DONE)
    holder.gets(READY)
    crowd[3].send(query("SELECT 2"))
    server.gets(b"SELECT 2")


def refused_and_not_told(rig):
    """A client with three requests, whose first is refused; nobody has told it yet."""
    asked = query("SELECT 1") + query("SELECT 2") + query("SELECT 3")
    holder, server, waiting = one_waits(rig, asked)
    queue = desk(rig).queue
    queue.refuse(next(iter(queue)), RefusedBecause.EXPIRED, rig.clock.now)
    return holder, server, waiting


def test_who_cancels_what_is_refused_is_answered_once(rigs) -> None:
    rig = rigs(budget=1)
    holder, server, waiting = refused_and_not_told(rig)
    rig.cancel(max(rig.worker.clients))
    told = waiting.gets(READY)
    assert told.count(b"57014") == 1
    assert told.count(READY) == 1
    server.send(DONE)
    holder.gets(READY)
    server.gets(b"SELECT 3")
    server.send(DONE + DONE)
    assert waiting.gets(DONE + DONE) == DONE + DONE
    assert not desk(rig).queue.budget.busy


def test_who_leaves_while_refused_asks_for_nothing_more(rigs) -> None:
    rig = rigs(budget=1)
    holder, server, waiting = refused_and_not_told(rig)
    waiting.socket.close()
    rig.turn(3)
    server.send(DONE)
    holder.gets(READY)
    rig.turn(3)
    assert desk(rig).queue.is_empty()
    assert not desk(rig).queue.budget.busy
    assert not server.look()


def test_who_asks_anew_is_not_refused_for_what_it_cancelled(rigs, monkeypatch) -> None:
    monkeypatch.setattr("pglane.engine.waiting.REFUSALS_A_TURN", 0)
    rig = rigs(budget=1)
    holder, server, waiting = refused_and_not_told(rig)
    (database,) = rig.worker.databases.values()
    database.perform(database.desk.rejections(rig.clock.now))
    rig.cancel(max(rig.worker.clients))
    assert waiting.gets(READY).count(b"57014") == 1
    monkeypatch.undo()
    rig.turn(3)
    assert not waiting.look()
    server.send(DONE)
    holder.gets(READY)
    server.gets(b"SELECT 3")
    server.send(DONE + DONE)
    assert waiting.gets(DONE + DONE) == DONE + DONE


def test_administrators_hear_of_all_holders_and_nobody_of_statements(rigs) -> None:
    own, all_of_them = b"of your user: without a name", b"cron for 3.1 s"
    for admins, name in (("hugo",), own), (("anna",), all_of_them):
        rig = rigs(budget=2, wait_ms_max=6000, admin_users=admins)
        session, server = rig.pair("session", user="hugo", application_name="cron")
        session.send(query("SELECT 2"))
        server.gets(b"SELECT 2")
        server.send(DONE)
        session.gets(READY)
        one_waits(rig)
        waiting = rig.peers[-1]
        rig.later(3.1)
        told = waiting.gets(b"still waiting")
        assert name in told
        assert (b"cron" in told) is (admins == ("anna",))
        assert b"pg_sleep" not in told


def test_names_are_cut_and_no_terminal_obeys_them(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=4000)
    waiting, server = rig.pair()
    holder = rig.client(application_name="\x1b[2J\n" + "x" * 500)
    server.gets(b"set_config")
    server.send(APPLIED)
    holder.gets(READY)
    holder.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    waiting.send(query("SELECT 1"))
    rig.turn(2)
    rig.later(2.1)
    told = waiting.gets(b"still waiting")
    assert b"of your user: ?[2J?" + b"x" * 58 + b" for" in told


def test_who_logs_in_is_told_nothing_yet(rigs) -> None:
    rig = rigs(budget=1, wait_ms_max=4000)
    one_waits(rig)
    late = rig.client(user="berta")
    rig.turn(3)
    seen = late.look()
    rig.later(2.1)
    assert late.look() == seen


def test_a_refusal_says_whose_limit_it_is_and_when_to_come_again(rigs) -> None:
    rig = rigs(budget=1, lanes=(OWN,))
    _, _, waiting = one_waits(rig)
    rig.later(1.0)
    rig.later(0.9)
    told = waiting.gets(READY)
    assert b"PGL0301" in told
    assert b"wait_ms_max is 2000 for lane own" in told
    assert b"Safe to retry in about" in told


def test_what_is_idle_is_not_said_to_be_used(rigs) -> None:
    rig = rigs(budget=2, lanes=(ALONE,))
    rig.pair()
    holder, server = rig.pair(user="bob")
    waiting = rig.client(user="bob")
    waiting.gets(READY)
    holder.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    waiting.send(query("SELECT 1"))
    rig.turn(2)
    rig.later(2.0)
    told = waiting.gets(READY)
    assert b"1 server connections are used by this lane, 1 of 2 by all" in told


def test_who_is_refused_comes_again_when_a_connection_may_be_free(rigs) -> None:
    """The one there is has been held for 40 s, so it is not free in a tenth of a second."""
    rig = rigs(budget=1, wait_ms_max=5000)
    holder, server = rig.pair()
    waiting = rig.client()
    waiting.gets(READY)
    holder.send(query("SELECT pg_sleep(99)"))
    server.gets(b"pg_sleep")
    rig.later(36)
    waiting.send(query("SELECT 1"))
    rig.turn(2)
    rig.later(4.6)
    told = waiting.gets(READY)
    seen = re.search(rb"Safe to retry in about (\d+) ms", told)
    assert seen is not None
    assert 5000 <= int(seen[1]) <= 15_000  # the longest pause named, give or take a half


def test_each_kind_of_refusal_has_its_own_words(rigs) -> None:
    rig = rigs(budget=1)
    _, _, waiting = one_waits(rig)
    for why, code in [
        (RefusedBecause.HOPELESS, b"PGL0308"),
        (RefusedBecause.SHED, b"PGL0309"),
        (RefusedBecause.OVERLOADED, b"PGL0313"),
    ]:
        (request,) = list(desk(rig).queue)
        queue = desk(rig).queue
        queue.refuse(request, why, rig.clock.now)
        (database,) = rig.worker.databases.values()
        database.perform(database.desk.rejections(rig.clock.now))
        told = waiting.gets(READY)
        assert code in told
        assert b"53300" in told
        waiting.send(query("SELECT 1"))
        rig.turn(2)
