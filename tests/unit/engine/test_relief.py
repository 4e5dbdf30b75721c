"""What happens when memory runs short: who waits, who is refused, who must go."""

import contextlib
from typing import Any

import pytest

from pglane.engine.client_connection import COVERED_BYTES
from pglane.engine.login import TIGHT_LOGINS_MAX
from pglane.engine.memory import OVER, TIGHT
from pglane.engine.relief import LARGE_BYTES, USUAL_BASE_BYTES, held_by, resident_bytes
from tests.support.engine_rig import READY, Peer, Rig, message, query
from tests.unit.engine.test_database import DONE

BOUND = 64 * 1024 * 1024
PART = 80_000


def parse(name: str, text: str) -> bytes:
    return message(b"P", f"{name}\0{text}\0".encode() + b"\0\0")


SYNC = message(b"S")
PARSED = message(b"1")


@pytest.fixture
def tight_rig(rigs: Any) -> Rig:
    """Its own share of memory does not count here."""
    rig = rigs(memory_bytes_max=BOUND)
    rig.loop.memory.add(-rig.loop.memory.used_bytes)
    return rig


def fill(rig: Rig, share: float) -> None:
    """Somebody nobody can end holds so much of the bound."""
    rig.loop.memory.add(int(BOUND * share) + 1 - rig.loop.memory.used_bytes)


def empty(rig: Rig) -> None:
    rig.loop.memory.add(-rig.loop.memory.used_bytes)


def push(client: Peer, data: bytes) -> None:
    """Sends more than the socket takes at once; stops where nobody reads."""
    view = memoryview(data)
    for _ in range(50):
        with contextlib.suppress(BlockingIOError):
            view = view[client.socket.send(view) :]
        client.rig.turn()
        if not view:
            break


def half_sent(client: Peer, count: int = PART) -> None:
    """A message of which so many bytes came."""
    push(client, b"Q" + (2 * PART).to_bytes(4, "big") + bytes(count - 5))


def another(rig: Rig) -> Peer:
    """A client that needs no server connection of its own."""
    client = rig.client()
    client.gets(READY)
    return client


def test_the_process_itself_counts_from_the_start(rigs: Any) -> None:
    assert rigs().loop.memory.used_bytes > 10_000_000


def test_where_the_system_does_not_tell_something_usual_is_taken(tmp_path: Any) -> None:
    assert resident_bytes(tmp_path / "statm") == USUAL_BASE_BYTES
    (tmp_path / "statm").write_text("100 20 3")
    assert resident_bytes(tmp_path / "statm") < USUAL_BASE_BYTES


def test_connections_count_while_they_are_there(tight_rig: Rig) -> None:
    before = tight_rig.loop.memory.used_bytes
    client, _ = tight_rig.pair()
    assert tight_rig.loop.memory.used_bytes > before
    client.socket.close()
    tight_rig.until(lambda: not tight_rig.worker.clients)
    assert tight_rig.loop.memory.used_bytes < before + 20_000


def test_what_came_and_cannot_go_on_counts_until_it_did(tight_rig: Rig) -> None:
    client, server = tight_rig.pair()
    (link,) = tight_rig.worker.clients.values()
    half_sent(client)
    tight_rig.until(lambda: link.kept_bytes == PART)
    assert held_by(link) == PART
    push(client, bytes(2 * PART + 1 - PART))
    server.gets(b"Q")
    server.send(DONE)
    client.gets(READY)
    assert link.kept_bytes == 0
    assert link.requests.reader.buffer == b""


def test_who_waits_counts_with_its_request(rigs: Any) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair()
    waiting = rig.client()
    waiting.gets(READY)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    large = query(f"SELECT 2{COVERED_BYTES * ' '}")
    waiting.send(large)
    link = list(rig.worker.clients.values())[1]
    rig.until(lambda: link.kept_bytes == len(large))
    server.send(DONE)
    server.gets(b"SELECT 2")
    server.send(DONE)
    waiting.gets(READY)
    assert link.kept_bytes == 0


def test_nobody_new_is_let_in_while_it_is_tight(tight_rig: Rig) -> None:
    client, _ = tight_rig.pair()
    fill(tight_rig, TIGHT)
    told = tight_rig.client().ends()
    assert b"C53300\0" in told
    assert b"PGL0336" in told
    assert b"memory_bytes_max" in told
    assert tight_rig.worker.relief.refused == 1
    empty(tight_rig)
    tight_rig.client().gets(READY)
    assert not client.look()


def test_few_may_log_in_while_it_is_tight(tight_rig: Rig) -> None:
    """One of them may be somebody who wants to look at the console."""
    fill(tight_rig, TIGHT)
    waiting = [tight_rig.connect() for _ in range(TIGHT_LOGINS_MAX)]
    tight_rig.turn(3)
    assert not any(one.look() for one in waiting)
    assert b"PGL0336" in tight_rig.connect().ends()


