r"""Records what a client and a PostgreSQL server say to each other, byte by byte.

    python tools/record_session.py --server 127.0.0.1:5432 --into DIR --name psql -- psql -c '\d'

A proxy listens on a free loopback port; the command runs with PGHOST and PGPORT set to it. Each
connection leaves two files, `NAME-N.client` and `NAME-N.server`. Record from servers made for the
purpose only: what is recorded contains everything, proofs of passwords too. TLS cannot be
recorded; PGSSLMODE and PGGSSENCMODE are set to disable.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

RECEIVE_BYTES = 65536


class Recorder:
    """The proxy: one pair of files for each connection."""

    def __init__(self, server: tuple[str, int], into: Path, name: str) -> None:
        self._server = server
        self._into = into
        self._name = name
        self._connections = 0
        self._open: set[asyncio.Task[None]] = set()

    def accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Takes a connection in; `ended` waits for it."""
        self._open.add(asyncio.create_task(self._serve(from_client, to_client)))

    async def ended(self) -> None:
        """Returns when every connection is closed."""
        if self._open:
            await asyncio.wait(self._open)

    async def _serve(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        """Carries one connection until either side closes it."""
        self._connections += 1
        stem = f"{self._name}-{self._connections}"
        from_server, to_server = await asyncio.open_connection(*self._server)
        await asyncio.gather(
            _carry(from_client, to_server, self._into / f"{stem}.client"),
            _carry(from_server, to_client, self._into / f"{stem}.server"),
        )


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, file: Path) -> None:
    with file.open("wb") as record:
        try:
            while data := await source.read(RECEIVE_BYTES):
                record.write(data)
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass  # the other direction sees it too; what came until here is recorded
        finally:
            sink.close()


async def record(server: tuple[str, int], into: Path, name: str, command: list[str]) -> int:
    """Runs `command` with the proxy in front of `server`; gives its exit status."""
    recorder = Recorder(server, into, name)
    listener = await asyncio.start_server(recorder.accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    environment = os.environ | {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGSSLMODE": "disable",
        "PGGSSENCMODE": "disable",
    }
    async with listener:
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        status = await process.wait()
        await recorder.ended()
    return status


def main() -> int:
    """Command line of this tool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="host:port of a throw-away PostgreSQL")
    parser.add_argument("--into", required=True, type=Path, help="folder of the records")
    parser.add_argument("--name", required=True, help="how the files' names begin")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the client to run")
    options = parser.parse_args()
    host, _, port = options.server.rpartition(":")
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command or not host or not port.isdigit():
        parser.error("expected --server host:port and, behind --, a command to run")
    options.into.mkdir(parents=True, exist_ok=True)
    return asyncio.run(record((host, int(port)), options.into, options.name, command))


if __name__ == "__main__":
    sys.exit(main())
