"""What each statement of a text does to what a session listens to.

LISTEN and UNLISTEN are transactional: a rollback, also one to a savepoint, undoes them. So of a
text that has one of them, or comes behind one in the same transaction, each statement is told
apart: by its first words, with the name it gives. Everything else is `OTHER`.

A reader for exactly these statements. Called only for texts that the scanner could read: strings
and comments end where they should, parentheses match. Names are folded and cut as PostgreSQL
does it (manual, "Identifiers and Key Words"); like PostgreSQL's own reader of UTF-8 it folds
ASCII letters only.
"""

from typing import NamedTuple

from pglane.wire.lexemes import BROKEN, END, QUOTED, SYMBOL, WORD, Lexer

OTHER = 0
LISTEN = 1
UNLISTEN = 2
UNLISTEN_ALL = 3
SAVEPOINT = 4
RELEASE = 5
ROLLBACK_TO = 6
COMMIT = 7
ROLLBACK = 8

NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer identifiers (NAMEDATALEN - 1)."""
HEAD_TOKENS = 6
"""ROLLBACK TRANSACTION TO SAVEPOINT name, and one more."""
SEMICOLON, STAR, OPENS, CLOSES = b";*()"


class Step(NamedTuple):
    """One statement: what it does, and the channel or savepoint it names."""

    kind: int
    name: bytes = b""


class Token(NamedTuple):
    """A token of a statement's head: the word in lower case, or the name in quotes."""

    word: bytes
    name: bytes


NOTHING = Token(b"", b"")
OTHER_STEP = Step(OTHER)


def channel_steps(text: bytes, *, standard_strings: bool) -> list[Step]:
    """A step for each statement of the text that PostgreSQL answers with a CommandComplete."""
    lexer = Lexer(text, standard_strings)
    steps: list[Step] = []
    head: list[Token] = []
    body = FunctionBody()
    depth = 0
    token = lexer.next()
    while token not in (END, BROKEN):
        symbol = lexer.symbol if token == SYMBOL else 0
        depth += (symbol == OPENS) - (symbol == CLOSES)
        if symbol == SEMICOLON and depth == 0 and not body.goes_on:
            if head:
                steps.append(_step(head))
            head = []
        else:
            piece = _token(lexer, token)
            body.follow(head, piece.word, symbol)
            if len(head) < HEAD_TOKENS:
                head.append(piece)
        token = lexer.next()
    if head:
        steps.append(_step(head))
    return steps


class FunctionBody:
    """Whether the reader is in BEGIN ATOMIC .. END, whose semicolons end no statement.

    It ends at the END that follows a semicolon: no statement in it can begin so.
    """

    def __init__(self) -> None:
        self.goes_on = False
        self._previous = b""

    def follow(self, head: list[Token], word: bytes, symbol: int) -> None:
        """One more token."""
        if self.goes_on:
            self.goes_on = not (word == b"end" and self._previous in (b";", b"atomic"))
        elif word == b"atomic" and self._previous == b"begin" and head[0].word == b"create":
            self.goes_on = True
        self._previous = b";" if symbol == SEMICOLON else word


def _token(lexer: Lexer, token: int) -> Token:
    piece = lexer.piece()
    if token == WORD:
        return Token(piece.lower(), _cut(piece.lower()))
    if token == QUOTED:
        return Token(b"", _cut(piece[1:-1].replace(b'""', b'"')))
    return Token(piece if piece == b"*" else b"", b"")


def _cut(name: bytes) -> bytes:
    """No longer than PostgreSQL keeps it, and no half character of UTF-8 at its end."""
    if len(name) <= NAME_BYTES_MAX:
        return name
    end = NAME_BYTES_MAX
    while end > NAME_BYTES_MAX - 4 and name[end] & 0xC0 == 0x80:
        end -= 1
    return name[:end]


def _step(head: list[Token]) -> Step:
    """The step of a statement that begins with these tokens."""
    head = [*head, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
    word, second = head[0].word, head[1]
    if word == b"listen":
        return Step(LISTEN, second.name)
    if word == b"unlisten":
        return Step(UNLISTEN_ALL) if second.word == b"*" else Step(UNLISTEN, second.name)
    if word == b"savepoint":
        return Step(SAVEPOINT, second.name)
    if word == b"release":
        return Step(RELEASE, _savepoint(head[1:]))
    if word in (b"commit", b"end"):
        return OTHER_STEP if second.word == b"prepared" else Step(COMMIT)
    if word in (b"rollback", b"abort"):
        return _rollback(head[1:])
    if word == b"discard" and second.word == b"all":
        return Step(UNLISTEN_ALL)
    return OTHER_STEP


def _rollback(rest: list[Token]) -> Step:
    if rest[0].word == b"prepared":
        return OTHER_STEP
    if rest[0].word in (b"work", b"transaction"):
        rest = rest[1:]
    if rest[0].word == b"to":
        return Step(ROLLBACK_TO, _savepoint(rest[1:]))
    return Step(ROLLBACK)


def _savepoint(rest: list[Token]) -> bytes:
    """The name, which may follow the word SAVEPOINT, and may be that word."""
    return rest[1].name if rest[0].word == b"savepoint" and rest[1].name else rest[0].name
