"""Garbage, silence, floods and clients that do not read: nobody notices, memory is bounded."""

import concurrent.futures
import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import Message, errors, rows
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_server
MEGABYTE = 1 << 20
_noise = random.Random(20240229)

GARBAGE: dict[str, bytes] = {
    "noise": _noise.randbytes(300),
    "much noise": _noise.randbytes(100_000),
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tls": bytes.fromhex("160301020001fc0303") + _noise.randbytes(200),
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "length 0": p.header(b"Q", 0),
    "length 3": p.header(b"Q", 3) + b"x",
    "length -1": p.header(b"Q", -1) + b"SELECT 1\0",
    "length of 2 GB": p.header(b"Q", 0x7FFFFFFF) + b"SELECT",
    "length of 1 GB in Bind": p.header(b"B", 0x40000000) + bytes(50),
    "unknown type": p.message("y", b"hello"),
    "a server's message": p.message("Z", b"I") + p.message("T", b"\0\0"),
    "password out of turn": p.message("p", b"secret\0"),
    "startup out of turn": p.startup({"user": "app"}),
    "Query without its end": p.message("Q", b"SELECT 1"),
    "Query with a rest": p.message("Q", b"SELECT 1\0rest\0"),
    "Parse cut short": p.message("P", b"name"),
    "Parse with types missing": p.message("P", b"\0SELECT 1\0\0\x09"),
    "Bind with a negative count": p.message("B", b"\0\0\xff\xff"),
    "Bind with a huge value": p.message("B", b"\0\0\0\0\0\1\x7f\xff\xff\xff"),
    "Describe of nothing": p.message("D", b"Xname\0"),
    "long Describe": p.message("D", b"S" + b"n" * 20_000 + b"\0"),
    "long Sync": p.message("S", bytes(20_000)),
    "Execute cut short": p.message("E", b"\0\0"),
    "function call cut short": p.message("F", b"\0\0"),
    "Flush with a body": p.message("H", b"surprise"),
    "CopyData out of turn": p.copy_data(b"x" * 1000),
    "bytes that are no UTF-8": p.query(b"SELECT '\xff\xfe'"),
    "NUL in a query": p.message("Q", b"SELECT '\0'\0"),
    "only a type": b"Q",
    "half a header": b"Q\0\0",
}


def _nothing(client: ScriptedClient) -> None:
    """Connected and silent."""


def _half_a_startup(client: ScriptedClient) -> None:
    client.send(p.startup({"user": "app", "database": "app"})[:9])


