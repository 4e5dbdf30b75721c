"""`python -m bench.micro.framing`: nanoseconds a message of `pglane.wire.framing`."""

import sys
from collections.abc import Callable
from typing import Any

from bench.micro.forms import Case, main

MODULE = "pglane.wire.framing"
LENGTH_MAX = 1 << 30
CHUNK_BYTES = 1400


def message(kind: bytes, body: bytes) -> bytes:
    """One message of the protocol."""
    return kind + (len(body) + 4).to_bytes(4) + body


# What a server answers to `SELECT abalance FROM pgbench_accounts WHERE aid = …`.
ANSWER = (
    message(b"T", bytes(33))
    + message(b"D", bytes(7))
    + message(b"C", b"SELECT 1\0")
    + message(b"Z", b"I")
)
# What pgbench sends for it in the prepared mode: Bind, Describe, Execute, Sync.
REQUEST = (
    message(b"B", bytes(24)) + message(b"D", b"P\0") + message(b"E", bytes(5)) + message(b"S", b"")
)
MANY_ROWS = message(b"D", bytes(40)) * 1000


def walk(data: bytes) -> Callable[[Any], Callable[[], object]]:
    """All of `data` in one piece."""

    def prepare(module: Any) -> Callable[[], object]:
        reader = module.MessageReader(LENGTH_MAX)

        def call() -> None:
            reader.feed(data)
            while reader.next():
                pass

        return call

    return prepare


def walk_chunks(data: bytes) -> Callable[[Any], Callable[[], object]]:
    """The same in pieces as a network delivers them: messages are split anywhere."""
    chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]

    def prepare(module: Any) -> Callable[[], object]:
        reader = module.MessageReader(LENGTH_MAX)

        def call() -> None:
            for chunk in chunks:
                reader.feed(chunk)
                while reader.next():
                    pass

        return call

    return prepare


CASES = (
    Case("a message of a short answer (4 a chunk)", 4, walk(ANSWER)),
    Case("a message of an extended request (4)", 4, walk(REQUEST)),
    Case("a row of a thousand in one chunk", 1000, walk(MANY_ROWS)),
    Case(f"a row of a thousand in {CHUNK_BYTES}-byte chunks", 1000, walk_chunks(MANY_ROWS)),
)


if __name__ == "__main__":
    sys.exit(main(MODULE, CASES))
