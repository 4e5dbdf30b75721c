"""The supervisor's own connection to PostgreSQL, against a scripted one."""

import asyncio
import socket
from pathlib import Path

import pytest

from pglane.config.settings import Settings
from pglane.connection.server_login import Credentials
from pglane.control.server_session import (
    NotReachedError,
    QuestionRefusedError,
    ServerSession,
    SessionFailedError,
)
from pglane.engine.dialer import Address
from pglane.engine.server_tls import ServerTls
from tests.support.engine_rig import LOGIN_ANSWER, READY, error, message

ROW = message(b"D", b"\x00\x02\x00\x00\x00\x01x\xff\xff\xff\xff")
PLAIN = ServerTls(Settings(server_tls_sslmode="disable"))
DONE = message(b"C", b"SELECT 1\x00") + READY


class Server:
    """Answers a login and each query with what it is given, in order."""

    def __init__(self, path, answers, login=LOGIN_ANSWER):
        self.path = path
        self.answers = answers
        self.login = login
        self.asked = []
        self.served = asyncio.Event()

    async def __aenter__(self):
        name = str(self.path / ".s.PGSQL.5432")
        self.listener = await asyncio.start_unix_server(self.serve, name)
        return self

    async def __aexit__(self, *_):
        await asyncio.wait_for(self.served.wait(), 10)
        self.listener.close()
        await self.listener.wait_closed()

    async def serve(self, reader, writer):
        try:
            await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.served.set()

    async def answer(self, reader, writer):
        length = int.from_bytes(await reader.readexactly(4), "big")
        self.asked.append(await reader.readexactly(length - 4))
        writer.write(self.login)
        for answer in self.answers:
            head = await reader.readexactly(5)
            self.asked.append(await reader.readexactly(int.from_bytes(head[1:], "big") - 4))
            for part in answer:
                writer.write(part)
                await writer.drain()

    def open(self):
        addresses = [
            Address("unix", str(self.path / "nowhere"), 5432),
            Address("unix", str(self.path), 5432),
        ]
        return ServerSession.open(addresses, "anna", Credentials(b"secret"), "app", PLAIN)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 10))


def test_it_logs_in_and_reads_rows(tmp_path):
    async def story():
        async with Server(tmp_path, [(ROW + ROW, DONE), (DONE,)]) as server:
            session = await server.open()
            first = await session.rows("SELECT 1")
            second = await session.rows("SELECT 2")
            session.close()
            return server.asked, first, second

    asked, first, second = run(story())
    assert b"user\0anna\0" in asked[0]
    assert b"database\0app\0" in asked[0]
    assert asked[1:] == [b"SELECT 1\0", b"SELECT 2\0"]
    assert first == [[b"x", None], [b"x", None]]
    assert second == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((error("42P01") + READY,), "so said the server"),
        ((), "closed"),
        ((b"D\xff\xff\xff\xff",), "."),
        ((message(b"D", b"\x00"),), "."),
    ],
)
def test_what_is_no_answer_says_why(tmp_path, answer, told):
    async def story():
        async with Server(tmp_path, [answer]) as server:
            session = await server.open()
            with pytest.raises(SessionFailedError, match=told):
                await session.rows("SELECT 1")
            session.close()

    run(story())


@pytest.mark.parametrize(
    "login", [error("28P01", "FATAL"), b"R\x00\x00\x00\x08\x00\x00\x00\x07", b""]
)
def test_a_login_that_fails_says_why(tmp_path, login):
    async def story():
        async with Server(tmp_path, [], login) as server:
            with pytest.raises(SessionFailedError):
                await server.open()

    run(story())


def test_no_address_is_said_so():
    with pytest.raises(SessionFailedError, match="no address"):
        run(ServerSession.open([], "anna", Credentials(), "app", PLAIN))


def test_too_many_rows_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("pglane.control.server_session.ROWS_MAX", 1)

    async def story():
        async with Server(tmp_path, [(ROW + ROW, DONE)]) as server:
            session = await server.open()
            with pytest.raises(SessionFailedError, match="more than 1 rows"):
                await session.rows("SELECT 1")
            session.close()

    run(story())


ENDED = message(b"C", b"SELECT 1\x00")


class Asked(Server):
    """Gives its one answer when Sync has come."""

    async def answer(self, reader, writer):
        length = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(length - 4)
        writer.write(self.login)
        kind = b""
        while kind != b"S":
            head = await reader.readexactly(5)
            kind = head[:1]
            body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            self.asked.append(kind + body)
        for part in self.answers:
            writer.write(part)
            await writer.drain()


