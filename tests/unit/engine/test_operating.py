"""What an operator tells a worker."""

import pytest

from pglane.engine import operating as module
from pglane.engine.commands import WAIT_S_MAX
from pglane.engine.questions import snapshot_rows
from tests.support.engine_rig import READY, message, query

ONE_ROW = message(b"D", b"\0\1\0\0\0\x011") + message(b"C", b"SELECT 1\0")
IN_TRANSACTION = message(b"C", b"BEGIN\0") + message(b"Z", b"T")
LOGIN_ANSWER = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x2a\0\0\0\x07" + READY


class Console:
    """Types commands."""

    def __init__(self, rig) -> None:
        self.rig = rig
        self.number = 0

    def type(self, verb: str, database: str = "app") -> int:
        self.number += 1
        before = len(self.rig.heard("command_held"))
        self.rig.say(type="command", id=self.number, verb=verb, database=database)
        number = self.number
        self.rig.until(
            lambda: len(self.rig.heard("command_held")) > before or self.done(number), verb
        )
        self.rig.turn(2)
        return number

    def done(self, number: int):
        return [told for told in self.rig.heard("command_done") if told["id"] == number]

    def runs(self, verb: str, database: str = "app") -> None:
        number = self.type(verb, database)
        self.rig.until(lambda: self.done(number), verb)
        assert self.done(number)[0]["problem"] == ""

    def held(self):
        told = self.rig.heard("command_held")[-1]
        return told["paused"], told["disabled"]


@pytest.fixture
def console(rig):
    return Console(rig)


def look(rig) -> None:
    rig.later(module.LOOK_S * 2)
    rig.turn(2)


def wait_reasons(rig) -> list[object]:
    return [row["wait_reason"] for row in snapshot_rows(rig.worker, "clients")]


def test_a_pause_closes_what_is_free_and_lets_clients_wait(rig, console) -> None:
    client, server = rig.pair()
    number = console.type("PAUSE")
    server.gets(message(b"X"))
    client.send(query("SELECT 1"))
    rig.turn(3)
    assert wait_reasons(rig) == ["paused"]
    assert console.done(number) == [], "a server connection is counted until its backend is gone"
    server.socket.close()
    rig.turn(2)
    look(rig)
    assert console.done(number)
    assert rig.nobody_connects()
    console.runs("RESUME")
    again = rig.accept_login()
    again.gets(b"SELECT 1")
    again.send(ONE_ROW + READY)
    client.gets(READY)
    assert console.held() == ([], [])


def test_a_pause_waits_for_what_runs(rig, console) -> None:
    client, server = rig.pair()
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(IN_TRANSACTION)
    client.gets(b"BEGIN")
    number = console.type("PAUSE")
    look(rig)
    assert console.done(number) == []
    client.send(query("END"))
    server.gets(b"END")
    server.send(message(b"C", b"COMMIT\0") + READY)
    client.gets(READY)
    server.gets(message(b"X"))
    server.socket.close()
    rig.turn(2)
    look(rig)
    assert console.done(number)


def test_a_pause_ends_when_somebody_resumes(rig, console) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    number = console.type("PAUSE")
    look(rig)
    assert console.done(number) == []
    console.runs("RESUME")
    look(rig)
    (told,) = console.done(number)
    assert told["problem"] == "resumed"


def test_a_pause_that_never_ends_is_given_up_and_holds(rig, console) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    number = console.type("PAUSE")
    rig.later(WAIT_S_MAX + 1)
    (told,) = console.done(number)
    assert told["problem"] == "unfinished"
    assert told["left"] == "1 server connections are still there"
    assert rig.worker.databases["app"].paused


def test_who_waits_is_answered_within_its_limit(rigs) -> None:
    rig = rigs(wait_ms_max=1000)
    console = Console(rig)
    client, _ = rig.pair()
    console.type("PAUSE")
    client.send(query("SELECT 1"))
    rig.turn(3)
    rig.later(1.5)
    assert b"PGL0320" in client.gets(READY)


def test_one_that_is_being_opened_is_not_given_to_anybody(rig, console) -> None:
    rig.client()
    server = rig.accept()
    console.type("PAUSE")
    server.gets(b"user")
    server.send(LOGIN_ANSWER)
    server.gets(message(b"X"))
    assert wait_reasons(rig) == ["paused"]


