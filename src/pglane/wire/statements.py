"""What kind each statement of an SQL text is, and what the text may leave in the session.

A scanner, not a parser. It splits a text into statements exactly as PostgreSQL does, names each by its
first words and collects every word that can have an effect on the session, wherever it stands. It may
say more than is true (EXPLAIN of a call counts like the call), never less: a text that it cannot read
with certainty gets `Kind.UNKNOWN` and `Effect.UNKNOWN`, to be treated as everything at once.

Why words suffice: PostgreSQL has no way to call a function or name a relation whose name does not stand
in the text, except through code that is not in the text at all (functions, triggers, views, column
defaults, prepared statements, SQL given as a value). The last of these are flagged where a built-in
runs them (EXECUTES, OPAQUE); what user code does, no text shows.

A semicolon ends a statement except within parentheses (CREATE RULE .. DO (a; b)) and in a function body
BEGIN ATOMIC .. END. Such a body ends at the END that follows its last semicolon: no statement in it can
begin with END, and every other END (of CASE, or a label) comes after something else.

The text arrives in the client's encoding. Where a quote or backslash byte may be the second byte of a
character, a text with any byte above 127 is not read at all.

Rejected: a grammar-complete parser (libpg_query costs tens of microseconds a statement, follows one
server version and does not know `standard_conforming_strings`), and regular expressions (nested
comments, dollar quotes).
"""

from typing import NamedTuple

from pglane.wire.lexemes import (
    BROKEN,
    END,
    NUMBER,
    QUOTED,
    QUOTED_UNICODE,
    STRING,
    SYMBOL,
    WORD,
    Lexer,
)
from pglane.wire.statement_forms import is_routine, judge
from pglane.wire.statement_words import (
    ENCODINGS_SAFE,
    ENCODINGS_SAFE_REPORTED,
    FIRST_WORDS,
    FUNCTIONS,
    RENAMED_SETTINGS,
    ROLE_SETTINGS,
    Effect,
    Kind,
)

__all__ = ["CacheStatistics", "Effect", "Kind", "Verdict", "VerdictCache", "scan"]

LOOK_AHEAD_TOKENS_MAX = 64
"""How far the arguments of one set_config call are looked at; longer ones count as unknown."""

CACHE_BYTES_MAX = 8 * 1024 * 1024
"""Default bound of a cache's texts taken together, in bytes."""

# Words that mean something by the company they keep. Negative: in `_WORDS` a positive number is the
# effect of calling a function of that name.
_AS = -1
_ATOMIC = -2
_BEGIN = -3
_END_WORD = -4
_EXECUTE = -5
_HOLD = -6
_TEMP_WORD = -7
_UPDATE = -8
_WITH = -9
# names, which mean the same when quoted
_PG_SETTINGS = -10
_PG_TEMP = -11
_SET_CONFIG = -12
# words that TEMP follows when something temporary is created
_CREATE = -20
_REPLACE = -21
_LOCAL = -22
_GLOBAL = -23
_INTO = -24
# states of `previous` that are no words
_NOTHING = 0
_FIRST = -30
_BODY_SEMICOLON = -31

_WORDS: dict[bytes, int] = {
    b"as": _AS,
    b"atomic": _ATOMIC,
    b"begin": _BEGIN,
    b"create": _CREATE,
    b"end": _END_WORD,
    b"execute": _EXECUTE,
    b"global": _GLOBAL,
    b"hold": _HOLD,
    b"into": _INTO,
    b"local": _LOCAL,
    b"pg_settings": _PG_SETTINGS,
    b"pg_temp": _PG_TEMP,
    b"replace": _REPLACE,
    b"set_config": _SET_CONFIG,
    b"temp": _TEMP_WORD,
    b"temporary": _TEMP_WORD,
    b"update": _UPDATE,
    b"with": _WITH,
    **{name: int(effect) for name, effect in FUNCTIONS.items()},
}
_HEADS: dict[bytes, tuple[int, int, int]] = {
    word: (int(kind), int(effect), wanted) for word, (kind, effect, wanted) in FIRST_WORDS.items()
}
_KINDS: dict[int, Kind] = {int(kind): kind for kind in Kind}
_QUERIES = frozenset({b"select", b"values", b"table", b"with"})
_BODY_WORDS = _QUERIES | {b"insert", b"update", b"delete", b"merge", b"return", b"end"}

_NAME_BYTES_MAX = 48
_TEMP_SCHEMA = b"pg_temp"


