# cython: boundscheck=False, wraparound=False
"""The tags of a statement: `/*lane='otp',route='%2Flogin'*/` at its beginning or at its end.

The form is that of sqlcommenter, which frameworks and drivers write by themselves: pairs of a key
and a quoted value, both percent-encoded, a quote inside a value behind a backslash.

A tag is a hint of somebody whom nobody knows, so reading one must never do harm: a comment that
has anything else in it is prose and has no tags, whatever is malformed counts as nothing, and
neither the comment nor the number of its tags is longer than a few lines. Only the two ends of a
text are looked at; a comment in the middle would cost a scan. What ends with `*/` ends with a
comment, for within a quoted text more would follow.

Every index below lies within its text: `_pair` is called with `at` inside of it, and each step
compares with `size` first.

Source: the specification of sqlcommenter ("SQL Commenter specification", sections on key-value
format and exclusions), from which this differs: keys and values are never looked into.
"""

from urllib.parse import unquote_to_bytes

COMMENT_BYTES_MAX = 2048
TAGS_MAX = 16

_COMMENT_MAX: int = COMMENT_BYTES_MAX  # compiled, these are C integers
_TAGS_MAX: int = TAGS_MAX
_SLASH: int = 0x2F
_STAR: int = 0x2A
_EQUALS: int = 0x3D
_QUOTE: int = 0x27
_BACKSLASH: int = 0x5C
_COMMA: int = 0x2C
_BLANKS = bytes(byte in b" \t\n\v\f\r" for byte in range(256))
_TRAILING = bytes(byte in b" \t\n\v\f\r;\x00" for byte in range(256))
_KEY = bytes((chr(byte).isalnum() and byte < 128) or byte in b"_.%-~" for byte in range(256))


def tags_of(text: bytes, at: int, size: int) -> dict[str, str]:
    """The tags of the comment that a statement begins or ends with; {}: none.

    Args:
        text: bytes in which the statement lies; they are not copied.
        at: where it begins.
        size: where it ends, within `text`.
    """
    comment = comment_at_an_end(text, at, size)
    return pairs_of(comment) if comment else {}


def may_be_tagged(text: bytes, at: int, size: int) -> bool:
    """Whether a statement begins or ends with what may be a comment; see `tags_of`."""
    while at < size and _BLANKS[text[at]]:
        at += 1
    if at + 1 < size and text[at] == _SLASH and text[at + 1] == _STAR:
        return True
    while size > at and _TRAILING[text[size - 1]]:
        size -= 1
    return size > at + 1 and text[size - 1] == _SLASH and text[size - 2] == _STAR


def may_begin_block(text: bytes, at: int, size: int) -> bool:
    """Whether a statement may be one that begins a block: it begins with BE, ST or no letter."""
    if size < at + 2:
        return True
    first, second = text[at] | 0x20, text[at + 1] | 0x20
    if first < 0x61:
        return True
    return (first == 0x62 and second == 0x65) or (first == 0x73 and second == 0x74)


def comment_at_an_end(text: bytes, at: int, size: int) -> bytes:
    """What is inside a comment at the beginning of a statement, or at its end; b"": none is."""
    while at < size and _BLANKS[text[at]]:
        at += 1
    if at + 3 < size and text[at] == _SLASH and text[at + 1] == _STAR:
        end = at + 4 + _COMMENT_MAX
        end = text.find(b"*/", at + 2, end if end < size else size)
        return text[at + 2 : end] if end >= 0 else b""
    while size > at and _TRAILING[text[size - 1]]:
        size -= 1
    if size - at > 4 and text[size - 1] == _SLASH and text[size - 2] == _STAR:
        begin = size - 4 - _COMMENT_MAX
        begin = text.rfind(b"/*", begin if begin > at else at, size - 2)
        return text[begin + 2 : size - 2] if begin >= 0 else b""
    return b""


def pairs_of(comment: bytes) -> dict[str, str]:
    """The pairs of a comment's inside; {}: it has none, or is something else."""
    tags: dict[str, str] = {}
    size = len(comment)
    at = 0
    while at < size:
        at = _pair(comment, at, tags)
        if at < 0 or len(tags) > _TAGS_MAX:
            return {}
    return tags


def _pair(comment: bytes, at: int, tags: dict[str, str]) -> int:
    """One pair and the comma behind it; the index of the next one, -1: this is none."""
    size = len(comment)
    begin = at = _beyond(comment, at, _BLANKS)
    at = _beyond(comment, at, _KEY)
    end = at
    at = _beyond(comment, at, _BLANKS)
    if end == begin or at >= size or comment[at] != _EQUALS:
        return -1
    at = _beyond(comment, at + 1, _BLANKS)
    if at >= size or comment[at] != _QUOTE:
        return -1
    at += 1
    value = at
    escaped = False
    while at < size and comment[at] != _QUOTE:
        if comment[at] == _BACKSLASH:
            escaped = True
            at += 1
        at += 1
    if at >= size or not _keep(comment[begin:end], comment[value:at], escaped, tags):
        return -1
    at = _beyond(comment, at + 1, _BLANKS)
    if at < size and comment[at] != _COMMA:
        return -1
    return at + 1


def _beyond(text: bytes, at: int, wanted: bytes) -> int:
    """The first index from `at` on whose byte is not among the wanted."""
    size = len(text)
    while at < size and wanted[text[at]]:
        at += 1
    return at


def _keep(key: bytes, value: bytes, escaped: bool, tags: dict[str, str]) -> bool:
    """Keeps a pair; False: it is no text."""
    if escaped:
        value = value.replace(b"\\'", b"'")
    try:
        tags[_decoded(key)] = _decoded(value)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(raw: bytes) -> str:
    """The text of a percent-encoded one; most have no percent sign."""
    return (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
