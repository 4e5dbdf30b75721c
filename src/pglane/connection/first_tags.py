"""The texts of messages that a client is about to begin a transaction with, and their tags.

The first statement that waits is looked at: a Query, a Parse, or a Bind of a statement that was
prepared before, whose text is known. Where that only begins a block and has no tags, and more was
sent behind it, the next one counts: some drivers send their BEGIN and the first statement at once.
Nothing is taken from the reader.
"""

from collections.abc import Mapping

from pglane.connection.prepared_statements import ClientStatement
from pglane.wire.block_forms import opens_with
from pglane.wire.framing import HEADER_BYTES, MessageReader
from pglane.wire.tags import tags_of

QUERY = 0x51
PARSE = 0x50
BIND = 0x42
AROUND = frozenset(b"BDEHS")
"""Kinds of messages between a BEGIN and the statement behind it."""
MESSAGES_MAX = 8
"""That are looked at."""


def first_tags(
    reader: MessageReader, statements: Mapping[bytes, ClientStatement]
) -> dict[str, str]:
    """The tags; {}: none, or it is another message.

    Raises:
        MalformedStream: the client's bytes are not the protocol.
    """
    if not reader.next():
        return {}
    buffer, at, end = reader.buffer, reader.begin, reader.end
    reader.step_back()
    begun: set[bytes] = set()  # names of statements that begin a block
    for _ in range(MESSAGES_MAX):
        kind = buffer[at]
        found = _statement(buffer, at, end, statements)
        if found is not None and not (kind == BIND and found[0] in begun):
            name, text, begin, last = found
            if not opens_with(text[begin:last].rstrip(b"\x00")):
                return tags_of(text, begin, last)
            begun.add(name)
        elif kind not in AROUND or not begun:
            return {}
        at, end = end, _end(buffer, end, reader.size)
        if not end:
            return {}
    return {}


def text_at_head(reader: MessageReader, statements: Mapping[bytes, ClientStatement]) -> bytes:
    """The text of the statement in the current message; b"": it has none, or is malformed."""
    found = _statement(reader.buffer, reader.begin, reader.end, statements)
    if found is None:
        return b""
    _, text, begin, last = found
    if reader.kind == QUERY:
        last -= 1
        return text[begin:last] if text[last] == 0 else b""
    return text[begin:last]


def _statement(
    buffer: bytes, at: int, end: int, statements: Mapping[bytes, ClientStatement]
) -> tuple[bytes, bytes, int, int] | None:
    """Its name, and where its text lies; None: the message has no statement that is known."""
    kind, begin = buffer[at], at + HEADER_BYTES
    if kind == QUERY:
        return b"", buffer, begin, end
    if kind not in (PARSE, BIND):
        return None
    middle = buffer.find(0, begin, end)
    last = buffer.find(0, middle + 1, end) if middle >= 0 else -1
    if last < 0:
        return None
    if kind == PARSE:
        return buffer[begin:middle], buffer, middle + 1, last
    name = buffer[middle + 1 : last]
    statement = statements.get(name)
    if statement is None:
        return None
    return name, statement.text, 0, len(statement.text)


def _end(buffer: bytes, at: int, size: int) -> int:
    """Where the message at `at` ends; 0: it is not here whole, or malformed."""
    if size - at < HEADER_BYTES:
        return 0
    length = int.from_bytes(buffer[at + 1 : at + HEADER_BYTES], "big")
    end = at + 1 + length
    return end if length >= HEADER_BYTES - 1 and end <= size else 0
