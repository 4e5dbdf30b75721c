# cython: boundscheck=False, wraparound=False, cdivision=True
"""Where words, strings and comments begin and end in an SQL text.

The rules are those of PostgreSQL's own lexer (manual, "Lexical Structure"), for every version
from 9.6 to 18 at once. That is possible because what one version reads differently from another,
that other version rejects: PostgreSQL parses a whole text before it runs any of it, so a text
that it rejects does nothing, and only the reading of those versions that accept the text counts.
Two examples:

- `1e'..'` is the number 1 and an escape string up to version 14, an error since 15;
- `U&'..'` with `standard_conforming_strings` off is an error in every version.

Only what decides where a string or a comment ends is looked at: an operator is a row of single
symbols, `1.5e3` is a number, a symbol, a number and a word. Nothing here knows any keyword.

The text must be in an encoding in which no byte below 128 is part of a longer character, and
hold no NUL; the caller sees to both. Work is linear in the length of the text: a blank behind a
string may be looked at twice (it decides whether the string continues on the next line),
everything else once.

Every index below is compared with `size` before it is used; that is why bounds checks can be off
in this file.
"""

END = _END = 0
WORD = _WORD = 1
QUOTED = _QUOTED = 2
QUOTED_UNICODE = _QUOTED_UNICODE = 3
STRING = _STRING = 4
NUMBER = _NUMBER = 5
SYMBOL = _SYMBOL = 6
BROKEN = _BROKEN = 7

_BLANK = 1
_LETTER = 2
_DIGIT = 3
_SIGN = 0


def _class_of(byte: int) -> int:
    """What kind of token a byte begins; bytes from 128 on are letters, as in PostgreSQL."""
    if byte in b" \t\n\r\f\v":
        return _BLANK
    if byte >= 128 or byte == 95 or bytes((byte,)).isalpha():
        return _LETTER
    if 48 <= byte <= 57:
        return _DIGIT
    return _SIGN


_CLASSES = bytes(_class_of(byte) for byte in range(256))


