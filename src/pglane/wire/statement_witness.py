"""What in a text has an effect, in a few words for the person who wrote it.

Called for a text that is refused, so it costs nobody else anything. It shows words of the grammar
and names, never a literal: a refusal is read by more people than the statement. Where it cannot
point at something it says what the scanner found.
"""

from pglane.wire.lexemes import BROKEN, END, QUOTED, SYMBOL, WORD, Lexer
from pglane.wire.statement_words import FUNCTIONS, Effect

TOKENS_MAX = 20_000
"""How far a text is looked at; what stands behind is told in general words."""
NAME_BYTES_MAX = 64
NAMED_BY_NEXT = {
    Effect.PREPARED: b"prepare",
    Effect.HOLD: b"declare",
}
IN_GENERAL = {
    Effect.ADVISORY: "an advisory lock of the session",
    Effect.TEMP: "something temporary",
    Effect.HOLD: "a cursor WITH HOLD",
    Effect.LOAD: "LOAD",
    Effect.PREPARED: "PREPARE",
    Effect.SEQUENCE_READ: "currval or lastval",
    Effect.SEQUENCE_TOLD: "currval or lastval",
    Effect.SEED: "the setting seed",
    Effect.DBLINK: "dblink_connect",
    Effect.SETTING_UNKNOWN: "a setting whose name is not a literal or a plain parameter",
}
UNREADABLE = "a text that cannot be read with certainty"
TEMP_WORDS = (b"temp", b"temporary")


def witness(text: bytes, effect: Effect) -> str:
    """What in `text` has `effect`, which the scanner found in it."""
    tokens = _tokens(text)
    if not tokens:
        return IN_GENERAL.get(effect, UNREADABLE)
    found = _call(tokens, effect)
    if not found and effect == Effect.TEMP:
        found = _temporary(tokens)
    elif not found and effect in NAMED_BY_NEXT:
        found = _named(tokens, NAMED_BY_NEXT[effect])
    return found or IN_GENERAL.get(effect, UNREADABLE)


def _tokens(text: bytes) -> list[bytes]:
    """Words as they are written, quoted names, symbols; anything else is an empty piece.

    None where a backslash may decide what is a literal.
    """
    if b"\\" in text:
        return []
    lexer = Lexer(text, True)
    tokens: list[bytes] = []
    while len(tokens) < TOKENS_MAX:
        token = lexer.next()
        if token == BROKEN:
            return []
        if token == END:
            break
        tokens.append(lexer.piece() if token in (WORD, QUOTED, SYMBOL) else b"")
    return [*tokens, b"", b""]


def _call(tokens: list[bytes], effect: Effect) -> str:
    """A function of this effect that is called."""
    for at, piece in enumerate(tokens[:-2]):
        called = tokens[at + 1] == b"(" or (at and tokens[at - 1] == b".")
        if called and FUNCTIONS.get(_plain(piece)) == effect:
            return f"function {_shown(_plain(piece))}"
    return ""


def _temporary(tokens: list[bytes]) -> str:
    """TEMP and what it is, with its name; or a name in the schema pg_temp."""
    for at, piece in enumerate(tokens[:-2]):
        if piece.lower() in TEMP_WORDS:
            words = [piece, tokens[at + 1], tokens[at + 2]]
            return " ".join(filter(None, map(_shown, words)))
        if _plain(piece).startswith(b"pg_temp"):
            return "the schema pg_temp"
    return ""


def _named(tokens: list[bytes], word: bytes) -> str:
    """The word of the grammar, and the name behind it."""
    for at, piece in enumerate(tokens[:-2]):
        if piece.lower() == word:
            return f"{word.decode().upper()} {_shown(tokens[at + 1])}".rstrip()
    return ""


def _plain(piece: bytes) -> bytes:
    return piece[1:-1] if piece[:1] == b'"' else piece.lower()


def _shown(piece: bytes) -> str:
    """A word or name, safe to show, cut where it is long."""
    return piece[:NAME_BYTES_MAX].decode("ascii", "backslashreplace")