def _maybe_table() -> bytes:
    """A filter before the look-up in `_WORDS`: 1 where length and first letter are those of a word."""
    table = bytearray(_NAME_BYTES_MAX << 5)
    for word in _WORDS:
        table[len(word) << 5 | word[0] & 31] = 1
    for digits in range(len(_TEMP_SCHEMA), len(_TEMP_SCHEMA) + 12):  # pg_temp_123
        table[digits << 5 | _TEMP_SCHEMA[0] & 31] = 1
    return bytes(table)


_MAYBE = _maybe_table()

_NONE = int(Effect.NONE)
_SELECT = int(Kind.SELECT)
_KIND_INSERT = int(Kind.INSERT)
_KIND_MERGE = int(Kind.MERGE)
_KIND_CREATE = int(Kind.CREATE)
_KIND_EXPLAIN = int(Kind.EXPLAIN)
_KIND_UNKNOWN = int(Kind.UNKNOWN)
_EFFECT_TEMP = int(Effect.TEMP)
_EFFECT_UNKNOWN = int(Effect.UNKNOWN)
_EFFECT_EXECUTES = int(Effect.EXECUTES)


class Verdict:
    """What was found in a text. Never changed once made; verdicts without effects are shared.

    Attributes:
        kinds: the kind of each statement; empty statements are left out, unless all are.
        effects: the `Effect` flags of all statements together.
        settings: names of the settings that SET, RESET and set_config change beyond the transaction,
            in lower case, each once, in order.
        count: how many kinds there are.
        single: the kind if there is exactly one, else -1.
    """

    __slots__ = ("count", "effects", "kinds", "settings", "single")

    def __init__(self, kinds: tuple[int, ...], effects: int, settings: tuple[str, ...]) -> None:
        self.kinds = kinds
        self.effects = effects
        self.settings = settings
        self.count = len(kinds)
        self.single = kinds[0] if len(kinds) == 1 else -1

    def __repr__(self) -> str:
        names = ", ".join(Kind(kind).name for kind in self.kinds)
        return f"Verdict({names}: {Effect(self.effects)!r}, {self.settings})"


_UNREADABLE = Verdict((Kind.UNKNOWN,), _EFFECT_UNKNOWN, ())
_EMPTY = Verdict((Kind.EMPTY,), _NONE, ())
_HARMLESS: dict[int, Verdict] = {
    int(kind): Verdict((kind,), _NONE, ()) for kind in Kind if kind != Kind.UNKNOWN
}


