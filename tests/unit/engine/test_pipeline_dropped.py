"""What becomes of reads that are nobody's, because who followed with them fell back."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from pglane.config.lanes import LaneMatch, LaneSettings
from pglane.wire.mentions import Names
from tests.support import protocol as p
from tests.support.engine_rig import CANCEL, READY, Peer, error, message, query
from tests.unit.engine.test_database import desk
from tests.unit.engine.test_pipeline import INSERT, Sharing, answer, read

OTP = LaneSettings("otp", reserve=1, borrow_hold_ms=500, match=(LaneMatch(user="otto"),))
BIND = p.bind() + p.execute() + p.sync()


def unit(number: int) -> bytes:
    return p.parse(f"SELECT {number} FROM t") + BIND


def unit_answer(number: int) -> bytes:
    return message(b"1") + message(b"2") + answer(number)


def grows(sharing: Sharing, budget: int) -> None:
    told = asdict(replace(sharing.rig.settings, budget=budget))
    sharing.rig.say(type="reload", settings=told)
    sharing.rig.turn(3)


def falls_back(sharing: Sharing, *requests: bytes) -> list[Peer]:
    """The first one is answered after the others fell back; their reads still run."""
    clients = sharing.asks(*requests)
    assert sharing.fed() == b"".join(requests)
    for _ in range(2):
        sharing.rig.later(sharing.pipelines.drain_s)
    assert sharing.counts() == (len(requests) - 1,) * 2
    sharing.server.send(answer(0))
    assert clients[0].gets(READY) == answer(0)
    return clients


# What they leave -------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [unit(1), read(1)])
def test_an_unnamed_statement_is_not_taken_for_another_ones(rigs: Any, request_: bytes) -> None:
    sharing = Sharing(rigs)
    one, other = sharing.asks(unit(0), request_)
    assert sharing.fed() == unit(0) + request_
    other.socket.close()
    sharing.rig.turn(4)
    sharing.server.send(unit_answer(0) + (unit_answer(1) if request_ == unit(1) else answer(1)))
    assert one.gets(READY) == unit_answer(0)
    one.send(BIND)
    assert sharing.fed() == p.parse("SELECT 0 FROM t") + BIND


def test_a_session_finds_no_unnamed_statement_of_one_that_fell_back(rigs: Any) -> None:
    sharing = Sharing(rigs)
    sharing.holder.send(read(9))
    sharing.server.gets(read(9))
    one, other = sharing.clients[:2]
    for client, request in ((one, read(0)), (other, unit(1))):
        client.send(request)
        sharing.rig.turn(2)
    sharing.server.send(answer(9))
    assert sharing.fed() == read(0) + unit(1)
    other.socket.close()
    sharing.rig.turn(4)
    sharing.server.send(answer(0) + unit_answer(1))
    one.gets(READY)
    session = sharing.rig.client("session")
    session.gets(READY)
    session.send(BIND)
    assert sharing.fed() == query("DEALLOCATE ALL")


# Who waits for them: nobody --------------------------------------------------------------------


def test_the_next_request_does_not_wait_for_them(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, _ = falls_back(sharing, read(0), read(1))
    grows(sharing, 3)
    again = sharing.rig.accept_login()
    again.gets(read(1))
    one.send(INSERT)
    sharing.rig.accept_login().gets(INSERT)


def test_what_was_sent_before_the_answer_does_not_wait_for_them(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, _ = sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0) + read(1)
    for _ in range(2):
        sharing.rig.later(sharing.pipelines.drain_s)
    one.send(INSERT)
    assert sharing.fed() == b"", "it would stand behind what is nobody's"
    grows(sharing, 3)
    sharing.rig.accept_login().gets(read(1))
    sharing.server.send(answer(0))
    assert one.gets(READY) == answer(0)
    sharing.rig.accept_login().gets(INSERT)


def test_the_server_connection_is_used_again_when_they_are_done(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, other = falls_back(sharing, read(0), read(1))
    assert desk(sharing.rig).ledger.statistics().cleaning == 1
    one.send(INSERT)
    sharing.rig.turn(2)
    sharing.server.send(answer(1))
    assert sharing.server.gets(read(1)) == read(1), "again, and in its old place"
    sharing.server.send(answer(1))
    assert other.gets(READY) == answer(1)
    assert sharing.server.gets(INSERT) == INSERT
    sharing.server.send(message(b"C", b"INSERT 0 1\x00") + READY)
    one.gets(READY)
    for _ in range(2):
        sharing.rig.later(sharing.pipelines.drain_s)
    sharing.is_over()


def test_what_the_answer_left_is_put_in_order_when_they_are_done(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, _ = sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0) + read(1)
    sharing.server.send(message(b"S", b"TimeZone\x00Asia/Tokyo\x00") + answer(0))
    assert one.gets(READY).endswith(answer(0))
    assert sharing.fed() == b""
    sharing.server.send(answer(1))
    assert b"RESET" in sharing.fed()


def test_one_that_was_answered_is_not_ended_for_them(rigs: Any) -> None:
    sharing = Sharing(rigs, lanes=(OTP,))
    one, *_ = falls_back(sharing, read(0), read(1), read(2))
    sharing.rig.client(user="otto")
    sharing.rig.turn(3)
    sharing.rig.later(0.6)
    sharing.rig.later(0.3)
    assert one.look() == b""


def test_one_that_was_answered_can_cancel_what_it_asks_next(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, _ = falls_back(sharing, read(0), read(1))
    one.send(INSERT)
    sharing.rig.turn(3)
    sharing.rig.cancel(sorted(sharing.rig.worker.clients)[1])
    assert b"57014" in one.gets(READY)
    assert sharing.rig.nobody_connects(), "no cancel went to the server"


def test_the_end_of_their_server_connection_is_nobodys_business(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, other = falls_back(sharing, read(0), read(1))
    sharing.server.send(b"D" + (1000).to_bytes(4, "big") + bytes(50))
    sharing.rig.turn(3)
    sharing.server.socket.close()
    again = sharing.rig.accept_login()
    again.gets(read(1))
    again.send(answer(1))
    assert other.gets(READY) == answer(1)
    one.send(INSERT)
    assert again.gets(INSERT)


def test_who_is_looked_at_anew_does_not_wait_for_them(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, *_ = sharing.asks(*map(read, range(3)))
    assert sharing.fed() == b"".join(map(read, range(3)))
    for link in sharing.rig.worker.clients.values():
        link.requests.apart = -1
    sharing.database.watch.sight.learn(Names((b"t",), (), ()))
    sharing.database.watch.verdicts.forget()
    sharing.server.send(answer(0) + answer(1))
    assert one.gets(READY) == answer(0)
    grows(sharing, 3)
    asked = [sharing.rig.accept_login().gets(b"FROM t") for _ in range(2)]
    assert sorted(asked) == [read(1), read(2)]


# Their end -------------------------------------------------------------------------------------


def is_cut(sharing: Sharing) -> None:
    """Cancelled, and the server connection ended."""
    for _ in range(3):
        sharing.rig.later(sharing.pipelines.drain_s)
    sharing.rig.accept().gets(CANCEL)
    assert sharing.server.ends().endswith(b"X\x00\x00\x00\x04")


def test_where_they_take_long_their_server_connection_is_closed(rigs: Any) -> None:
    sharing = Sharing(rigs, wait_ms_max=60_000)
    falls_back(sharing, read(0), read(1))
    is_cut(sharing)


def test_nobody_holds_it_where_they_take_long(rigs: Any) -> None:
    sharing = Sharing(rigs, query_ms_max=1000, wait_ms_max=60_000)
    one, *_ = sharing.asks(read(0), read(1), INSERT)
    assert sharing.fed() == read(0) + read(1)
    for link in sharing.rig.worker.clients.values():
        link.settled = False
    sharing.server.send(answer(0))
    assert one.gets(READY) == answer(0)
    is_cut(sharing)


def test_what_the_answer_left_is_no_reason_to_wait_for_them(rigs: Any) -> None:
    sharing = Sharing(rigs, wait_ms_max=60_000)
    one, _ = sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0) + read(1)
    sharing.server.send(message(b"S", b"TimeZone\x00Asia/Tokyo\x00") + answer(0))
    assert one.gets(READY).endswith(answer(0))
    one.send(INSERT)
    is_cut(sharing)
    sharing.server.socket.close()
    again = sharing.rig.accept_login()
    again.gets(read(1))
    again.send(answer(1))
    assert again.gets(INSERT)


def test_who_is_answered_leaves_where_they_take_long(rigs: Any) -> None:
    sharing = Sharing(rigs, wait_ms_max=60_000)
    one, _ = sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0) + read(1)
    one.socket.close()
    canceler = sharing.rig.accept()
    canceler.gets(CANCEL)
    canceler.socket.close()
    for _ in range(4):
        sharing.rig.later(sharing.pipelines.drain_s)
    assert sharing.fed() == b"", "what runs is its own"
    sharing.server.send(error("57014") + READY)
    is_cut(sharing)


def test_names_mean_something_else_and_they_take_long(rigs: Any) -> None:
    sharing = Sharing(rigs, wait_ms_max=60_000)
    one, _ = sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0) + read(1)
    for link in sharing.rig.worker.clients.values():
        link.requests.apart = -1
    sharing.database.watch.sight.learn(Names((b"t",), (), ()))
    sharing.database.watch.verdicts.forget()
    sharing.server.send(answer(0))
    assert one.gets(READY) == answer(0)
    is_cut(sharing)


def test_who_has_the_server_connection_next_is_not_cut(rigs: Any) -> None:
    sharing = Sharing(rigs)
    one, gone, third, fourth, _ = sharing.clients
    sharing.asks(read(0), read(1))
    assert sharing.fed() == read(0) + read(1)
    gone.socket.close()
    sharing.rig.turn(3)
    sharing.server.send(answer(0))
    assert one.gets(READY) == answer(0)
    for number, client in ((2, third), (3, fourth)):
        client.send(read(number))
        sharing.rig.turn(2)
    sharing.server.send(answer(1))
    assert sharing.fed() == read(2) + read(3)
    fourth.socket.close()
    sharing.rig.later(sharing.pipelines.drain_s)
    sharing.rig.turn(3)
    sharing.server.send(answer(2))
    assert third.gets(READY) == answer(2)