def _in_the_middle_of_scram(client: ScriptedClient) -> None:
    client.send_startup()
    assert client.read_message().kind == "R"
    first = b"n,,n=,r=abcdefghijklmnop"
    client.send(p.message("p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
    assert client.read_message().kind == "R"


def _asked_for_a_password(client: ScriptedClient) -> None:
    client.send_startup()
    assert client.read_message().kind == "R"


def _idle(client: ScriptedClient) -> None:
    client.send_startup()
    client.authenticate()
    client.query("SELECT 1")


def _in_a_block(client: ScriptedClient) -> None:
    _idle(client)
    client.query("BEGIN; CREATE TEMP TABLE t (id int) ON COMMIT DROP")


def _in_a_failed_block(client: ScriptedClient) -> None:
    _idle(client)
    client.query("BEGIN")
    client.query("SELECT 1/0")


def _in_a_copy(client: ScriptedClient) -> None:
    _in_a_block(client)
    client.send(p.query("COPY t FROM STDIN"))
    assert client.read_message().kind == "G"


def _before_a_sync(client: ScriptedClient) -> None:
    _idle(client)
    client.send(p.parse("SELECT 1") + p.bind() + p.execute() + p.flush())
    client.read_until("C")


STATES: dict[str, Callable[[ScriptedClient], None]] = {
    "connected": _nothing,
    "half a startup": _half_a_startup,
    "asked for a password": _asked_for_a_password,
    "in the middle of SCRAM": _in_the_middle_of_scram,
    "idle": _idle,
    "in a block": _in_a_block,
    "in a failed block": _in_a_failed_block,
    "in a COPY": _in_a_copy,
    "before a Sync": _before_a_sync,
}


def _end_of(client: ScriptedClient) -> list[Message]:
    """Closes our half of the connection and reads what is left."""
    try:
        client.socket.shutdown(socket.SHUT_WR)
    except OSError:
        return []
    return client.read_to_end()


def _attack(target: Target, enter: Callable[[ScriptedClient], None], garbage: bytes) -> None:
    client = ScriptedClient(target)
    try:
        enter(client)
        client.send(garbage)
        _end_of(client)
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        client.close()


@pytest.mark.parametrize("state", STATES)
def test_garbage_in_every_state(crowded_target: Target, state: str) -> None:
    """After each piece a well-behaved client on the same server connection is served."""
    with ScriptedClient.login(crowded_target) as bystander:
        for what, garbage in GARBAGE.items():
            _attack(crowded_target, STATES[state], garbage)
            try:
                answer = bystander.query(f"SELECT $${what}$$, current_user")
            except (TimeoutError, ConnectionEndedError) as error:
                raise AssertionError(f"'{what}' {state} harmed somebody else") from error
            assert rows(answer) == [(what, "app")], answer
            assert bystander.status == "I"


@pytest.mark.parametrize("state", ["idle", "in a block"])
def test_a_malformed_body_is_an_error_and_not_the_end(crowded_target: Target, state: str) -> None:
    """Where PostgreSQL goes on after an ERROR, so does a door."""
    with ScriptedClient.login(crowded_target) as client:
        if state == "in a block":
            client.query("BEGIN")
        for what in ("Parse cut short", "Bind with a negative count", "Execute cut short"):
            client.send(GARBAGE[what], p.sync())
            assert errors(client.read_until())
            if state == "in a block":
                assert client.status == "E"
                client.query("ROLLBACK; BEGIN")
        assert client.value("SELECT 1") == "1"


def test_an_unknown_message_is_told_and_ends_the_connection(crowded_target: Target) -> None:
    with ScriptedClient.login(crowded_target) as client:
        client.send(GARBAGE["unknown type"])
        told = [one for one in client.read_to_end() if one.kind == "E"]
        assert told
        assert told[-1].fields["S"] == "FATAL"
        assert told[-1].sqlstate == "08P01"


STARTUPS = {
    "too long": p.untyped(p.PROTOCOL_3_0, b"user\0app\0" + b"x" * 20_000 + b"\0\0"),
    "no end": p.untyped(p.PROTOCOL_3_0, b"user\0app"),
    "no user": p.startup({"database": "app"}),
    "version 2": p.startup({"user": "app"}, 2 << 16),
    "version 4": p.startup({"user": "app"}, 4 << 16),
    "length 4": struct.pack("!I", 4),
    "length 0": struct.pack("!I", 0),
    "a cancel cut short": p.untyped(p.CANCEL_CODE, b"\0"),
    "a cancel with a huge key": p.untyped(p.CANCEL_CODE, bytes(5000)),
    "two SSL requests": p.ssl_request() * 2,
    "bytes behind an SSL request": p.ssl_request() + p.startup({"user": "app"}),
    "a name without a value": p.untyped(p.PROTOCOL_3_0, b"user\0app\0database\0"),
    "nothing but zeros": bytes(100),
}


@pytest.mark.parametrize("startup", STARTUPS)
def test_bad_startups_end_soon(target: Target, startup: str) -> None:
    client = ScriptedClient(target)
    client.send(STARTUPS[startup])
    _end_of(client)
    client.close()
    with ScriptedClient.login(target) as other:
        assert other.value("SELECT 1") == "1"


@pytest.mark.gateway
@pytest.mark.parametrize("startup", ["too long", "no user", "version 2", "version 4"])
def test_bad_startups_are_told_why(target: Target, startup: str) -> None:
    client = ScriptedClient(target)
    client.send(STARTUPS[startup])
    told = [one for one in _end_of(client) if one.kind == "E"]
    client.close()
    assert told
    assert told[0].fields["S"] == "FATAL"
    assert told[0].fields["H"]


WRONG_LOGINS = {
    "unknown user": {"user": "nobody_at_all"},
    "unknown user with a quote": {"user": "x' OR 1=1 --"},
    "empty user": {"user": ""},
}


@pytest.mark.parametrize("login", WRONG_LOGINS)
def test_unknown_users_are_asked_and_then_refused(target: Target, login: str) -> None:
    """As long and in the same words as for a wrong password: nobody learns which users exist."""
    client = ScriptedClient(target)
    client.send(p.startup({**WRONG_LOGINS[login], "database": "app"}))
    with pytest.raises(LoginRefusedError) as caught:
        client.authenticate()
    client.close()
    assert caught.value.sqlstate in {"28P01", "28000"}


@pytest.mark.gateway
def test_silent_logins_are_ended(cluster: PostgresCluster) -> None:
    gateway = Gateway(cluster, settings={"clients": {"login_ms_max": 600}})
    try:
        gateway.start()
        target = gateway.target("transaction")
        with ScriptedClient.login(target) as bystander:
            silent = [ScriptedClient(target) for _ in range(20)]
            for number, client in enumerate(silent):
                list(STATES.values())[number % 4](client)
            drip = ScriptedClient(target)
            startup = p.startup({"user": "app", "database": "app", "application_name": "drip"})
            over = threading.Event()
            dripping = threading.Thread(target=_drip, args=(drip, startup, over))
            dripping.start()
            for client in (*silent, drip):
                eventually(lambda one=client: _ended(one), 5, "a silent login is ended")
                client.close()
            over.set()
            dripping.join(timeout=5)
            assert bystander.value("SELECT 1") == "1"
    finally:
        gateway.destroy()


def _drip(client: ScriptedClient, data: bytes, over: threading.Event) -> None:
    """A byte now and then, so that something always arrives."""
    for at in range(len(data)):
        if over.wait(0.1):
            return
        try:
            client.send(data[at : at + 1])
        except OSError:
            return


def _ended(client: ScriptedClient) -> bool:
    """Whether the other side has closed."""
    if not client.has_unread():
        return False
    try:
        return not client.socket.recv(10_000)
    except ConnectionResetError:
        return True


@pytest.mark.gateway
def test_half_open_logins_are_few(cluster: PostgresCluster) -> None:
    """Too many are refused or ended at once; who is in notices nothing; then it is as before."""
    allowed, tried = 20, 80
    settings = {"clients": {"login_ms_max": 20_000, "unauthenticated_max": allowed}}
    gateway = Gateway(cluster, settings=settings)
    try:
        gateway.start()
        target = gateway.target("transaction")
        with ScriptedClient.login(target) as bystander:
            silent = [ScriptedClient(target) for _ in range(tried)]
            ended: set[int] = set()

            def enough_ended() -> bool:
                ended.update(n for n, one in enumerate(silent) if n not in ended and _ended(one))
                return len(ended) >= tried - allowed

            eventually(enough_ended, within_s=5)
            assert bystander.value("SELECT 1") == "1"
            for client in silent:
                client.close()
        eventually(lambda: _can_login(target))
    finally:
        gateway.destroy()


def _can_login(target: Target) -> bool:
    try:
        with ScriptedClient.login(target) as client:
            return client.value("SELECT 1") == "1"
    except (LoginRefusedError, ConnectionEndedError, OSError):
        return False


def test_a_flood_of_connections(narrow_target: Target) -> None:
    """Five hundred come and go, half a login each; a client at work loses nothing."""

    def flood(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(100):
            client = ScriptedClient(narrow_target)
            if chance.random() < 0.7:
                client.send_startup()
            if chance.random() < 0.5:
                client.reset()
            else:
                client.close()

    with (
        ScriptedClient.login(narrow_target, timeout_s=30) as bystander,
        concurrent.futures.ThreadPoolExecutor(5) as threads,
    ):
        work = [threads.submit(flood, seed) for seed in range(5)]
        while not all(one.done() for one in work):
            assert bystander.value("SELECT 1") == "1"
        for one in work:
            one.result()
    assert _can_login(narrow_target)


# ------------------------------------------------- memory: the gateway itself


UNREAD_BYTES_MAX = 262_144
SLACK_BYTES = 12 * MEGABYTE
"""What the worker may grow by around the stated bounds: buffers in use, allocator, statements."""


@pytest.fixture
def lean_gateway(cluster: PostgresCluster):
    """A gateway of this test's own, so that its memory is this test's doing."""
    one = Gateway(
        cluster,
        ("--budget", "8"),
        {"clients": {"unread_bytes_max": UNREAD_BYTES_MAX}},
    )
    try:
        yield one.start()
    finally:
        one.destroy()


class _Watch:
    """The largest resident memory of the worker above its memory at the beginning."""

    def __init__(self, gateway: Gateway, bystander: ScriptedClient) -> None:
        self._gateway = gateway
        self._bystander = bystander
        for _ in range(50):
            bystander.value("SELECT 1")
        self._before = gateway.worker_memory_bytes()
        self.growth_bytes = 0
        self.served = 0

    def look(self) -> None:
        """One look, and one query of somebody else, which must be served."""
        now = self._gateway.worker_memory_bytes()
        self.growth_bytes = max(self.growth_bytes, now - self._before)
        assert self._bystander.value("SELECT 1") == "1"
        self.served += 1

    def look_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()


GIGABYTE_QUERY = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"


@pytest.mark.gateway
@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
def test_a_client_that_stops_reading_a_gigabyte(
    lean_gateway: Gateway, cluster: PostgresCluster, door: str
) -> None:
    with ScriptedClient.login(lean_gateway.target("transaction")) as bystander:
        watch = _Watch(lean_gateway, bystander)
        deaf = [ScriptedClient.login(lean_gateway.target(door)) for _ in range(3)]
        deaf[0].send(p.query(GIGABYTE_QUERY))
        deaf[1].send(p.parse(GIGABYTE_QUERY) + p.bind() + p.execute() + p.sync())
        deaf[2].send(p.query(f"COPY ({GIGABYTE_QUERY}) TO STDOUT"))
        watch.look_for(2.0)
        assert watch.growth_bytes < 3 * UNREAD_BYTES_MAX + SLACK_BYTES
        assert watch.served > 20
        for client in deaf:
            client.reset()
        eventually(lambda: not cluster.activity("state = 'active' AND query LIKE '%repeat(%'"))
        watch.look_for(0.2)


@pytest.mark.gateway
def test_a_client_that_reads_slowly_gets_every_byte(lean_gateway: Gateway) -> None:
    target = lean_gateway.target("transaction")
    with (
        ScriptedClient.login(target) as bystander,
        ScriptedClient.login(target) as slow,
    ):
        watch = _Watch(lean_gateway, bystander)
        count = 150_000
        slow.send(p.query(f"SELECT g, repeat('x', 1000) FROM generate_series(1, {count}) g"))
        seen = 0
        expected = iter(range(1, count + 1))
        while True:
            got = slow.read_message()
            if got.kind == "D":
                assert got.values[0] == b"%d" % next(expected)
                seen += 1
            if seen % 30_000 == 0:
                watch.look()
            if got.kind == "Z":
                break
        assert seen == count
        assert watch.growth_bytes < UNREAD_BYTES_MAX + SLACK_BYTES


@pytest.mark.gateway
def test_a_copy_of_a_gigabyte(lean_gateway: Gateway, table: str) -> None:
    """The server throws the rows away; what counts is that we hold none of them."""
    target = lean_gateway.target("transaction")
    with (
        ScriptedClient.login(target) as bystander,
        ScriptedClient.login(target, timeout_s=120) as sender,
    ):
        watch = _Watch(lean_gateway, bystander)
        line = b"1\t" + b"x" * 1021 + b"\n"
        part = p.copy_data(line * 1024)
        sender.send(p.query(f"COPY {table} FROM STDIN WHERE id < 0"))
        assert sender.read_message().kind == "G"
        for number in range(1024):
            sender.send(part)
            if number % 64 == 0:
                watch.look()
        sender.send(p.copy_done())
        assert not errors(sender.read_until())
        assert watch.growth_bytes < 2 * len(part) + SLACK_BYTES


@pytest.mark.gateway
def test_huge_messages_that_never_end(lean_gateway: Gateway) -> None:
    """Forty clients begin a message of 60 MB, send one of it and stop."""
    target = lean_gateway.target("transaction")
    with ScriptedClient.login(target) as bystander:
        watch = _Watch(lean_gateway, bystander)
        stuck = [ScriptedClient.login(target) for _ in range(40)]
        for number, client in enumerate(stuck):
            client.send(p.header(b"QPB"[number % 3 : number % 3 + 1], 60 * MEGABYTE))
            client.socket.settimeout(0.2)
            with contextlib.suppress(TimeoutError):  # that it is not read is a bound, too
                client.send(bytes(MEGABYTE))
        watch.look_for(0.5)
        assert watch.growth_bytes < 40 * MEGABYTE + 2 * SLACK_BYTES
        for client in stuck:
            client.reset()
        watch.look_for(0.2)


@pytest.mark.gateway
def test_a_message_over_the_limit_is_told(cluster: PostgresCluster) -> None:
    gateway = Gateway(cluster, settings={"clients": {"statement_bytes_max": 100_000}})
    try:
        gateway.start()
        target = gateway.target("transaction")
        with ScriptedClient.login(target) as client:
            assert client.value(f"SELECT length('{'x' * 90_000}')") == "90000"
            client.send(p.query(f"SELECT length('{'x' * 200_000}')"))
            answer = [one for one in client.read_to_end() if one.kind == "E"]
            assert answer[0].sqlstate == "54000"
            assert "100000" in answer[0].fields["D"]
        assert _can_login(target)
    finally:
        gateway.destroy()


def test_a_large_bind_sent_slowly(crowded_target: Target) -> None:
    value = b"y" * (5 * MEGABYTE)
    unit = p.parse("SELECT length($1)") + p.bind((value,)) + p.execute() + p.sync()
    with ScriptedClient.login(crowded_target, timeout_s=60) as client:
        for at in range(0, len(unit), 50_000):
            client.send(unit[at : at + 50_000])
        assert rows(client.read_until()) == [(str(len(value)),)]
