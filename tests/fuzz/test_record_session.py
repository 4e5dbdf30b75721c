import asyncio
import sys
from pathlib import Path

from tools.record_session import record

CLIENT = """
import os, socket
for text in (b"one", b"two"):
    with socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"]))) as there:
        there.sendall(text)
        assert there.recv(3) == text.upper()
raise SystemExit(7)
"""


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data.upper())
    writer.close()


def test_both_directions_of_every_connection_are_recorded(tmp_path: Path) -> None:
    async def session() -> int:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            return await record(address, tmp_path, "x", [sys.executable, "-c", CLIENT])

    assert asyncio.run(session()) == 7
    recorded = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert recorded == {
        "x-1.client": b"one",
        "x-1.server": b"ONE",
        "x-2.client": b"two",
        "x-2.server": b"TWO",
    }