def test_a_large_request_is_not_read_on_until_it_is_not_tight(tight_rig: Rig) -> None:
    client, server = tight_rig.pair()
    (link,) = tight_rig.worker.clients.values()
    fill(tight_rig, TIGHT)
    half_sent(client)
    tight_rig.until(lambda: link.transport.paused)
    push(client, bytes(2 * PART + 1 - PART))
    tight_rig.turn(5)
    assert link.kept_bytes <= PART
    empty(tight_rig)
    tight_rig.later(1.5)
    server.gets(b"Q")
    assert not link.transport.paused


def test_who_waits_for_its_server_is_not_read_on_by_that(tight_rig: Rig) -> None:
    client, _ = tight_rig.pair()
    (link,) = tight_rig.worker.clients.values()
    client.send(query("BEGIN"))
    tight_rig.until(lambda: link.server is not None)
    tight_rig.worker.relief.hold_back(link)
    link.server.transport.full = True
    empty(tight_rig)
    tight_rig.later(1.5)
    assert link.transport.paused
    link.server.transport.full = False


def test_who_holds_most_goes_when_others_want_something(tight_rig: Rig) -> None:
    small, _ = tight_rig.pair()
    large = another(tight_rig)
    half_sent(small, PART // 2)
    half_sent(large)
    tight_rig.turn(4)
    tight_rig.loop.memory.limit(500_000)
    assert tight_rig.loop.memory.is_tight()
    tight_rig.later(1.5)
    assert not large.look()  # nobody wants anything
    tight_rig.client().ends()
    tight_rig.later(1.5)
    told = large.ends()
    assert b"C53200\0" in told
    assert b"PGL0335" in told
    assert not small.look()
    assert tight_rig.worker.relief.ended == 1


def test_when_it_is_over_the_largest_go_at_once(tight_rig: Rig) -> None:
    bystander, _ = tight_rig.pair()
    large = another(tight_rig)
    login = tight_rig.connect()
    login.send(b"\0\0\x20\0" + bytes(6_000))
    half_sent(large)
    tight_rig.turn(4)
    fill(tight_rig, OVER)
    tight_rig.turn(2)
    assert b"PGL0335" in large.ends()
    assert not login.look()
    fill(tight_rig, OVER)
    tight_rig.turn(2)
    assert b"PGL0335" in login.ends()
    assert not bystander.look()


def test_a_false_alarm_ends_nobody(tight_rig: Rig) -> None:
    client, _ = tight_rig.pair()
    half_sent(client)
    tight_rig.turn(4)
    fill(tight_rig, OVER)
    empty(tight_rig)
    tight_rig.turn(2)
    assert not client.look()


def test_what_is_in_doubt_is_told_so(tight_rig: Rig) -> None:
    client, server = tight_rig.pair()
    push(client, parse("one", "SELECT '" + "x" * PART + "'") + SYNC)
    server.gets(b"SELECT")
    server.send(PARSED + READY)
    client.gets(READY)
    client.send(query("INSERT INTO t VALUES (1)"))
    server.gets(b"INSERT")
    fill(tight_rig, OVER)
    tight_rig.turn(2)
    assert b"C08007\0" in client.ends()


def test_who_does_not_read_is_not_told(tight_rig: Rig) -> None:
    client, server = tight_rig.pair()
    (link,) = tight_rig.worker.clients.values()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    row = message(b"D", b"\0\x01\0\0\x20\0" + bytes(8192))

    def feed() -> bool:
        if not link.transport.queued_bytes:
            server.send(row)
        return link.transport.queued_bytes > 0

    tight_rig.until(feed)
    tight_rig.turn(2)
    assert tight_rig.loop.memory.used_bytes > 0
    fill(tight_rig, OVER)
    tight_rig.turn(3)
    assert link.transport.ended
    assert b"PGL0335" not in client.ends()


def test_server_connections_forget_what_is_prepared_on_them(tight_rig: Rig) -> None:
    client, server = tight_rig.pair()
    push(client, parse("one", "SELECT '" + "x" * LARGE_BYTES + "'") + SYNC)
    server.gets(SYNC)
    server.send(PARSED + READY)
    client.gets(READY)
    fill(tight_rig, OVER)
    tight_rig.turn(2)
    server.gets(b"X\0\0\0\x04")


def test_one_in_use_is_replaced_when_released(tight_rig: Rig) -> None:
    client, server = tight_rig.pair()
    client.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\0") + message(b"Z", b"T"))
    client.gets(b"BEGIN")
    push(client, parse("one", "SELECT '" + "x" * LARGE_BYTES + "'") + SYNC)
    server.gets(SYNC)
    server.send(PARSED + message(b"Z", b"T"))
    client.gets(b"Z")
    (link,) = tight_rig.worker.clients.values()
    held = link.server
    fill(tight_rig, OVER)
    tight_rig.turn(2)
    assert held.suspect


def test_the_largest_message_is_forgotten_when_it_is_gone(tight_rig: Rig) -> None:
    memory = tight_rig.loop.memory
    memory.expect(2 * LARGE_BYTES)
    tight_rig.later(1.5)
    assert memory.largest_bytes == 0
