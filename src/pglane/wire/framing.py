# cython: boundscheck=False, wraparound=False, cdivision=True
"""Where messages begin and end in a byte stream of the PostgreSQL protocol 3.x.

After the startup packet every message is one type byte, a 32-bit big-endian length that counts itself,
and a body (PostgreSQL manual, "Message Formats"). `MessageReader` walks such a stream for any split
of it into chunks. It never copies a message: it says where in `buffer` the current one lies, so that
a run of messages that nobody needs to read is forwarded as one slice.

A message that has not arrived whole is either waited for (chunks are kept in a list and joined once,
so a large message costs linear time) or, when the caller does not need to read its body, streamed:
`stream_partial` hands out what is there and the rest is handed out as it comes.

Every index below lies within `buffer`: `_measure` compares with `size` before it reads; that is why
bounds checks can be off in this file.
"""

HEADER_BYTES = 5
LENGTH_MIN = 4


class MalformedStream(Exception):
    """The stream cannot be PostgreSQL's protocol: `kind` and `length` are what was seen."""

    def __init__(self, kind: int, length: int, length_max: int) -> None:
        super().__init__(f"message {chr(kind)!r} says {length} bytes, allowed are 4 to {length_max}")
        self.kind = kind
        self.length = length
        self.length_max = length_max


class MessageReader:
    """An incremental splitter of one direction of a connection.

    Attributes:
        buffer: the bytes that hold the current message (and those not yet walked over).
        kind: type byte of the current message.
        begin: index in `buffer` of its type byte.
        end: index behind its last byte; the next message begins here.
        length_max: largest allowed length field, in bytes.
        stream_left: bytes of a streamed message that have not been handed out.
    """

    __slots__ = (
        "_chunks",
        "_chunks_bytes",
        "begin",
        "buffer",
        "end",
        "kind",
        "length_max",
        "needed",
        "size",
        "stream_left",
    )

    def __init__(self, length_max: int) -> None:
        self.buffer = b""
        self.size = 0
        self.begin = 0
        self.end = 0
        self.kind = 0
        self.length_max = length_max
        self.needed = HEADER_BYTES
        self.stream_left = 0
        self._chunks: list[bytes] = []
        self._chunks_bytes = 0

    def feed(self, data: bytes) -> None:
        """Appends what was received. What was walked over is forgotten."""
        if self.end == self.size and not self._chunks:
            self.buffer = data
            self.size = len(data)
            self.begin = 0
            self.end = 0
        else:
            self._append(data)

    def _append(self, data: bytes) -> None:
        """Keeps chunks apart until the message they belong to is whole, then joins once."""
        if not self._chunks:
            self._chunks.append(self.buffer[self.end : self.size])
            self._chunks_bytes = self.size - self.end
            self.buffer = b""
            self.size = 0
            self.begin = 0
            self.end = 0
        self._chunks.append(data)
        self._chunks_bytes += len(data)
        if self._chunks_bytes >= self.needed or self.stream_left:
            self._join()

    def _join(self) -> None:
        self.buffer = b"".join(self._chunks)
        self.size = len(self.buffer)
        self._chunks.clear()
        self._chunks_bytes = 0

    def next(self) -> bool:
        """Moves to the next whole message; False when it has not arrived whole.

        Raises:
            MalformedStream: its length field is below 4 or above `length_max`.
        """
        available = self.size - self.end
        if available < HEADER_BYTES:
            self.needed = HEADER_BYTES
            return False
        whole = self._measure(self.end)
        self.needed = whole
        if available < whole:
            return False
        self.kind = self.buffer[self.end]
        self.begin = self.end
        self.end = self.begin + whole
        return True

    def _measure(self, at: int) -> int:
        """Bytes of the message whose header lies at `at`, type byte included."""
        data = self.buffer
        length = (data[at + 1] << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
        if length < LENGTH_MIN or length > self.length_max:
            raise MalformedStream(data[at], length, self.length_max)
        return length + 1

    def step_back(self) -> None:
        """Makes the current message the next one again; it could not be handled yet."""
        self.end = self.begin

    def partial_kind(self) -> int:
        """Type byte of a message whose header is here and whose body is not; 0 if there is none."""
        if self.size - self.end < HEADER_BYTES:
            return 0
        return self.buffer[self.end]

    def partial_available(self) -> int:
        """How many bytes of the incomplete message are here, header included."""
        return self.size - self.end + self._chunks_bytes

    def stream_partial(self) -> bytes:
        """Hands out the part that is here of a message that is not read; `stream_left` is set.

        Call it only when `next` was False and `partial_kind` is not 0.
        """
        if self._chunks:
            self._chunks.insert(0, self.buffer[self.end :])
            self._chunks_bytes += self.size - self.end
            self._join()
            self.end = 0
        part = self.buffer[self.end : self.size]
        self.stream_left = self._measure(self.end) - len(part)
        self.begin = self.size
        self.end = self.size
        return part

    def take_stream(self) -> bytes:
        """Hands out the next part of the streamed message; b"" when nothing of it is here."""
        part_bytes = self.size - self.end
        if part_bytes > self.stream_left:
            part_bytes = self.stream_left
        part = self.buffer[self.end : self.end + part_bytes]
        self.end += part_bytes
        self.begin = self.end
        self.stream_left -= part_bytes
        return part

    def body(self) -> bytes:
        """The body of the current message, header left out."""
        return self.buffer[self.begin + HEADER_BYTES : self.end]

    def message(self) -> bytes:
        """The current message, header included."""
        return self.buffer[self.begin : self.end]

    def buffered_bytes(self) -> int:
        """Bytes held that were not walked over yet."""
        return self.size - self.end + self._chunks_bytes