class _Reader:
    """The state of one scan."""

    __slots__ = (
        "assigns_path",
        "atomic",
        "begin",
        "depth",
        "effects",
        "head",
        "held",
        "kind",
        "kinds",
        "lexer",
        "names_settings",
        "odd_string",
        "own",
        "pending",
        "previous",
        "settings",
        "started",
        "updates",
        "wanted",
    )

    def __init__(self, lexer: Lexer) -> None:
        self.lexer = lexer
        self.kinds: list[int] = []
        self.settings: list[str] = []
        self.effects = 0
        self._reset()

    def _reset(self) -> None:
        """Everything that belongs to one statement."""
        self.started = False
        self.kind = 0
        self.own = 0
        self.pending = 0
        self.wanted = 0
        self.previous = _NOTHING
        self.depth = 0
        self.atomic = False
        self.held = False
        self.updates = False
        self.names_settings = False
        self.assigns_path = False
        self.odd_string = False
        self.head: list[bytes] | None = None

    def read(self) -> bool:
        """Walks over the whole text; False when it cannot be read with certainty."""
        lexer = self.lexer
        while True:
            token = lexer.next()
            if token == SYMBOL:
                if not self._symbol(lexer.symbol):
                    return False
                continue
            self.pending = 0
            if token == END:
                break
            if token == BROKEN:
                return False
            if token == WORD:
                self._word()
            else:
                self._operand(token)
        if self.depth != 0:
            return False
        self._finish()
        return True

    def _symbol(self, symbol: int) -> bool:
        """A symbol; False when parentheses do not match or hold a semicolon they cannot hold."""
        if symbol == 40:  # (
            self.depth += 1
            self.own |= self.pending
        elif symbol == 41:  # )
            self.depth -= 1
            if self.depth < 0:
                return False
        elif symbol == 59:  # ;
            return self._semicolon()
        self.pending = 0
        self.previous = _NOTHING
        if self.wanted > 0:
            self._collect(bytes((symbol,)))
        elif not self.started and symbol != 40:
            self._unknown()
        return True

    def _semicolon(self) -> bool:
        self.pending = 0
        if self.depth > 0:  # the actions of a rule
            self.previous = _NOTHING
            return self.kind == _KIND_CREATE
        if self.atomic:
            self.previous = _BODY_SEMICOLON
        else:
            self._finish()
        return True

    def _operand(self, token: int) -> None:
        """A string, number or quoted identifier."""
        lexer = self.lexer
        if not self.started:
            self._unknown()
        self.previous = _NOTHING
        if token == QUOTED:
            self._quoted()
        elif token == QUOTED_UNICODE:  # its escapes may spell any name
            self.own |= _EFFECT_UNKNOWN
        elif token == STRING and not lexer.plain:
            self.odd_string = True
        if self.wanted > 0:
            self._collect_operand(token)

    def _collect(self, token: bytes) -> None:
        """Adds to the head, from which `judge` reads the exact form."""
        if self.head is None:
            self.head = []
        self.head.append(token)
        self.wanted -= 1

    def _collect_operand(self, token: int) -> None:
        piece = self.lexer.piece()
        if token == QUOTED:
            self._collect(b'"' + piece[1:-1].replace(b'""', b'"'))
        else:
            self._collect({NUMBER: b"0", QUOTED_UNICODE: b'"'}.get(token, b"'"))

    def _unknown(self) -> None:
        """The statement begins with something that begins no statement."""
        self.started = True
        self.begin = self.lexer.begin
        self.kind = _KIND_UNKNOWN
        self.own |= _EFFECT_UNKNOWN

    def _open(self) -> None:
        """The first word of a statement."""
        word = self.lexer.piece().lower()
        rule = _HEADS.get(word)
        if rule is None or (self.depth > 0 and word not in _QUERIES):
            self._unknown()
            return
        self.started = True
        self.begin = self.lexer.begin
        self.kind, self.own, self.wanted = rule
        self.updates = word == b"update"
        self.previous = _CREATE if self.kind == _KIND_CREATE else _FIRST
        if self.wanted > 0:
            self._collect(word)

    def _word(self) -> None:
        if not self.started:
            self._open()
            return
        lexer = self.lexer
        if self.atomic and self.previous == _BODY_SEMICOLON:
            self._open_in_body()
        if self.wanted > 0:
            self._collect(lexer.piece().lower())
        length = lexer.end - lexer.begin
        if not lexer.high and (
            length >= _NAME_BYTES_MAX or not _MAYBE[length << 5 | lexer.text[lexer.begin] & 31]
        ):
            self.previous = _NOTHING
            return
        word = lexer.piece().lower()
        if lexer.high:
            word = _fold(word)
        self._name(word, True)

    def _open_in_body(self) -> None:
        """The first word of a statement in BEGIN ATOMIC: PostgreSQL takes few there, so do we."""
        if self.lexer.piece().lower() not in _BODY_WORDS:
            self.own |= _EFFECT_UNKNOWN

    def _quoted(self) -> None:
        lexer = self.lexer
        length = lexer.end - lexer.begin - 2
        if length < _NAME_BYTES_MAX:
            self._name(lexer.text[lexer.begin + 1 : lexer.end - 1], False)

    def _name(self, word: bytes, keyword: bool) -> None:
        """An identifier in lower case that may be one of `_WORDS`; `keyword`: it was not quoted."""
        found = _WORDS.get(word)
        if found is None:
            if word.startswith(_TEMP_SCHEMA):
                self.own |= _EFFECT_TEMP
            self.previous = _NOTHING
            return
        code = found
        if code > 0:
            self.pending = code
            self.previous = _NOTHING
        elif code == _SET_CONFIG:
            self._config_call()
        elif code == _PG_TEMP:
            self.own |= _EFFECT_TEMP
        elif code == _PG_SETTINGS:
            self.names_settings = True
        elif keyword:
            self._keyword(code)

    def _keyword(self, code: int) -> None:
        """A word that means something by the word before it."""
        previous = self.previous
        self.previous = code
        if code == _TEMP_WORD:
            if _INTO <= previous <= _CREATE:
                self.own |= _EFFECT_TEMP
        elif code == _INTO:
            if previous == _FIRST and self.kind in (_KIND_INSERT, _KIND_MERGE):
                self.previous = _NOTHING  # a table named temp
        elif code == _UPDATE:
            self.updates = True
        elif code == _HOLD:
            self.held = self.held or previous == _WITH
        elif code == _EXECUTE:
            if self.kind == _KIND_EXPLAIN or (self.kind == _KIND_CREATE and previous == _AS):
                self.own |= _EFFECT_EXECUTES
        elif self.depth == 0 and self.kind == _KIND_CREATE:
            self._body(code, previous)

    def _body(self, code: int, previous: int) -> None:
        """BEGIN ATOMIC and its END."""
        if code == _ATOMIC and previous == _BEGIN and not self.atomic:
            if is_routine(self.head or []):
                self.atomic = True
                self.previous = _BODY_SEMICOLON
        elif code == _END_WORD and previous == _BODY_SEMICOLON and self.atomic:
            self.atomic = False
            self.previous = _NOTHING

    def _config_call(self) -> None:
        """set_config(name, value, is_local): only a literal name and a literal true are believed."""
        arguments = self._arguments()
        if arguments is None:
            return
        name = _literal(arguments[0])
        local = len(arguments) == 3 and arguments[2] == [b"true"]
        if name is not None:
            self._setting(name, local)
        else:
            self.assigns_path = True
            self.own |= int(Effect.LOCAL_SETTING if local else Effect.SETTING_UNKNOWN)

    def _arguments(self) -> list[list[bytes]] | None:
        """The tokens of a call's arguments, without moving on; None when no call follows.

        A call that is longer than LOOK_AHEAD_TOKENS_MAX gives one argument that is no literal.
        """
        lexer = self.lexer
        back = lexer.end
        arguments: list[list[bytes]] = [[]]
        depth = 0
        for _ in range(LOOK_AHEAD_TOKENS_MAX):
            token = lexer.next()
            symbol = lexer.symbol if token == SYMBOL else 0
            depth += (symbol == 40) - (symbol == 41)
            if depth == 0:
                break
            if depth == 1 and symbol == 44:
                arguments.append([])
            elif arguments[0] or symbol != 40:
                plain = token != STRING or lexer.plain
                arguments[-1].append(lexer.piece().lower() if plain else b"")
        lexer.end = back
        if depth != 0:
            return [[]]
        return arguments if arguments != [[]] else None

    def _setting(self, written: bytes, local: bool) -> None:
        """A setting that changes, for the session or for the transaction only."""
        name = written.lower()
        name = RENAMED_SETTINGS.get(name, name)
        if name == b"seed":
            self.own |= int(Effect.SEED)
        elif name == b"search_path":
            self.assigns_path = True
        if local:
            self.own |= int(Effect.LOCAL_SETTING)
        elif name in ROLE_SETTINGS:
            self.own |= int(Effect.ROLE)
        elif not name.isascii():  # how it reads depends on the encoding
            self.own |= int(Effect.SETTING_UNKNOWN)
        else:
            self.own |= int(Effect.SETTING)
            if name.decode() not in self.settings:
                self.settings.append(name.decode())

    def _finish(self) -> None:
        """The end of a statement."""
        if not self.started:
            return
        if self.head is not None:
            self._judge(self.head)
        if self.names_settings and (self.updates or self.kind == _KIND_MERGE):
            self.own |= int(Effect.SETTING_UNKNOWN)
        if self.assigns_path and self._names_temp_schema():
            self.own |= _EFFECT_TEMP
        self.kinds.append(self.kind)
        self.effects |= self.own
        self._reset()

    def _judge(self, head: list[bytes]) -> None:
        """The exact form of a statement that its first word does not tell."""
        if self.kind == int(Kind.DECLARE):
            self.own |= int(Effect.HOLD if self.held else Effect.CURSOR)
            return
        form = judge(Kind(self.kind), head)
        self.kind = int(form.kind)
        self.own |= int(form.effects)
        for name in form.settings:
            self._setting(name, form.local)

    def _names_temp_schema(self) -> bool:
        """Whether search_path may get pg_temp: what is created after that is temporary."""
        lexer = self.lexer
        return self.odd_string or _TEMP_SCHEMA in lexer.text[self.begin : lexer.begin].lower()

    def verdict(self) -> Verdict:
        """What was found, after `read`."""
        kinds = self.kinds
        if not kinds:
            return _EMPTY
        if len(kinds) == 1 and self.effects == 0:
            return _HARMLESS[kinds[0]]
        members = tuple([_KINDS[kind] for kind in kinds])
        return Verdict(members, self.effects, tuple(self.settings))


