# ruff: noqa: F821 -- the C names are declared in the .pxd
# cython: boundscheck=False, wraparound=False, cdivision=True
"""Where messages begin and end in a byte stream of the PostgreSQL protocol 3.x.

After the startup packet every message is one type byte, a 32-bit big-endian length that counts
itself, and a body (PostgreSQL manual, "Message Formats"). `MessageReader` walks such a stream for
any split of it into chunks. It never copies a message: it says where in `buffer` the current one
lies, so that a run of messages that nobody needs to read is forwarded as one slice. `buffer` is
the same object from the first `next` after a `feed` to the next `feed` or streaming method.

A message that has not arrived whole is either waited for (chunks are kept in a list and joined
once, by the `next` that finds them enough, so a large message costs linear time whatever the
chunks) or, when the caller does not need to read its body, streamed: `stream_partial` hands out
what is there and `take_stream` the rest as it comes. Until then `next` finds nothing.

Every index below lies within `buffer`: `size` is its length and `_measure` is called only where
five bytes lie behind its argument; that is why bounds checks can be off in this file.
"""

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

# Compiled, these two are C integers that Python code cannot see: the hot path looks up no global.
_HEADER: int = 5
_CHUNK_MIN: int = 4096
_NO_CHUNKS: list[bytes] = []  # of all that have none; nothing is put into it

HEADER_BYTES = _HEADER
LENGTH_MIN = 4
CHUNK_BYTES_MIN = _CHUNK_MIN
"""Neighbouring chunks smaller than this together are kept as one: a peer that sends single bytes
must not cost forty times what it sends."""


