"""The supervisor's own connection to PostgreSQL, against a scripted one."""

import asyncio

import pytest

from pglane.config.settings import Settings
from pglane.control.server_session import ServerSession, SessionFailedError
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
        return ServerSession.open(addresses, "anna", b"secret", "app", PLAIN)


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
        run(ServerSession.open([], "anna", b"", "app", PLAIN))


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
