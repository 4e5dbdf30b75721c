"""What the first tokens of a statement say where its first word alone does not.

`judge` gets the head of a statement: its first tokens, unquoted words in lower case, anything else
marked by its first byte (`"` a quoted identifier, `'` a string, `0` a number; a symbol is
itself). It follows PostgreSQL's grammar of SET, RESET, PREPARE, DEALLOCATE, DISCARD, COMMIT and
ROLLBACK, in which most words are not reserved: `SET local.x = 1` sets the setting `local.x`,
`DEALLOCATE prepare` drops a statement named prepare. Plain Python, not compiled: such statements
are short, and cached.
"""

from collections.abc import Callable
from typing import NamedTuple

from pglane.wire.lexemes import BROKEN, END, NUMBER, SYMBOL, WORD, Lexer
from pglane.wire.statement_words import (
    CHARACTERISTICS,
    DISCARDS,
    READING_SETTINGS,
    RENAMED_SETTINGS,
    ROLE_SETTINGS,
    Effect,
    Kind,
)

NOTHING = b""
ASSIGNS = (b"=", b"to", b".")
OPENS, CLOSES = b"()"
ON_COMMIT_DROP = [b"on", b"commit", b"drop"]
BACK = frozenset({b"default", b"local"})
PARAMETER_MAX = 100
"""Parameters of a statement that are looked at for names of settings."""
BINDABLE = frozenset(
    {Kind.SELECT, Kind.VALUES, Kind.WITH, Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.MERGE}
)
"""What runs with the parameters of its Bind and with no others."""


class ConfigCall(NamedTuple):
    """A call of set_config whose setting is known when its statement is bound.

    Attributes:
        name: number of the parameter that names the setting.
        local: whether it is certain that it lasts for the transaction only.
        session: whether it is certain that it does not.
    """

    name: int
    local: bool
    session: bool


class Form(NamedTuple):
    """What a head says.

    Attributes:
        kind: the statement's kind.
        effects: effects beside those of the settings named.
        settings: names of the settings that change, as written, quotes removed.
        local: whether they change for the current transaction only.
    """

    kind: Kind
    effects: Effect = Effect.NONE
    settings: tuple[bytes, ...] = ()
    local: bool = False


def judge(kind: Kind, head: list[bytes]) -> Form:
    """The exact form of a statement that begins with `head` and whose first word means `kind`."""
    head = [*head, NOTHING, NOTHING, NOTHING]
    exact = _EXACT.get(kind)
    return exact(head) if exact is not None else _simple(kind, head[1])


def is_routine(head: list[bytes]) -> bool:
    """Whether CREATE creates a function or procedure, whose body may be BEGIN ATOMIC .. END."""
    rest = head[3:] if head[1:3] == [b"or", b"replace"] else head[1:]
    return rest[:1] in ([b"function"], [b"procedure"])


def drops_on_commit(statement: bytes, standard_conforming_strings: bool) -> bool:
    """Whether a CREATE TABLE makes a table that is gone when its transaction ends.

    The clause stands outside parentheses and, if a query makes the table, before it.
    """
    lexer = Lexer(statement, standard_conforming_strings)
    words: list[bytes] = []
    depth = 0
    token = lexer.next()
    while token not in (END, BROKEN):
        if token == SYMBOL:
            depth += (lexer.symbol == OPENS) - (lexer.symbol == CLOSES)
        if depth == 0:
            word = lexer.piece().lower() if token == WORD else NOTHING
            if word == b"as":
                return False
            words.append(word)
            if words[-3:] == ON_COMMIT_DROP:
                return b"table" in words[1:4]
        token = lexer.next()
    return False


def changed(written: bytes, local: bool) -> tuple[str, Effect]:
    """The setting that changes, for the session or for the transaction only, and the effects.

    "" for a setting: none that outlives the transaction and can be told by its name.
    """
    name = written.lower()
    name = RENAMED_SETTINGS.get(name, name)
    effects = Effect.SEED if name == b"seed" else Effect.NONE
    if local:
        return "", effects | Effect.LOCAL_SETTING
    if name in ROLE_SETTINGS:
        return "", effects | Effect.ROLE
    if not name.isascii():  # how it reads depends on the encoding
        return "", effects | Effect.SETTING_UNKNOWN
    return name.decode(), effects | Effect.SETTING


def may_reread(written: bytes) -> bool:
    """Whether a setting of this name decides what texts mean when they are parsed."""
    return written.lower() in READING_SETTINGS or not written.isascii()


def parameter(tokens: list[bytes]) -> int:
    """The number of the parameter that an argument is, perhaps cast to text; 0: it is none."""
    if len(tokens) == 4 and tokens[1:] == [b":", b":", b"text"]:
        tokens = tokens[:1]
    number = _number(tokens[0]) if len(tokens) == 1 else 0
    return number if number <= PARAMETER_MAX else 0


def _number(piece: bytes) -> int:
    return int(piece[1:]) if piece[:1] == b"$" and piece[1:].isdigit() else 0


def are_named_once(
    statement: bytes, standard_conforming_strings: bool, calls: list[ConfigCall]
) -> bool:
    """Whether each parameter that names a setting stands in this one place only.

    Another place could give it a type whose values mean another name, or cut it.
    """
    lexer = Lexer(statement, standard_conforming_strings)
    found: list[int] = []
    token = lexer.next()
    while token not in (END, BROKEN):
        if token == NUMBER:
            found.append(_number(lexer.piece()))
        token = lexer.next()
    return all(found.count(call.name) == 1 for call in calls)


