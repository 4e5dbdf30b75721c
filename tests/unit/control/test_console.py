"""The console's connections: greeted, bounded, told why they end."""

import asyncio
import base64
import contextlib
import io
import json
import os
import socket

import pytest

from pglane.control import console as module
from pglane.control.console import Console
from pglane.control.log import Log
from pglane.wire.client_messages import Query, Terminate
from pglane.wire.framing import MessageReader
from pglane.wire.server_messages import ErrorResponse, decode_server_message


async def ask(_what):
    return [{"list": "users", "items": number} for number in range(1000)]


ACTED = []


def act_for(user):
    async def act(action):
        ACTED.append((user, action.verb))

    return act


class Client:
    """The far end of a console connection."""

    def __init__(self, console, buffered=b""):
        self.sock, theirs = socket.socketpair()
        self.sock.setblocking(False)
        message = {
            "type": "console",
            "user": "boss",
            "buffered": base64.b64encode(buffered).decode(),
        }
        self.task = asyncio.create_task(console.serve(theirs.detach(), message))
        self.reader = MessageReader(1_000_000)

    async def send(self, data):
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def message(self):
        """The next message; None at the end."""
        while not self.reader.next():
            with contextlib.suppress(ConnectionResetError):
                data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
                if data:
                    self.reader.feed(data)
                    continue
            return None
        return decode_server_message(self.reader.kind, self.reader.body())

    async def until(self, kind):
        while (message := await self.message()) is not None:
            if chr(message.kind) == kind:
                return message
        return None

    async def error_and_end(self):
        """The code of the last error, which nothing follows."""
        error = await self.until("E")
        assert isinstance(error, ErrorResponse)
        assert error.get("S") == b"FATAL"
        assert await self.message() is None
        self.sock.close()
        await self.task
        return error.get("C").decode()


def run(scenario, **arguments):
    async def main():
        log = Log(io.StringIO(), "json")
        async with asyncio.timeout(30):
            await scenario(Console(ask, act_for, log, **arguments))

    asyncio.run(main())


def test_served_until_the_client_says_goodbye():
    async def scenario(console):
        client = Client(console)
        assert (await client.until("Z")).status == b"I"
        await client.send(Query(b"SHOW LISTS").encode() + Terminate().encode())
        assert (await client.until("C")).tag == b"SHOW"
        assert await client.until("?") is None
        await client.task
        client.sock.close()

    run(scenario)


def test_what_the_worker_had_read_is_answered():
    async def scenario(console):
        client = Client(console, Query(b"SHOW VERSION").encode() + b"Q")
        await client.until("Z")
        assert (await client.until("C")).tag == b"SHOW"
        await client.until("Z")
        await client.send(Query(b"SHOW LISTS").encode()[1:])
        assert (await client.until("C")).tag == b"SHOW"
        client.sock.close()
        await client.task

    run(scenario)


def test_there_are_not_too_many(monkeypatch):
    monkeypatch.setattr(module, "CONSOLES_MAX", 1)

    async def scenario(console):
        first = Client(console)
        await first.until("Z")
        assert await Client(console).error_and_end() == "53300"
        first.sock.close()
        await first.task
        again = Client(console)
        assert await again.until("Z")
        again.sock.close()
        await again.task

    run(scenario)


def test_an_idle_one_is_closed():
    async def scenario(console):
        assert await Client(console).error_and_end() == "57P05"

    run(scenario, idle_ms_max=1)


@pytest.mark.parametrize("garbage", [b"Q\0\1\0\1", b"Q\0\0\0\0", b"?\0\0\0\4", b"P\0\0\0\5x"])
def test_what_is_no_protocol_ends_it(garbage):
    async def scenario(console):
        client = Client(console)
        await client.until("Z")
        await client.send(garbage)
        assert await client.error_and_end() == "08P01"

    run(scenario)


def test_a_client_that_does_not_read_is_cut(monkeypatch):
    monkeypatch.setattr(module, "UNREAD_MS_MAX", 20)

    async def scenario(console):
        client = Client(console)
        await client.until("Z")
        await client.send(Query(b"SHOW LISTS;" * 2000).encode())
        await client.task
        client.sock.close()

    run(scenario)


def test_a_client_that_is_gone_ends_quietly():
    async def scenario(console):
        client = Client(console, Query(b"SHOW LISTS;" * 100).encode())
        client.sock.close()
        await client.task

    run(scenario)


def test_everybody_is_told_of_the_end():
    async def scenario(console):
        client = Client(console)
        await client.until("Z")
        await console.close()
        assert (await client.until("E")).get("C") == b"57P01"
        client.sock.close()
        with pytest.raises(asyncio.CancelledError):
            await client.task
        assert await Client(console).error_and_end() == "57P01"

    run(scenario)


def test_a_descriptor_that_is_no_socket_is_refused_and_closed():
    async def scenario(console):
        end, own = os.pipe()
        with pytest.raises(OSError, match="socket"):
            await console.serve(own, {})
        os.close(end)

    run(scenario)


def test_the_message_of_the_worker_may_lack_what_was_buffered():
    async def scenario(console):
        ours, theirs = socket.socketpair()
        task = asyncio.create_task(console.serve(theirs.detach(), json.loads("{}")))
        ours.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(ours, 1) == b"S"
        ours.close()
        await task

    run(scenario)


def test_an_action_is_carried_out_for_who_typed_it():
    async def scenario(console):
        ACTED.clear()
        client = Client(console)
        await client.until("Z")
        await client.send(Query(b"RELOAD").encode() + Terminate().encode())
        assert (await client.until("C")).tag == b"RELOAD"
        await client.task
        client.sock.close()
        assert ACTED == [("boss", "RELOAD")]

    run(scenario)
