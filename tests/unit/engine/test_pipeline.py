"""Reads that follow others on one server connection, step by step; the server says what we say."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from pglane.engine.client_connection import FOLLOWING_BYTES_MAX
from pglane.engine.dismissal import dismiss
from pglane.engine.pipeline import PAUSE_S_MAX, PAUSE_S_MIN, WELL_TIMES, Pipelines
from pglane.engine.questions import snapshot_rows
from pglane.engine.server_link import ready_end
from pglane.wire.mentions import Names
from tests.support.engine_rig import APPLIED, CANCEL, READY, Peer, Rig, error, message, query
from tests.unit.engine.test_database import DONE, desk

INSERT = query("INSERT INTO t VALUES (1)")


def read(number: int) -> bytes:
    return query(f"SELECT {number} FROM t")


def answer(number: int) -> bytes:
    row = b"\x00\x01" + len(str(number)).to_bytes(4, "big") + str(number).encode()
    return message(b"D", row) + message(b"C", b"SELECT 1\x00") + READY


class Sharing:
    """One server connection, and clients that ask while somebody holds it."""

    def __init__(self, rigs: Any, **changes: Any) -> None:
        self.rig: Rig = rigs(**{"budget": 1, "pipeline_depth": 3, **changes})
        self.holder, self.server = self.rig.pair()
        self.clients = [self.rig.client() for _ in range(5)]
        for client in self.clients:
            client.gets(READY)
        (self.database,) = self.rig.worker.databases.values()
        self.pipelines: Pipelines = self.database.pipelines
        self.pipelines.learned_min = 0
        self.knows()

    def knows(self, *runs: bytes) -> None:
        """The catalogs say behind which names code stands."""
        self.database.watch.sight.learn(Names((), (), (b"values",)).with_runs(runs))
        self.database.watch.verdicts.forget()

    def asks(self, *requests: bytes) -> list[Peer]:
        """They wait while the holder writes; then it is answered."""
        self.holder.send(INSERT)
        self.server.gets(INSERT)
        clients = self.clients[: len(requests)]
        for client, request in zip(clients, requests, strict=True):
            client.send(request)
            self.rig.turn(2)
        self.server.send(DONE)
        self.holder.gets(READY)
        self.rig.turn(2)
        return clients

    def fed(self) -> bytes:
        """What the server was sent."""
        self.rig.turn(3)
        told = self.server.look()
        self.server.forget()
        return told

    def counts(self) -> tuple[int, int]:
        return self.database.traffic.pipelined, self.database.traffic.fell_back

    def is_over(self) -> None:
        """Nothing is left: everybody can be served."""
        self.rig.until(lambda: desk(self.rig).ledger.statistics().idle == 1, "it is idle")
        assert not desk(self.rig).queue
        assert desk(self.rig).queue.budget.busy == 0
        assert self.pipelines.following == 0
        (link,) = [slot.link for slot in desk(self.rig).ledger]
        assert not link.followers
        assert not link.exchange.shared
        for number, client in enumerate(self.clients):
            if not client.ended and client.socket.fileno() >= 0:
                client.send(read(number))
                assert self.server.gets(b"FROM t\x00") == read(number)
                self.server.send(answer(number))
                assert client.gets(READY) == answer(number)


@pytest.fixture
def sharing(rigs: Any) -> Sharing:
    return Sharing(rigs)


def test_as_many_follow_as_may_and_each_gets_its_own(sharing: Sharing) -> None:
    clients = sharing.asks(*map(read, range(5)))
    assert sharing.fed() == b"".join(map(read, range(4)))
    sharing.server.send(b"".join(map(answer, range(4))))
    assert [clients[at].gets(READY) for at in range(4)] == list(map(answer, range(4)))
    assert sharing.fed() == read(4)
    sharing.server.send(answer(4))
    assert clients[4].gets(READY) == answer(4)
    assert sharing.counts() == (4, 0)
    sharing.is_over()


def test_who_follows_stands_in_no_line_and_is_told_of(sharing: Sharing) -> None:
    clients = sharing.asks(*map(read, range(5)))
    sharing.fed()
    rows = list(snapshot_rows(sharing.rig.worker, "queue"))
    assert [row["place"] for row in rows] == [0, 0, 0, 1]
    assert [row["reason"] for row in rows] == ["behind_in_pipeline"] * 3 + ["no_server_free"]
    numbers = [int(str(row["client"])[1:]) for row in rows]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert all("transaction: 1" in str(row["held_by"]) for row in rows)
    sharing.server.send(b"".join(map(answer, range(4))))
    clients[3].gets(READY)
    assert not list(snapshot_rows(sharing.rig.worker, "queue"))


@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_answers_in_pieces(sharing: Sharing, size: int) -> None:
    clients = sharing.asks(*map(read, range(3)))
    sharing.fed()
    stream = b"".join(map(answer, range(3)))
    for at in range(0, len(stream), size):
        sharing.server.send(stream[at : at + size])
        sharing.rig.turn(2)
    assert [client.gets(READY) for client in clients] == list(map(answer, range(3)))
    sharing.is_over()


def test_the_next_follow_as_soon_as_one_is_answered(sharing: Sharing) -> None:
    clients = sharing.asks(*map(read, range(3)))
    sharing.fed()
    clients[0].forget()
    sharing.clients[3].send(read(3))
    sharing.rig.turn(2)
    assert sharing.fed() == b""
    sharing.server.send(answer(0))
    assert clients[0].gets(READY) == answer(0)
    assert sharing.fed() == read(3)
    sharing.server.send(answer(1) + answer(2) + answer(3))
    for number in (1, 2, 3):
        assert sharing.clients[number].gets(READY) == answer(number)
    sharing.is_over()


def test_who_is_followed_sends_nothing_more_there(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    first.send(INSERT)
    assert sharing.fed() == b""
    sharing.server.send(answer(0))
    assert first.gets(READY) == answer(0)
    assert sharing.fed() == b""
    sharing.server.send(answer(1))
    assert second.gets(READY) == answer(1)
    assert sharing.server.gets(INSERT) == INSERT
    sharing.server.send(DONE)
    assert first.gets(READY) == DONE
    sharing.is_over()


def test_who_follows_may_send_more(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    second.send(INSERT)
    sharing.rig.turn(2)
    sharing.server.send(answer(0) + answer(1))
    assert (first.gets(READY), second.gets(READY)) == (answer(0), answer(1))
    assert sharing.server.gets(INSERT) == INSERT
    sharing.server.send(DONE)
    assert second.gets(READY) == DONE
    sharing.is_over()


@pytest.mark.parametrize(
    "request_",
    [
        INSERT,
        query("BEGIN"),
        query("SELECT 1 FROM t FOR UPDATE"),
        query("SELECT f() FROM t"),
        read(1) + read(2),
        query(f"SELECT '{'x' * FOLLOWING_BYTES_MAX}'"),
    ],
)
def test_what_is_no_read_or_more_than_one_does_not_follow(
    sharing: Sharing, request_: bytes
) -> None:
    sharing.asks(read(0), request_, read(3))
    assert sharing.fed() == read(0)
    assert sharing.counts() == (0, 0)


def test_who_has_other_settings_does_not_follow(sharing: Sharing) -> None:
    worker = sharing.rig.worker
    link = worker.clients[sorted(worker.clients)[2]]
    link.settings_are(worker.vectors.of({"work_mem": "1MB"}))
    sharing.asks(read(0), read(1), read(2))
    assert sharing.fed() == read(0)
    sharing.server.send(answer(0))
    assert b"work_mem" in sharing.fed()


@pytest.mark.parametrize("head", [INSERT, query("SELECT f() FROM t"), read(1) + read(2)])
def test_nobody_follows_what_is_no_read_or_more_than_one(sharing: Sharing, head: bytes) -> None:
    sharing.asks(head, read(3))
    assert sharing.fed() == head


def test_nobody_follows_what_is_answered(sharing: Sharing) -> None:
    sharing.asks(read(0))
    (link,) = [slot.link for slot in desk(sharing.rig).ledger]
    sharing.server.send(answer(0))
    sharing.clients[0].gets(READY)
    sharing.pipelines.feed(link)
    assert sharing.counts() == (0, 0)


def test_nobody_follows_where_nothing_is_known_of_the_lane(sharing: Sharing) -> None:
    sharing.pipelines.learned_min = 1_000
    sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0)


def test_a_lane_is_not_thought_to_be_quick_because_its_clients_follow(rigs: Any) -> None:
    sharing = Sharing(rigs, pipeline_depth=8)
    (lane,) = {link.lease.lane for link in sharing.rig.worker.clients.values()}
    lane.learned, lane.usual_s, lane.mean_s = 1000, 0.005, 0.005
    most = 0
    for _ in range(40):
        for number, client in enumerate(sharing.clients):
            client.send(read(number))
            sharing.rig.turn(2)
        done = 0
        while done < len(sharing.clients):
            count = sharing.fed().count(b"FROM t\x00")
            most = max(most, count)
            for number in range(done, done + count):
                sharing.rig.later(0.005)
                sharing.server.send(answer(number))
                sharing.clients[number].gets(READY)
            done += count
    assert 1 < most <= 3
    assert lane.usual_s > 0.004


@pytest.mark.parametrize(("usual_s", "depth"), [(0.001, 3), (0.004, 2), (0.008, 1), (0.015, 0)])
def test_as_many_follow_as_are_answered_in_time(
    sharing: Sharing, usual_s: float, depth: int
) -> None:
    (lane,) = {link.lease.lane for link in sharing.rig.worker.clients.values()}
    lane.learned = 1_000
    lane.usual_s = usual_s
    sharing.asks(*map(read, range(5)))
    assert sharing.fed() == b"".join(map(read, range(1 + depth)))


def test_names_that_are_known_to_run_code_are_not_read_behind_others(sharing: Sharing) -> None:
    sharing.knows(b"t")
    sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0)


def test_none_follow_where_the_depth_is_nothing_and_it_can_be_changed(rigs: Any) -> None:
    sharing = Sharing(rigs, pipeline_depth=0)
    sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0)
    told = asdict(replace(sharing.rig.settings, pipeline_depth=2))
    sharing.rig.say(type="reload", settings=told)
    sharing.rig.turn(3)
    assert sharing.pipelines.depth == 2


# Falling back ----------------------------------------------------------------------------------


def test_who_follows_too_long_waits_anew_and_its_lane_has_a_pause(sharing: Sharing) -> None:
    rig, pause = sharing.rig, PAUSE_S_MIN
    for _ in range(3):
        first, second = sharing.asks(read(0), read(1))
        assert sharing.fed() == read(0) + read(1)
        rig.later(sharing.pipelines.drain_s)
        assert sharing.counts()[1] == 0 or pause > PAUSE_S_MIN
        rig.later(sharing.pipelines.drain_s)
        assert sharing.fed() == b""
        sharing.server.send(answer(0) + answer(1))
        assert first.gets(READY) == answer(0)
        assert sharing.server.gets(b"FROM t\x00") == read(1), "again"
        sharing.server.send(answer(7))
        assert second.gets(READY) == answer(7)
        rig.later(pause * 0.8)
        sharing.asks(read(2), read(3))
        assert sharing.fed() == read(2), "there is a pause"
        sharing.server.send(answer(2))
        assert sharing.fed() == read(3)
        sharing.server.send(answer(3))
        sharing.clients[1].gets(READY)
        sharing.clients[0].gets(READY)
        rig.later(pause)
        pause *= 2
    rig.later(PAUSE_S_MAX * 3)
    sharing.is_over()


def test_a_lane_that_was_well_has_a_short_pause_again(sharing: Sharing) -> None:
    rig = sharing.rig
    for _ in range(6):
        sharing.asks(read(0), read(1))
        assert sharing.fed() == read(0) + read(1), "the pause was a short one"
        for _ in range(2):
            rig.later(sharing.pipelines.drain_s)
        sharing.server.send(answer(0) + answer(1))
        assert sharing.server.gets(b"FROM t\x00") == read(1), "again"
        sharing.server.send(answer(1))
        assert [client.gets(READY) for client in sharing.clients[:2]] == [answer(0), answer(1)]
        rig.later(PAUSE_S_MIN * (WELL_TIMES + 1.1))
    assert sharing.counts() == (6, 6)


def test_nobody_falls_back_because_all_stood_still(sharing: Sharing) -> None:
    drain_s = sharing.pipelines.drain_s
    first, second = sharing.asks(*map(read, range(2)))
    assert sharing.fed() == b"".join(map(read, range(2)))
    sharing.rig.later(drain_s * 0.4)
    third = sharing.clients[2]
    third.send(read(2))
    sharing.rig.turn(2)
    sharing.server.send(answer(0))
    assert first.gets(READY) == answer(0)
    assert sharing.fed() == read(2)
    sharing.rig.later(drain_s * 0.2)
    sharing.rig.later(PAUSE_S_MIN)
    assert sharing.counts() == (2, 0), "time was lost by us"
    sharing.rig.later(drain_s)
    assert sharing.counts() == (2, 1), "this was the server"
    sharing.server.send(answer(1) + answer(2))
    assert second.gets(READY) == answer(1)
    assert sharing.server.gets(b"FROM t\x00") == read(2), "again"
    sharing.server.send(answer(2))
    assert third.gets(READY) == answer(2)
    sharing.is_over()


@pytest.mark.parametrize("count", [4, 5])
def test_none_has_many_behind_it_while_another_is_soon_without_work(rigs: Any, count: int) -> None:
    sharing = Sharing(rigs, budget=2, pipeline_depth=8)
    sharing.holder.send(INSERT)
    sharing.server.gets(INSERT)
    holder = sharing.rig.client()
    holder.gets(READY)
    holder.send(INSERT)
    other = sharing.rig.accept_login()
    other.gets(INSERT)
    clients = sharing.clients[:count]
    for number, client in enumerate(clients):
        client.send(read(number))
        sharing.rig.turn(2)
    sharing.server.send(DONE)
    sharing.holder.gets(READY)
    sharing.server.forget()
    assert sharing.fed() == b"".join(map(read, range(3))), "two of those who wait"
    other.send(DONE)
    rest = range(3, count)
    assert other.gets(read(rest[-1])).endswith(b"".join(map(read, rest)))
    sharing.server.send(b"".join(map(answer, range(3))))
    other.send(b"".join(map(answer, rest)))
    assert [client.gets(READY) for client in clients] == list(map(answer, range(count)))
    assert sharing.counts() == (1 + len(rest), 0)


def test_connections_of_other_doors_take_no_share(rigs: Any) -> None:
    sharing = Sharing(rigs, budget=2)
    sharing.holder.send(INSERT)
    sharing.server.gets(INSERT)
    keeper = sharing.rig.client("session")
    keeper.gets(READY)
    keeper.send(INSERT)
    sharing.rig.accept_login().gets(INSERT)
    for number, client in enumerate(sharing.clients[:4]):
        client.send(read(number))
        sharing.rig.turn(2)
    sharing.server.send(DONE)
    sharing.holder.gets(READY)
    sharing.server.forget()
    assert sharing.fed() == b"".join(map(read, range(4)))


def test_who_falls_back_is_served_where_there_is_room(rigs: Any) -> None:
    sharing = Sharing(rigs)
    clients = sharing.asks(*map(read, range(3)))
    assert sharing.fed() == b"".join(map(read, range(3)))
    told = asdict(replace(sharing.rig.settings, budget=2))
    sharing.rig.say(type="reload", settings=told)
    sharing.rig.turn(3)
    for _ in range(2):
        sharing.rig.later(sharing.pipelines.drain_s)
    other = sharing.rig.accept_login()
    other.gets(b"FROM t\x00")
    for number in (1, 2):
        other.send(answer(number))
        assert clients[number].gets(READY) == answer(number)


def test_a_cancel_of_the_one_that_is_answered(sharing: Sharing) -> None:
    first, second, third = sharing.asks(*map(read, range(3)))
    sharing.fed()
    sharing.rig.cancel(sorted(sharing.rig.worker.clients)[1])
    sharing.rig.turn(3)
    assert sharing.counts() == (2, 2)
    sharing.server.send(error("57014") + READY + error("57014") + READY + answer(2))
    ours = sharing.rig.accept()
    ours.gets(CANCEL)
    ours.socket.close()
    assert first.gets(READY) == error("57014") + READY
    assert sharing.fed() == read(1) + read(2)
    sharing.server.send(answer(1) + answer(2))
    assert (second.gets(READY), third.gets(READY)) == (answer(1), answer(2))
    sharing.is_over()


@pytest.mark.parametrize("who", [0, 1, 2])
def test_one_that_goes(sharing: Sharing, who: int) -> None:
    clients = sharing.asks(*map(read, range(3)))
    sharing.fed()
    clients[who].socket.close()
    sharing.rig.turn(4)
    if who == 0:  # it is cancelled, and that is over
        ours = sharing.rig.accept()
        ours.gets(CANCEL)
        ours.socket.close()
    sharing.server.send(b"".join(map(answer, range(3))))
    others = [number for number in (1, 2) if number != who]
    assert sharing.fed() == b"".join(map(read, others)), "again"
    sharing.server.send(b"".join(map(answer, others)))
    for number in {0, 1, 2} - {who}:
        assert clients[number].gets(READY) == answer(number)
    sharing.is_over()


@pytest.mark.parametrize("last", [b"", error("57P01", "FATAL")])
def test_the_connection_is_lost(sharing: Sharing, last: bytes) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    sharing.server.send(last)
    sharing.server.socket.close()
    assert b"08007" in first.ends()
    if last:  # what may still run there is cancelled
        ours = sharing.rig.accept()
        ours.gets(CANCEL)
        ours.socket.close()
    sharing.server = sharing.rig.accept_login()
    sharing.server.gets(b"FROM t\x00")
    sharing.server.send(answer(1))
    assert second.gets(READY) == answer(1)


def test_a_setting_that_is_reported_behind_a_read(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    reported = message(b"S", b"TimeZone\x00UTC\x00")
    whole = answer(0)
    sharing.server.send(whole[: -len(READY)] + reported + READY + answer(1))
    told = first.gets(READY)
    assert (reported in told, sharing.counts()) == (True, (1, 1))
    assert b"FROM t" not in second.look()


def test_a_transaction_that_a_read_left_open_ends_the_connection(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    in_transaction = message(b"Z", b"T")
    sharing.server.send(answer(0)[: -len(READY)] + in_transaction)
    first.gets(in_transaction)
    sharing.server.send(answer(1)[: -len(READY)] + in_transaction)
    sharing.rig.turn(4)
    assert sharing.server.ends() is not None
    assert second.look() == b""


def test_settings_that_became_doubtful_meanwhile(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    for client in sharing.rig.worker.clients.values():
        client.settled = False
    sharing.server.send(answer(0) + answer(1))
    assert first.gets(READY) == answer(0)
    assert sharing.counts() == (1, 1)


def test_names_that_mean_something_else_meanwhile(sharing: Sharing) -> None:
    first, second, third = sharing.asks(read(0), read(1), read(2))
    sharing.fed()
    sharing.database.watch.sight.learn(Names((b"t",), (), ()))
    sharing.database.watch.verdicts.forget()
    for client in sharing.rig.worker.clients.values():
        client.requests.apart = -1
    sharing.server.send(answer(0) + answer(1) + answer(2))
    assert first.gets(READY) == answer(0)
    assert second.look() == b""
    assert third.look() == b""
    assert sharing.counts() == (2, 1)


def test_a_pause_of_the_database_lets_nobody_follow(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    sharing.database.paused = True
    sharing.server.send(answer(0) + answer(1))
    assert first.gets(READY) == answer(0)
    sharing.rig.turn(4)
    assert second.look() == b""
    assert sharing.counts() == (1, 1)


def test_a_query_of_our_own_waits_for_what_is_in_flight(sharing: Sharing) -> None:
    first, second = sharing.asks(read(0), read(1))
    sharing.fed()
    (link,) = [slot.link for slot in desk(sharing.rig).ledger]
    results: list[bool] = []
    link.run(b"SELECT 'ours'", results.append)
    assert sharing.counts() == (1, 1)
    sharing.server.send(answer(0) + answer(1) + APPLIED)
    assert first.gets(READY) == answer(0)
    assert results == [True]
    assert second.look() == b""


def test_where_an_answer_ends() -> None:
    two = answer(1) + answer(2)
    assert ready_end(two, 0) == len(answer(1))
    assert ready_end(two, len(answer(1))) == len(two)
    assert ready_end(two[:-1], len(answer(1))) == len(two) - 1
    assert ready_end(b"Z\x00\x00\x00\x00I", 0) == 6


def test_one_whose_role_is_gone_while_it_follows_is_ended_alone(sharing: Sharing) -> None:
    first, second, third = sharing.asks(read(0), read(1), read(2))
    assert sharing.counts() == (2, 0)
    (link,) = [slot.link for slot in desk(sharing.rig).ledger]
    dismiss(link.followers[0].client, "was dropped")
    assert b"PGL" in second.ends()
    sharing.server.send(answer(0) + answer(1) + answer(2))
    assert first.gets(READY) == answer(0)
    sharing.server.gets(read(2) * 2)
    sharing.server.send(answer(2))
    assert third.gets(READY) == answer(2)