def _fold(word: bytes) -> bytes:
    """A word with letters beyond ASCII as a Turkish server of one byte per character may read it.

    There the capital dotted I becomes a plain i in unquoted names: each run of such letters is taken
    for an i.
    """
    folded = bytearray()
    for byte in word:
        if byte < 128:
            folded.append(byte)
        elif folded[-1:] != b"\xff":
            folded.append(255)
    return bytes(folded).replace(b"\xff", b"i")


def _literal(tokens: list[bytes]) -> bytes | None:
    """The value of an argument that is one plain string, perhaps cast to text; None otherwise."""
    if len(tokens) == 4 and tokens[1:] == [b":", b":", b"text"]:
        tokens = tokens[:1]
    if len(tokens) == 1 and tokens[0][:1] == b"'":
        return tokens[0][1:-1]
    return None


def scan(text: bytes, client_encoding: str, standard_conforming_strings: bool) -> Verdict:
    """Judges one SQL text.

    Args:
        text: as it stands in a Query or Parse message, without the closing NUL.
        client_encoding: the encoding in force, as the server names it or any alias.
        standard_conforming_strings: the setting in force; when False, backslashes escape in all
            strings.
    """
    if not text.isascii() and not _is_safe(client_encoding):
        return _UNREADABLE
    if 0 in text:
        return _UNREADABLE
    reader = _Reader(Lexer(text, standard_conforming_strings))
    if not reader.read():
        return _UNREADABLE
    return reader.verdict()