def test_all_are_paused_those_that_come_later_too(rig, console) -> None:
    rig.pair()
    console.type("PAUSE", "")
    rig.client(database="later")
    rig.turn(3)
    assert rig.nobody_connects()
    assert rig.worker.databases["later"].paused
    assert console.held() == ([""], [])
    console.runs("RESUME", "later")
    assert rig.accept_login()
    assert console.held() == (["app"], [])
    console.runs("RESUME", "")
    assert console.held() == ([], [])


def test_an_unknown_database_is_told(rig, console) -> None:
    rig.pair()
    number = console.type("PAUSE", "ap")
    assert console.done(number)[0]["problem"] == "unknown"
    assert rig.heard("command_held") == []


def test_what_an_earlier_worker_was_told_holds(rig) -> None:
    rig.worker.operating.begin({"paused": ["app"], "disabled": ["other"]})
    rig.client()
    rig.turn(3)
    assert wait_reasons(rig) == ["paused"]
    assert b"PGL0321" in rig.client(database="other").ends()


def test_a_disabled_database_lets_nobody_in_and_keeps_who_is(rig, console) -> None:
    client, server = rig.pair()
    console.runs("DISABLE")
    assert b"PGL0321" in rig.client().ends()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    console.runs("ENABLE")
    rig.client().gets(READY)
    assert console.held() == ([], [])


def test_a_reconnect_replaces_the_free_now_and_the_others_later(rig, console) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    other = rig.client()
    other.gets(READY)
    other.send(query("SELECT 2"))
    free = rig.accept_login()
    free.gets(b"SELECT 2")
    free.send(ONE_ROW + READY)
    other.gets(READY)
    console.runs("RECONNECT")
    free.gets(message(b"X"))
    number = console.type("WAIT_CLOSE")
    free.socket.close()
    look(rig)
    assert console.done(number) == []
    server.send(ONE_ROW + READY)
    client.gets(READY)
    server.gets(message(b"X"))
    server.socket.close()
    rig.turn(2)
    look(rig)
    assert console.done(number)


def test_one_that_was_being_opened_at_a_reconnect_is_old_too(rig, console) -> None:
    rig.client()
    server = rig.accept()
    console.runs("RECONNECT")
    server.gets(b"user")
    server.send(LOGIN_ANSWER)
    server.gets(message(b"X"))


def test_a_kill_ends_clients_and_servers_of_one_database(rig, console) -> None:
    client, server = rig.pair()
    stranger, _ = rig.pair(database="other")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    console.runs("KILL")
    assert b"C08007" in client.ends(), "it may have been committed"
    assert rig.accept().gets(b"\x04\xd2\x16\x2e"), "what ran is cancelled"
    assert len(rig.worker.clients) == 1
    late = rig.client()
    late.gets(READY)
    late.send(query("SELECT 1"))
    rig.turn(3)
    assert wait_reasons(rig) == ["", "paused"]
    assert late.look() == stranger.look() == b""
    assert console.held() == (["app"], [])


def test_a_kill_tells_each_client_what_is_true_for_it(rig, console) -> None:
    idle, _ = rig.pair()
    raw, raw_server = rig.pair("direct")
    raw_server.send(ONE_ROW[:10])
    raw.gets(ONE_ROW[:10])
    console.runs("KILL")
    assert b"PGL0322" in idle.ends()
    assert raw.ends() == b"", "its row has not ended, an error cannot stand there"


def test_a_kill_takes_those_who_wait_out_of_the_queue(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = rig.pair()
    waiting = rig.client()
    waiting.gets(READY)
    holder.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    waiting.send(query("SELECT 2"))
    (database,) = rig.worker.databases.values()
    rig.until(lambda: len(database.desk.queue) == 1)
    tenant = list(rig.worker.clients.values())[1].lease.tenant
    Console(rig).runs("KILL")
    assert b"PGL0322" in waiting.ends()
    assert (len(database.desk.queue), tenant.members) == (0, 0)


def test_who_leaves_last_ends_the_worker(rig) -> None:
    client, _ = rig.pair()
    rig.say(type="leave")
    rig.turn(3)
    assert rig.heard("stopped") == []
    client.send(message(b"X"))
    rig.until(lambda: rig.heard("stopped"))
