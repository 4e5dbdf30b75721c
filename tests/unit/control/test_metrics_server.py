"""One page over HTTP."""

import asyncio
import socket

import pytest

from pglane.control import metrics_server as module
from pglane.control.metrics_server import MetricsServer
from pglane.errors.processes import ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError

PAGE = "pglane_clients 1\n"


async def page():
    return PAGE


async def no_page():
    raise RefusedError(ConsoleSnapshotUnanswered(reason="gone"))


def answers(*requests, made=page):
    """What comes for each request, on a connection of its own."""

    async def main():
        server = MetricsServer(made)
        await server.open("127.0.0.1", free_port())
        port = server._server.sockets[0].getsockname()[1]
        try:
            return [await ask(port, request) for request in requests]
        finally:
            await server.close()

    return asyncio.run(main())


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


async def ask(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(30):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


def test_the_page_is_given_and_the_connection_ends():
    (got,) = answers(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    assert b"Content-Length: %d" % len(PAGE) in head
    assert body.decode() == PAGE


def test_a_head_has_no_body():
    (got,) = answers(b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert got.endswith(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(PAGE) in got


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /metrics/x HTTP/1.1", b"404"),
        (b"GET /metrics?a=b HTTP/1.1", b"200"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"nonsense", b"404"),
        (b"", b"404"),
    ],
)
def test_there_is_nothing_else(request_line, status):
    (got,) = answers(request_line + b"\r\n\r\n")
    assert got.split()[1] == status


def test_a_worker_that_does_not_answer_is_told():
    (got,) = answers(b"GET /metrics HTTP/1.1\r\n\r\n", made=no_page)
    assert got.split()[1] == b"503"


def test_a_request_without_an_end_is_refused():
    (got,) = answers(b"GET /metrics HTTP/1.1\r\n" + b"x" * (module.REQUEST_BYTES_MAX + 10))
    assert got.split()[1:2] in ([b"431"], [])


def test_who_sends_nothing_is_cut(monkeypatch):
    monkeypatch.setattr(module, "REQUEST_MS_MAX", 1)
    assert answers(b"GET /met") == [b""]


def test_who_leaves_before_the_end_is_forgotten():
    async def main():
        server = MetricsServer(page)
        await server.open("127.0.0.1", free_port())
        port = server._server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET")
        writer.close()
        await writer.wait_closed()
        assert await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        while server._connections:
            await asyncio.wait([asyncio.create_task(page())])
        await server.close()

    asyncio.run(main())


def test_too_many_at_once_are_cut(monkeypatch):
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 0)
    assert answers(b"GET /metrics HTTP/1.1\r\n\r\n") == [b""]


def test_without_a_port_nothing_listens():
    async def main():
        server = MetricsServer(page)
        await server.open("127.0.0.1", 0)
        assert server._server is None
        await server.close()

    asyncio.run(main())


def test_without_an_address_it_is_loopback():
    async def main():
        server = MetricsServer(page)
        await server.open("", free_port())
        assert [sock.getsockname()[0] for sock in server._server.sockets] == ["127.0.0.1"]
        await server.close()

    asyncio.run(main())


def test_a_port_that_is_taken_is_refused():
    async def main(port):
        await MetricsServer(page).open("127.0.0.1", port)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RefusedError, match="PGL0836"):
            asyncio.run(main(taken.getsockname()[1]))