class Lexer:
    """Walks over the tokens of one text.

    Attributes:
        text: the SQL text, in an encoding that is safe for ASCII, without NUL bytes.
        size: its length in bytes.
        begin: index of the current token's first byte (its prefix or quote included).
        end: index behind its last byte. Writable, so that a caller can look ahead and come back.
        symbol: the byte of the current token if it is a SYMBOL.
        high: whether the current WORD has a byte from 128 on.
        plain: whether the current STRING stands for exactly the bytes between its two quotes.
        backslash_escapes: whether a backslash escapes in strings without a prefix
            (`standard_conforming_strings` is off).
    """

    __slots__ = ("backslash_escapes", "begin", "end", "high", "plain", "size", "symbol", "text")

    def __init__(self, text: bytes, standard_conforming_strings: bool) -> None:
        self.text = text
        self.size = len(text)
        self.begin = 0
        self.end = 0
        self.symbol = 0
        self.high = False
        self.plain = False
        self.backslash_escapes = not standard_conforming_strings

    def next(self) -> int:
        """Moves to the next token and returns its kind: one of the constants of this module.

        BROKEN means that a string, quoted identifier or comment does not end; then the walk is
        over.
        """
        at = self._skip_blanks(self.end)
        if at < 0:
            return self._fail()
        self.begin = at
        if at >= self.size:
            self.end = at
            return _END
        data = self.text
        byte = data[at]
        kind = _CLASSES[byte]
        if kind == _LETTER:
            return self._word(at)
        if kind == _DIGIT:
            return self._number(at + 1)
        if byte == 39:  # '
            return self._string(at + 1, self.backslash_escapes)
        if byte == 34:  # "
            return self._quoted(at + 1, _QUOTED)
        if byte == 36:  # $
            return self._dollar(at)
        self.symbol = byte
        self.end = at + 1
        return _SYMBOL

    def piece(self) -> bytes:
        """The bytes of the current token."""
        return self.text[self.begin : self.end]

    def _fail(self) -> int:
        self.end = self.size
        return _BROKEN

    def _skip_blanks(self, at: int) -> int:
        """Index of the next byte that is neither blank nor comment; -1: a comment does not end."""
        data = self.text
        size = self.size
        while at < size:
            byte = data[at]
            if _CLASSES[byte] == _BLANK:
                at += 1
            elif byte == 45 and at + 1 < size and data[at + 1] == 45:  # --
                at = self._skip_line(at + 2)
            elif byte == 47 and at + 1 < size and data[at + 1] == 42:  # /*
                at = self._skip_block(at + 2)
                if at < 0:
                    return -1
            else:
                return at
        return at

    def _skip_line(self, at: int) -> int:
        """Index of the end of the line: a line feed or a carriage return."""
        data = self.text
        size = self.size
        while at < size:
            byte = data[at]
            if byte == 10 or byte == 13:
                return at
            at += 1
        return at

    def _skip_block(self, at: int) -> int:
        """Index behind a block comment, whose inner comments count; -1 when it does not end."""
        data = self.text
        size = self.size
        depth = 1
        while at + 1 < size:
            byte = data[at]
            following = data[at + 1]
            if byte == 42 and following == 47:
                depth -= 1
                at += 2
                if depth == 0:
                    return at
            elif byte == 47 and following == 42:
                depth += 1
                at += 2
            else:
                at += 1
        return -1

    def _word(self, at: int) -> int:
        """An unquoted identifier or keyword, unless its one letter is the prefix of a quote."""
        data = self.text
        size = self.size
        mixed = data[at]
        end = at + 1
        while end < size:
            byte = data[end]
            if _CLASSES[byte] < _LETTER and byte != 36:
                break
            mixed |= byte
            end += 1
        if end == at + 1 and end < size and (data[end] == 39 or data[end] == 38):
            return self._prefixed(at)
        self.high = mixed >= 128
        self.end = end
        return _WORD

    def _prefixed(self, at: int) -> int:
        """A single letter with ' or & behind it: E'..', B'..', X'..', N'..', U&'..', U&".." ."""
        data = self.text
        byte = data[at] | 32
        following = data[at + 1]
        if following == 39:
            if byte == 101:  # e
                return self._string(at + 2, True)
            if byte == 98 or byte == 120:  # b, x
                return self._string(at + 2, False)
            if byte == 110:  # n: the keyword NCHAR and a string like any other
                return self._string(at + 2, self.backslash_escapes)
        elif byte == 117 and at + 2 < self.size:  # u
            if data[at + 2] == 39:
                return self._string(at + 3, False)
            if data[at + 2] == 34:
                return self._quoted(at + 3, _QUOTED_UNICODE)
        self.high = data[at] >= 128
        self.end = at + 1
        return _WORD

    def _number(self, end: int) -> int:
        data = self.text
        while end < self.size and _CLASSES[data[end]] == _DIGIT:
            end += 1
        self.end = end
        return _NUMBER

    def _dollar(self, at: int) -> int:
        """A parameter ($1), a dollar-quoted string ($$..$$, $tag$..$tag$) or a lone $."""
        data = self.text
        end = at + 1
        if end < self.size and _CLASSES[data[end]] == _DIGIT:
            return self._number(end)
        while end < self.size and _CLASSES[data[end]] >= _LETTER:
            end += 1
        if end >= self.size or data[end] != 36:
            self.symbol = 36
            self.end = at + 1
            return _SYMBOL
        end += 1
        found = data.find(data[at:end], end)
        if found < 0:
            return self._fail()
        self.plain = False
        self.end = found + end - at
        return _STRING

    def _string(self, at: int, escapes: bool) -> int:
        """A string whose first quote lies before `at`, with its continuations on later lines."""
        self.plain = at == self.begin + 1
        end = self._string_end(at, escapes)
        while end >= 0:
            again = self._continued(end)
            if again < 0:
                self.end = end
                return _STRING
            self.plain = False
            end = self._string_end(again, escapes)
        return self._fail()

    def _string_end(self, at: int, escapes: bool) -> int:
        """Index behind the closing quote; -1 when there is none."""
        data = self.text
        size = self.size
        while at < size:
            byte = data[at]
            if byte == 39:
                at += 1
                if at >= size or data[at] != 39:
                    return at
                self.plain = False
            elif byte == 92 and escapes:
                self.plain = False
                at += 1
            at += 1
        return -1

    def _continued(self, at: int) -> int:
        """Index behind the quote that continues a string ending at `at`; -1 if none does.

        Between the two there may be blanks and line comments, with at least one line's end; a
        continued string keeps the escapes of its first part.
        """
        data = self.text
        size = self.size
        broken_line = False
        while at < size:
            byte = data[at]
            if byte == 10 or byte == 13:
                broken_line = True
                at += 1
            elif _CLASSES[byte] == _BLANK:
                at += 1
            elif byte == 45 and at + 1 < size and data[at + 1] == 45:
                at = self._skip_line(at + 2)
            elif byte == 39 and broken_line:
                return at + 1
            else:
                return -1
        return -1

    def _quoted(self, at: int, token: int) -> int:
        """A quoted identifier; only a doubled quote stands for itself, nothing escapes."""
        data = self.text
        size = self.size
        while at < size:
            if data[at] == 34:
                at += 1
                if at >= size or data[at] != 34:
                    self.end = at
                    return token
            at += 1
        return self._fail()