def _simple(kind: Kind, second: bytes) -> Form:
    """Statements whose second word says the rest."""
    if kind == Kind.DISCARD:
        return Form(kind, DISCARDS.get(second, Effect.MALFORMED))
    if kind == Kind.BEGIN:  # START, of a transaction or of something else
        begins = second == b"transaction"
        return Form(kind, Effect.TRANSACTION) if begins else Form(Kind.UNKNOWN, Effect.MALFORMED)
    if kind in {Kind.CREATE, Kind.ALTER, Kind.DROP} and second == b"database":
        return Form(kind, Effect.DATABASE)
    if kind in {Kind.CREATE, Kind.ALTER} and second == b"extension":  # its script does anything
        return Form(kind, Effect.OPAQUE)
    return Form(kind)


def _prepare(head: list[bytes]) -> Form:
    """PREPARE TRANSACTION takes a string; a statement may well be named transaction."""
    if head[1] == b"transaction" and head[2][:1] == b"'":
        return Form(Kind.PREPARE_TRANSACTION, Effect.TRANSACTION)
    return Form(Kind.PREPARE, Effect.PREPARED)


def _commit(head: list[bytes]) -> Form:
    if head[1] == b"prepared":
        return Form(Kind.COMMIT_PREPARED, Effect.TRANSACTION)
    return Form(Kind.COMMIT, Effect.TRANSACTION)


def _rollback(head: list[bytes]) -> Form:
    """ROLLBACK; ABORT has one form only and does not come here."""
    after = head[2] if head[1] in (b"work", b"transaction") else head[1]
    if head[1] == b"prepared":
        return Form(Kind.COMMIT_PREPARED, Effect.TRANSACTION)
    if after == b"to":
        return Form(Kind.ROLLBACK_TO)
    return Form(Kind.ROLLBACK, Effect.TRANSACTION)


def _deallocate(head: list[bytes]) -> Form:
    name = head[2] if head[1] == b"prepare" else head[1]
    every = name == b"all"
    return Form(Kind.DEALLOCATE, Effect.DEALLOCATE_ALL if every else Effect.DEALLOCATE)


def _set(head: list[bytes]) -> Form:
    """SET; with DEFAULT, or a time zone LOCAL, it does what RESET does."""
    form = _assigned(head)
    if not form.local and not BACK.isdisjoint(head[2:]):
        return _back(form)
    return form


def _back(form: Form) -> Form:
    """The same, for a setting that goes back to its default; rights are looked at anyway."""
    if not form.settings or form.settings[0].lower() in ROLE_SETTINGS:
        return form
    return form._replace(effects=form.effects | Effect.RESET_SOME)


def _assigned(head: list[bytes]) -> Form:
    at = 1
    local = False
    if head[1] in (b"session", b"local") and head[2] not in ASSIGNS:
        local = head[1] == b"local"
        if local or head[2] not in (b"authorization", b"characteristics"):
            at = 2
    kind = Kind.SET_LOCAL if local else Kind.SET
    word, follow = head[at], head[at + 1]
    if follow in ASSIGNS:
        return _named(kind, head, at, local)
    if word == b"transaction":
        return Form(Kind.SET_TRANSACTION)
    if word == b"constraints":  # lasts for the transaction
        return Form(kind)
    if word == b"session" and follow == b"characteristics":
        names = tuple(name for mode, name in CHARACTERISTICS if mode in head)
        return Form(kind, Effect.CHARACTERISTICS, names, local)
    special = _special(word, follow)
    return Form(kind, Effect.NONE, (special,), local) if special else _named(kind, head, at, local)


def _special(word: bytes, follow: bytes) -> bytes:
    """The setting behind a spelling of its own, after SET or RESET."""
    if (word, follow) == (b"session", b"authorization"):
        return b"session_authorization"
    if (word, follow) == (b"time", b"zone"):
        return b"timezone"
    if (word, follow) == (b"xml", b"option"):
        return b"xmloption"
    if (word, follow) == (b"transaction", b"isolation"):
        return b"transaction_isolation"
    return {b"names": b"client_encoding", b"schema": b"search_path"}.get(word, NOTHING)


def _named(kind: Kind, head: list[bytes], at: int, local: bool) -> Form:
    """SET or RESET of a setting by its name, which may have parts."""
    name = _plain(head[at])
    while name and head[at + 1] == b".":
        at += 2
        name += b"." + _plain(head[at])
    if not name or name.endswith(b"."):
        return Form(kind, Effect.SETTING_UNKNOWN)
    return Form(kind, Effect.NONE, (name,), local)


def _plain(token: bytes) -> bytes:
    """The identifier that a token is, without quotes; nothing if it is none."""
    if token[:1] == b'"':
        return token[1:]
    return NOTHING if token[:1] in (b"'", b"0", b"=", b"(", b".", b",") else token


def _reset(head: list[bytes]) -> Form:
    if head[1] == b"all" and head[2] != b".":
        return Form(Kind.RESET, Effect.RESET_ALL)
    special = NOTHING if head[2] == b"." else _special(head[1], head[2])
    if special in (
        b"client_encoding",
        b"search_path",
    ):  # RESET NAMES and RESET SCHEMA do not exist
        special = NOTHING
    if special:
        return _back(Form(Kind.RESET, Effect.NONE, (special,)))
    return _back(_named(Kind.RESET, head, 1, False))


_EXACT: dict[Kind, Callable[[list[bytes]], Form]] = {
    Kind.SET: _set,
    Kind.RESET: _reset,
    Kind.PREPARE: _prepare,
    Kind.DEALLOCATE: _deallocate,
    Kind.COMMIT: _commit,
    Kind.ROLLBACK: _rollback,
}