def asked(tmp_path, *answer):
    async def story():
        async with Asked(tmp_path, answer) as server:
            session = await server.open()
            try:
                return await session.ask("SELECT $1", [(b"a",), (b"b",)]), server.asked
            finally:
                session.close()

    return run(story())


def test_questions_with_parameters_are_one_round_trip(tmp_path):
    found, messages = asked(tmp_path, ROW + ENDED, ENDED + READY)
    assert found == [[[b"x", None]], []]
    assert [each[:1] for each in messages] == [b"P", b"B", b"E", b"B", b"E", b"S"]
    assert b"SELECT $1\0" in messages[0]
    assert b"\0\0\0\x01b" in messages[3]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (error("42501") + READY, "so said the server"),
        (ENDED + READY, "1 results"),
        (b"D\xff\xff\xff\xff", "."),
    ],
)
def test_answers_to_them_that_are_none_say_why(tmp_path, answer, told):
    with pytest.raises(SessionFailedError, match=told):
        asked(tmp_path, answer)


class Questions(Server):
    """Gives an answer each time when a Query or a Sync has come."""

    async def answer(self, reader, writer):
        length = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(length - 4)
        writer.write(self.login)
        for answer in self.answers:
            kind = b""
            while kind not in (b"Q", b"S"):
                head = await reader.readexactly(5)
                kind = head[:1]
                body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
                self.asked.append((kind + body).decode())
            writer.write(answer)
            await writer.drain()


PLANNED = ["CSpglane\0", "Ppglane\0SELECT 1\0\0\0"]
BOUND = ["B\0pglane\0\0\0\0\0\0\0", "E\0\0\0\0\0", "S"]


def asked_again(tmp_path, answers, texts):
    async def story():
        async with Questions(tmp_path, answers) as server:
            session = await server.open()
            try:
                return [await session.rows_again(text) for text in texts], server.asked
            finally:
                session.close()

    return run(story())


def test_what_is_asked_again_and_again_is_planned_once(tmp_path):
    found, messages = asked_again(tmp_path, [ROW + DONE, DONE, ROW + DONE], ["SELECT 1"] * 3)
    assert found == [[[b"x", None]], [], [[b"x", None]]]
    assert messages == [*PLANNED, *BOUND, *BOUND, *BOUND]


def test_another_text_takes_its_place(tmp_path):
    _, messages = asked_again(tmp_path, [DONE] * 3, ["SELECT 1", "SELECT 2", "SELECT 1"])
    other = ["CSpglane\0", "Ppglane\0SELECT 2\0\0\0"]
    assert messages == [*PLANNED, *BOUND, *other, *BOUND, *PLANNED, *BOUND]


def test_where_it_is_not_kept_it_is_asked_as_it_is(tmp_path):
    refused = error("26000") + READY
    answers = [DONE, refused, ROW + DONE, ROW + DONE]
    found, messages = asked_again(tmp_path, answers, ["SELECT 1"] * 3)
    assert found == [[], [[b"x", None]], [[b"x", None]]]
    assert messages == [*PLANNED, *BOUND, *BOUND, "QSELECT 1\0", *PLANNED, *BOUND]


def test_what_is_refused_either_way_says_why(tmp_path):
    refused = error("42501") + READY
    with pytest.raises(QuestionRefusedError, match="so said the server"):
        asked_again(tmp_path, [refused, refused], ["SELECT 1"])


PRIMARY, STANDBY_ONE = b"off", b"on"


def told(standby, read_only=b"off"):
    return message(b"S", b"in_hot_standby\0" + standby + b"\0") + message(
        b"S", b"default_transaction_read_only\0" + read_only + b"\0"
    )


def logs_in(standby):
    return LOGIN_ANSWER.removesuffix(READY) + told(standby) + READY


def open_wanted(servers, wanted):
    addresses = [Address("unix", str(server.path), 5432) for server in servers]
    return ServerSession.open(addresses, "anna", Credentials(b"secret"), "app", PLAIN, wanted)


@pytest.mark.parametrize(
    ("wanted", "found"), [("primary", 1), ("standby", 0), ("any", 0), ("prefer-standby", 0)]
)
def test_it_goes_on_to_the_server_that_is_wanted(tmp_path, wanted, found):
    paths = [str(tmp_path / name) for name in ("a", "b")]

    async def story():
        for path in paths:
            Path(path).mkdir()
        one = Server(Path(paths[0]), [], logs_in(STANDBY_ONE))
        two = Server(Path(paths[1]), [], logs_in(PRIMARY))
        async with one, two:
            session = await open_wanted((one, two), wanted)
            session.close()
            one.served.set()
            two.served.set()
            return session

    session = run(story())
    assert session.address.address == paths[found]
    assert session.role == ("a standby", "a primary")[found]
    assert session.passed_over == ({paths[0]: True} if found else {})


