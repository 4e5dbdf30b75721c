"""The light client: what it is answered, what it is refused, what ends."""

import asyncio
import socket

import pytest

from pglane.lab.connection import LOST, NOTICES_MAX, AskedInVain, Connection, connect
from pglane.wire.scram import ScramKeys
from tests.support.lab_server import DONE, HANG_UP, READY, error, lab_server, notice, row


def test_it_asks_and_is_answered() -> None:
    async def play() -> None:
        async with lab_server(lambda text: row(text, None) if "1" in text else DONE) as server:
            one = await connect(server.place("app", application="browse"))
            assert await one.ask("SELECT 1") == [("SELECT 1", None)]
            assert await one.ask("COMMIT") == []
            told = server.startups[0].parameters
            assert told == {"user": b"app", "database": b"shop", "application_name": b"browse"}
            one.close()
            with pytest.raises(AskedInVain, match=LOST):
                await one.ask("SELECT 1")

    asyncio.run(play())


def test_an_error_keeps_the_connection() -> None:
    async def play() -> None:
        refusal = error("53300", "no room", "come back") + READY
        async with lab_server(lambda text: refusal if text == "x" else DONE) as server:
            one = await connect(server.place())
            with pytest.raises(AskedInVain) as caught:
                await one.ask("x")
            assert (caught.value.sqlstate, caught.value.told) == ("53300", "no room\ncome back")
            assert await one.ask("y") == []
            assert not one.lost
            one.close()

    asyncio.run(play())


def test_notices_are_kept_and_it_has_a_port() -> None:
    async def play() -> None:
        told = notice("still waiting", "behind whom")
        async with lab_server(lambda _text: told * (NOTICES_MAX + 1) + DONE) as server:
            one = await connect(server.place())
            before = asyncio.get_running_loop().time()
            assert await one.ask("x") == []
            assert len(one.notices) == NOTICES_MAX
            moment, text = one.notices[0]
            assert before <= moment <= asyncio.get_running_loop().time()
            assert text == "still waiting\nbehind whom"
            assert one.port not in {0, server.port}
            one.close()

    asyncio.run(play())


def test_an_end_without_a_word_is_told() -> None:
    async def play() -> None:
        async with lab_server(lambda _text: HANG_UP) as server:
            one = await connect(server.place())
            with pytest.raises(AskedInVain, match=LOST):
                await one.ask("x")
            assert one.lost

    asyncio.run(play())


@pytest.mark.parametrize(
    ("welcome", "sqlstate"),
    [(error("28000", "not you"), "28000"), (b"R\0\0\0\x08\0\0\0\x07", "")],
    ids=["refused", "kerberos"],
)
def test_who_is_not_let_in_is_told_why(welcome: bytes, sqlstate: str) -> None:
    async def play() -> None:
        async with lab_server(welcome=welcome) as server:
            with pytest.raises(AskedInVain) as caught:
                await connect(server.place())
            assert caught.value.sqlstate == sqlstate

    asyncio.run(play())


def test_nobody_listens() -> None:
    async def play() -> None:
        async with lab_server() as server:
            place = server.place()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                closed = type(place)(probe.getsockname()[1], "app", "shop", "secret")
                with pytest.raises(OSError):
                    await connect(closed)

    asyncio.run(play())


def test_keys_of_a_login_are_used_again() -> None:
    keys = ScramKeys(4096, b"salt", b"client key", b"server key")

    async def play() -> None:
        async with lab_server() as server:
            place = server.place()
            first = await connect(place)
            Connection.keys[(place.user, place.port, place.password)] = keys
            second = Connection(place)
            assert second._login is not None
            assert second._login._credentials.keys is keys
            first.close()
            second.close()

    try:
        asyncio.run(play())
    finally:
        Connection.keys.clear()
