"""HTTP for the metrics: GET /metrics and nothing else.

As little of HTTP as that takes, since nothing else will be asked here: one request a connection,
bounded in bytes, time and number (whoever is too many is cut). Whoever asks for anything else is
told which page there is.
"""

import asyncio
from collections.abc import Awaitable, Callable

from pglane.config.settings import LOOPBACK
from pglane.errors.console import MetricsAddressNotUsable
from pglane.errors.refused import RefusedError

REQUEST_BYTES_MAX = 8_192
REQUEST_MS_MAX = 5_000
CONNECTIONS_MAX = 16
PATH = b"/metrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class MetricsServer:
    """Listens on one address.

    Args:
        page: makes the page of this moment.
    """

    def __init__(self, page: Callable[[], Awaitable[str]]) -> None:
        self._page = page
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def open(self, address: str, port: int) -> None:
        """Listens from now on; a port of 0 means that nobody wants it.

        Raises:
            RefusedError: it cannot listen there.
        """
        if not port:
            return
        try:
            self._server = await asyncio.start_server(
                self._serve, address or LOOPBACK[0], port, limit=REQUEST_BYTES_MAX
            )
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            refusal = MetricsAddressNotUsable(address=address, port=port, reason=reason)
            raise RefusedError(refusal) from error

    async def close(self) -> None:
        """Listens no more; a page that is being told is not waited for."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._connections += 1
        try:
            async with asyncio.timeout(REQUEST_MS_MAX / 1000):
                writer.write(await self._answer(reader))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response("431 Request Header Fields Too Large", "too long\n")
        method, _, rest = head.partition(b" ")
        path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
        if path != PATH:
            return _response("404 Not Found", "there is /metrics\n")
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "GET it\n", "Allow: GET, HEAD\r\n")
        try:
            page = await self._page()
        except RefusedError as error:
            return _response("503 Service Unavailable", f"{error}\n")
        return _response("200 OK", page, body=method == b"GET")


def _response(status: str, text: str, more: str = "", *, body: bool = True) -> bytes:
    content = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {TEXT}\r\nContent-Length: {len(content)}\r\n"
        f"{more}Connection: close\r\n\r\n"
    )
    return head.encode() + (content if body else b"")
