"""Records the SQL texts that clients send and the command tags they get, as JSON lines.

A proxy of one Unix socket in front of another: point psql, a driver or an ORM at DIRECTORY (as
host, port 5432) and its statements appear in OUTPUT, one line per text: `text`, `protocol`
("simple" or "extended"), `tags` (a simple text only) and `failed`. TLS is refused, so that texts
can be read.

    python tools/record_texts.py --server /run/postgresql/.s.PGSQL.5432 DIRECTORY OUTPUT
"""

import argparse
import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
LENGTH_MAX = 1 << 30
PARAMETERS = {b"client_encoding", b"standard_conforming_strings"}


class Session:
    """One client connection: what it asked and what came back."""

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.pending: deque[dict[str, object]] = deque()
        self.parameters: dict[str, str] = {}

    def sent(self, kind: bytes, body: bytes) -> None:
        """A message of the client."""
        if kind == b"Q":
            simple = {"protocol": "simple", "tags": [], "failed": False}
            self.pending.append({"text": body[:-1], **simple, **self.parameters})
        elif kind == b"P":
            text = body.split(b"\0")[1]
            self.write({"text": text, "protocol": "extended", **self.parameters})
        elif kind in {b"S", b"F"}:
            self.pending.append({})

    def received(self, kind: bytes, body: bytes) -> None:
        """A message of the server."""
        if kind == b"S":
            name, value = body.split(b"\0")[:2]
            if name in PARAMETERS:
                self.parameters[name.decode()] = value.decode()
        if not self.pending:
            return
        head = self.pending[0]
        if kind == b"C" and head:
            head["tags"].append(body[:-1].decode())  # type: ignore[attr-defined]
        elif kind == b"E" and head:
            head["failed"] = True
        elif kind == b"Z":
            self.pending.popleft()
            self.write(head)

    def write(self, entry: dict[str, object]) -> None:
        """One line."""
        if entry:
            text = entry["text"]
            assert isinstance(text, bytes)
            line = {**entry, "text": text.decode("utf-8", "surrogateescape")}
            self.output.write(json.dumps(line) + "\n")


async def read_message(reader: asyncio.StreamReader, *, typed: bool) -> tuple[bytes, bytes, bytes]:
    """Type, body and raw bytes of one message."""
    kind = await reader.readexactly(1) if typed else b""
    head = await reader.readexactly(4)
    length = int.from_bytes(head, "big")
    if not 4 <= length <= LENGTH_MAX:
        raise ValueError(f"message of {length} bytes")
    body = await reader.readexactly(length - 4)
    return kind, body, kind + head + body


async def startup(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> bytes:
    """The startup packet, requests for encryption refused."""
    while True:
        _, body, raw = await read_message(client, typed=False)
        if int.from_bytes(body[:4], "big") not in {SSL_REQUEST, GSS_REQUEST}:
            return raw
        answer.write(b"N")


async def relay(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    see: Callable[[bytes, bytes], None],
) -> None:
    """Passes messages on, one way, until that side ends."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            kind, body, raw = await read_message(source, typed=True)
            see(kind, body)
            target.write(raw)
            await target.drain()
    target.close()


async def serve(server: str, directory: Path, output: TextIO) -> None:
    """Listens for ever."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await startup(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            writer.close()
            return
        upstream, to_server = await asyncio.open_unix_connection(server)
        to_server.write(first)
        session = Session(output)
        await asyncio.gather(
            relay(reader, to_server, session.sent), relay(upstream, writer, session.received)
        )
        output.flush()

    path = directory / ".s.PGSQL.5432"
    path.unlink(missing_ok=True)
    async with await asyncio.start_unix_server(connected, path):
        print(f"recording; host={directory} port=5432", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="path of the server's Unix socket")
    parser.add_argument("directory", type=Path, help="where the proxy's socket is made")
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    with given.output.open("a") as output, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.server, given.directory, output))


if __name__ == "__main__":
    main()
