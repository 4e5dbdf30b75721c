"""The tags of the statement that a client is about to begin a transaction with.

Only the first message that waits is looked at: a Query, a Parse, or a Bind of a statement that was
prepared before, whose text is known. Nothing is taken from the reader.
"""

from collections.abc import Mapping

from pglane.connection.statements import ClientStatement
from pglane.wire.framing import HEADER_BYTES, MessageReader
from pglane.wire.tags import tags_of

QUERY = 0x51
PARSE = 0x50
BIND = 0x42


def first_tags(
    reader: MessageReader, statements: Mapping[bytes, ClientStatement]
) -> dict[str, str]:
    """The tags; {}: none, or it is another message.

    Raises:
        MalformedStream: the client's bytes are not the protocol.
    """
    if not reader.next():
        return {}
    buffer, begin, end = reader.buffer, reader.begin + HEADER_BYTES, reader.end
    kind = reader.kind
    reader.step_back()
    if kind == QUERY:
        return tags_of(buffer, begin, end)
    middle = buffer.find(0, begin, end)
    last = buffer.find(0, middle + 1, end) if middle >= 0 else -1
    if last < 0:
        return {}
    if kind == PARSE:
        return tags_of(buffer, middle + 1, last)
    statement = statements.get(buffer[middle + 1 : last]) if kind == BIND else None
    return {} if statement is None else tags_of(statement.text, 0, len(statement.text))