def _canonical(encoding: str) -> str:
    """An encoding's name as PostgreSQL compares them: only letters and digits, in lower case."""
    return "".join(c for c in encoding.lower() if c.isascii() and c.isalnum())


def _is_safe(encoding: str) -> bool:
    return encoding in ENCODINGS_SAFE_REPORTED or _canonical(encoding) in ENCODINGS_SAFE


class CacheStatistics(NamedTuple):
    """What a cache holds and did; sizes are bytes of texts."""

    entries: int
    text_bytes: int
    hits: int
    misses: int
    turns: int


class VerdictCache:
    """Verdicts by text, bounded in entries and in bytes.

    Two generations: a text that is used moves to the young one; when that is full it becomes the old
    one and the old one is dropped whole. A hit costs one look-up, nothing is ordered or counted per
    entry, and what was used since the last turn always survives the next.

    Attributes:
        hits, misses: since the cache was made.
    """

    __slots__ = (
        "_bytes_half",
        "_entries_half",
        "_old",
        "_old_bytes",
        "_text_bytes_max",
        "_turns",
        "_young",
        "_young_bytes",
        "hits",
        "misses",
    )

    def __init__(
        self, entries_max: int, text_bytes_max: int, bytes_max: int = CACHE_BYTES_MAX
    ) -> None:
        self._entries_half = entries_max // 2
        self._bytes_half = bytes_max // 2
        self._text_bytes_max = min(text_bytes_max, self._bytes_half)
        self._young: dict[object, Verdict] = {}
        self._old: dict[object, Verdict] = {}
        self._young_bytes = 0
        self._old_bytes = 0
        self._turns = 0
        self.hits = 0
        self.misses = 0

    def lookup(
        self, text: bytes, client_encoding: str, standard_conforming_strings: bool
    ) -> Verdict:
        """The verdict of `scan`, remembered for texts of up to `text_bytes_max` bytes."""
        if client_encoding != "UTF8" and not _is_safe(client_encoding) and not text.isascii():
            self.misses += 1
            return _UNREADABLE
        # In every safe encoding the same bytes get the same verdict.
        key: object = text if standard_conforming_strings else (text, None)
        verdict = self._young.get(key)
        if verdict is not None:
            self.hits += 1
            return verdict
        return self._miss(key, text, standard_conforming_strings)

    def _miss(self, key: object, text: bytes, standard_conforming_strings: bool) -> Verdict:
        verdict = self._old.get(key)
        if verdict is not None:
            self.hits += 1
        else:
            self.misses += 1
            verdict = scan(text, "UTF8", standard_conforming_strings)
        if len(text) <= self._text_bytes_max and self._entries_half > 0:
            self._keep(key, verdict, len(text))
        return verdict

    def _keep(self, key: object, verdict: Verdict, text_bytes: int) -> None:
        full = len(self._young) >= self._entries_half
        if full or self._young_bytes + text_bytes > self._bytes_half:
            self._old = self._young
            self._old_bytes = self._young_bytes
            self._young = {}
            self._young_bytes = 0
            self._turns += 1
        self._young[key] = verdict
        self._young_bytes += text_bytes

    def statistics(self) -> CacheStatistics:
        """A snapshot. A text used lately may be counted in both generations."""
        return CacheStatistics(
            entries=len(self._young) + len(self._old),
            text_bytes=self._young_bytes + self._old_bytes,
            hits=self.hits,
            misses=self.misses,
            turns=self._turns,
        )