class MalformedStream(Exception):
    """The stream cannot be PostgreSQL's protocol: `kind` and `length` are what was seen."""

    def __init__(self, kind: int, length: int, length_max: int) -> None:
        super().__init__(
            f"message {chr(kind)!r} says {length} bytes, allowed are 4 to {length_max}"
        )
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
        self._set_up(length_max)

    def _set_up(self, length_max: int) -> None:
        self.drop()
        self.kind = 0
        self.length_max = length_max
        self.needed = _HEADER
        self.stream_left = 0
        self._chunks = _NO_CHUNKS
        self._chunks_bytes = 0

    def would_take(self, length: int) -> bool:
        """Whether nothing waits here, and a message of this length would be allowed."""
        if self.size != self.end or self._chunks_bytes or self.stream_left:
            return False
        return length <= self.length_max

    def is_untouched(self) -> bool:
        """Whether all that is here lies in `buffer`, and nothing of it was walked over."""
        return self.end == 0 and self.size > 0 and not self._chunks_bytes and not self.stream_left

    def drop(self) -> None:
        """What lies in `buffer` was handed on; it is let go."""
        self.buffer = b""
        self.size = 0
        self.begin = 0
        self.end = 0

    def feed(self, data: bytes) -> None:
        """Appends what was received. What was walked over is forgotten."""
        if self.end == self.size and not self._chunks_bytes:
            self.buffer = data
            self.size = len(data)
            self.begin = 0
            self.end = 0
        else:
            self._append(data)

    def _append(self, data: bytes) -> None:
        """Keeps chunks apart; `next` and the streaming methods join them when it is worth it."""
        chunks = self._chunks
        if not self._chunks_bytes:
            chunks = self._chunks = [self.buffer[self.end : self.size]]
            self._chunks_bytes = self.size - self.end
            self.drop()
        last_at = len(chunks) - 1
        last = chunks[last_at]
        if len(last) + len(data) < _CHUNK_MIN:
            chunks[last_at] = last + data
        else:
            chunks.append(data)
        self._chunks_bytes += len(data)

    def _join(self) -> None:
        self.buffer = b"".join(self._chunks)
        self.size = len(self.buffer)
        self.begin = 0
        self.end = 0
        self._chunks = _NO_CHUNKS
        self._chunks_bytes = 0

    def next(self) -> bool:
        """Moves to the next whole message; False when it has not arrived whole.

        Raises:
            MalformedStream: its length field is below 4 or above `length_max`.
        """
        if self._chunks_bytes:
            if self._chunks_bytes < self.needed:
                return False
            self._join()
        available = self.size - self.end
        if available < _HEADER or self.stream_left:
            self.needed = _HEADER
            return False
        whole = self._measure(self.end)
        if available < whole:
            self.needed = whole
            return False
        self.needed = _HEADER
        self.kind = self.buffer[self.end]
        self.begin = self.end
        self.end = self.begin + whole
        return True

    def _measure(self, at: int) -> int:
        """Bytes of the message whose header lies at `at`, type byte included."""
        data = self.buffer
        high = data[at + 1]  # in a variable of its own: shifted as C's int it would turn negative
        length = (high << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
        if length < 4 or length > self.length_max:
            raise MalformedStream(data[at], length, self.length_max)
        return length + 1

    def step_back(self) -> None:
        """Makes the current message the next one again; it could not be handled yet."""
        self.end = self.begin
        self.needed = _HEADER

    def partial_kind(self) -> int:
        """Type byte of a message whose header is here and whose body is not; 0 if there is none.

        Meaningful after `next` was False. `needed` then says how long the message is.
        """
        if self.needed == _HEADER or self.stream_left:
            return 0
        if self._chunks_bytes:
            return self._chunks[0][0]
        return self.buffer[self.end]

    def stream_partial(self) -> bytes:
        """Hands out the part that is here of a message that is not read; `stream_left` is set.

        That is all of it, and nothing behind it, if the rest was fed since `next` was False.

        Raises:
            ValueError: `partial_kind` is 0 (misuse of our API).
        """
        if self.needed == _HEADER or self.stream_left:
            raise ValueError("stream_partial needs a message whose header is here and body is not")
        if self._chunks_bytes:
            self._join()
        part_bytes = min(self.needed, self.size - self.end)
        part = self.buffer[self.end : self.end + part_bytes]
        self.stream_left = self.needed - part_bytes
        self.needed = _HEADER
        self.end += part_bytes
        self.begin = self.end
        return part

    def take_stream(self) -> bytes:
        """Hands out the next part of the streamed message; b"" when nothing of it is here."""
        if self._chunks_bytes:
            self._join()
        part_bytes = self.size - self.end
        part_bytes = min(part_bytes, self.stream_left)
        part = self.buffer[self.end : self.end + part_bytes]
        self.end += part_bytes
        self.begin = self.end
        self.stream_left -= part_bytes
        return part

    def skip(self, data: bytes) -> None:
        """Walks over what came, and keeps it only up to a header that is cut; see `is_amid`.

        Raises:
            MalformedStream: a length field is below 4 or above `length_max`.
        """
        self.feed(data)
        if self._chunks_bytes:
            self._join()
        skipped = min(self.size - self.end, self.stream_left)
        self.end += skipped
        self.stream_left -= skipped
        while self.next():
            pass
        if self.needed > _HEADER:  # a header is here: of any kind, zero too
            self.stream_left = self.needed - (self.size - self.end)
            self.needed = _HEADER
            self.end = self.size
        if self.end == self.size:
            self.drop()

    def is_amid(self) -> bool:
        """Whether what came ends within a message."""
        return self.stream_left > 0 or self.size > self.end or self._chunks_bytes > 0

    def take_all(self) -> bytes:
        """Hands out everything that was not walked over; the stream is not split any more."""
        if self._chunks_bytes:
            self._join()
        rest = self.buffer[self.end : self.size]
        self.needed = _HEADER
        self.stream_left = 0
        self.begin = self.size
        self.end = self.size
        return rest

    def zero_at(self, at: int) -> int:
        """Index of the first zero byte from `at` on within the current message; -1 if none."""
        if cython.compiled:
            return c_zero_at(self.buffer, at, self.end)  # type: ignore[name-defined,no-any-return]
        return self.buffer.find(b"\x00", at, self.end)

    def part(self, begin: int, end: int) -> bytes:
        """These bytes of `buffer`, which must end within it; b"" where they end before they begin.

        Compiled, a sixth of what a slice of an object costs.
        """
        data = self.buffer
        return data[begin:end] if begin < end else b""

    def body(self) -> bytes:
        """The body of the current message, header left out."""
        return self.buffer[self.begin + _HEADER : self.end]

    def message(self) -> bytes:
        """The current message, header included."""
        return self.buffer[self.begin : self.end]

    def kept_bytes(self) -> int:
        """Bytes of memory held; what was walked over is let go where nothing stands behind it."""
        if self.end == self.size and not self._chunks_bytes:
            self.drop()
        return self.size + self._chunks_bytes

    def buffered_bytes(self) -> int:
        """Bytes held that were not walked over yet."""
        return self.size - self.end + self._chunks_bytes


def message_reader(length_max: int) -> MessageReader:
    """One, made without what it costs to call a class."""
    made = MessageReader.__new__(MessageReader)
    made._set_up(length_max)
    return made