def test_none_that_is_wanted_is_told(tmp_path):
    async def story():
        async with Server(tmp_path, [], logs_in(PRIMARY)) as one:
            await open_wanted((one,), "standby")

    with pytest.raises(SessionFailedError, match="a standby is wanted") as failure:
        run(story())
    assert failure.value.passed_over == {str(tmp_path): False}


def test_one_that_does_not_answer_does_not_cost_the_others_their_time(tmp_path, monkeypatch):
    monkeypatch.setattr("pglane.control.server_session.OPEN_S_MAX", 0.05)

    async def story():
        paths = [tmp_path / name for name in ("a", "b")]
        for path in paths:
            path.mkdir()
        async with Server(paths[0], [(b"",)], b"R") as one:
            with pytest.raises(SessionFailedError, match=r"no answer within 0\.05 s"):
                await open_wanted((one,), "any")
            async with Server(paths[1], [], logs_in(PRIMARY)) as two:
                session = await open_wanted((one, two), "any")
                session.close()
                return session

    assert run(story()).address.address.endswith("b")


def test_a_changed_role_is_noticed_with_the_next_answer(tmp_path):
    async def story():
        answer = (told(PRIMARY, b"on") + DONE,)
        async with Server(tmp_path, [answer], logs_in(STANDBY_ONE)) as one:
            session = await open_wanted((one,), "any")
            assert session.role == "a standby"
            await session.rows("SELECT 1")
            session.close()
            return session.role

    assert run(story()) == "a primary, read-only"


def test_an_older_server_is_asked_what_it_is(tmp_path):
    row = message(b"D", b"\0\x02\0\0\0\x02on\0\0\0\x03off")

    async def story():
        async with Server(tmp_path, [(row + DONE,)]) as one:
            session = await open_wanted((one,), "standby")
            session.close()
            return session.role

    assert run(story()) == "a standby"


def test_a_server_that_does_not_answer_is_told_apart_from_one_that_refuses(tmp_path):
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        absent = [Address("inet", "127.0.0.1", port)]
        with pytest.raises(NotReachedError) as told:
            run(ServerSession.open(absent, "anna", Credentials(b"secret"), "app", PLAIN))
    assert str(told.value) == f"127.0.0.1:{port}: Connection refused"

    async def story():
        login = error("28P01", "password authentication failed")
        async with Server(tmp_path, [], login) as server:
            await server.open()

    with pytest.raises(SessionFailedError) as refused:
        run(story())
    assert not isinstance(refused.value, NotReachedError)
    assert refused.value.sqlstate == "28P01"


def test_a_way_that_is_not_offered_does_not_hide_what_was_found(tmp_path):
    """As `auto` and `allow` do it: without TLS first, and with it then."""
    allow = ServerTls(Settings(server_tls_sslmode="allow"))

    class Both(Server):
        async def answer(self, reader, writer):
            length = int.from_bytes(await reader.readexactly(4), "big")
            packet = await reader.readexactly(length - 4)
            writer.write(b"N" if length == 8 else logs_in(PRIMARY))
            await writer.drain()
            if length != 8:
                self.asked.append(packet)
                await reader.read()

    async def story():
        async with Both(tmp_path, []) as server:
            port = 5432
            addresses = [Address("inet", "127.0.0.1", port)]

            async def connect(_address):
                return await asyncio.open_unix_connection(str(tmp_path / f".s.PGSQL.{port}"))

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("pglane.control.server_session.connect", connect)
                await ServerSession.open(addresses, "anna", Credentials(), "app", allow, "standby")
            assert server.asked

    with pytest.raises(NotReachedError, match="a standby is wanted"):
        run(story())


def test_what_one_server_answered_is_told_rather_than_that_another_is_not_there(tmp_path):
    async def story():
        async with Server(tmp_path, [], error("28P01", "FATAL")) as server:
            addresses = [
                Address("unix", str(server.path), 5432),
                Address("unix", str(tmp_path / "nowhere"), 5432),
            ]
            await ServerSession.open(addresses, "anna", Credentials(b"secret"), "app", PLAIN)

    with pytest.raises(SessionFailedError, match="so said the server") as told:
        run(story())
    assert told.value.sqlstate == "28P01"
