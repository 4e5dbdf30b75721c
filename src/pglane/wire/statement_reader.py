"""Walks over the tokens of a text and collects kinds and effects, statement by statement.

The state of one scan, and the table of words that mean something by the company they keep. What is
believed and why is written in `pglane.wire.statements`, which is what others import.
"""

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
from pglane.wire.statement_forms import (
    BINDABLE,
    ConfigCall,
    are_named_once,
    changed,
    drops_on_commit,
    is_routine,
    judge,
    may_reread,
    parameter,
)
from pglane.wire.statement_words import (
    DRAWING,
    FIRST_WORDS,
    FUNCTIONS,
    Effect,
    Kind,
)

LOOK_AHEAD_TOKENS_MAX = 64
"""How far the arguments of one set_config call are looked at; longer ones count as unknown."""

# What the words of `_WORDS` mean: a positive number is the effect of calling such a function,
# these are names which mean the same when quoted,
_PG_SETTINGS = -1
_SET_CONFIG = -2
# and these are words that mean something by the company they keep,
_KEYWORDS = -10
_AS = -10
_ATOMIC = -11
_BEGIN = -12
_END_WORD = -13
_EXECUTE = -14
_HOLD = -15
_TEMP_WORD = -16
_UPDATE = -17
_WITH = -18
_INSERTS = -19  # INSERT and MERGE
_SELECTS = -25
# among them those that TEMP follows when something temporary is created.
_CREATE = -20
_REPLACE = -21
_LOCAL = -22
_GLOBAL = -23
_INTO = -24
# States of `previous` that are no words.
_NOTHING = 0
_FIRST = -30
_BODY_SEMICOLON = -31
_TEMP_NAME = -32  # pg_temp, which means the schema if a dot follows
_OPENED = -33
_CLOSED = -34
_DOT = -35  # what follows may be a call without parentheses: (5).f is f(5)

_WORDS: dict[bytes, int] = {
    b"as": _AS,
    b"atomic": _ATOMIC,
    b"begin": _BEGIN,
    b"create": _CREATE,
    b"end": _END_WORD,
    b"execute": _EXECUTE,
    b"global": _GLOBAL,
    b"hold": _HOLD,
    b"insert": _INSERTS,
    b"into": _INTO,
    b"local": _LOCAL,
    b"merge": _INSERTS,
    b"pg_settings": _PG_SETTINGS,
    b"replace": _REPLACE,
    b"select": _SELECTS,
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
_QUERIES = frozenset({b"select", b"values", b"table", b"with"})
_BODY_WORDS = _QUERIES | {b"insert", b"update", b"delete", b"merge", b"return", b"end"}

_NAME_BYTES_MAX = 48
_HIGH_NAME_BYTES_MAX = 200  # the same, with letters of up to four bytes
_TEMP_SCHEMA = b"pg_temp"


def _maybe_table() -> bytes:
    """A filter before `_WORDS`: 1 where length and first letter are those of a word."""
    table = bytearray(_NAME_BYTES_MAX << 5)
    for word in _WORDS:
        table[len(word) << 5 | word[0] & 31] = 1
    for digits in range(len(_TEMP_SCHEMA), len(_TEMP_SCHEMA) + 12):  # pg_temp_123
        table[digits << 5 | _TEMP_SCHEMA[0] & 31] = 1
    return bytes(table)


_MAYBE = _maybe_table()

_KIND_INSERT = int(Kind.INSERT)
_KIND_MERGE = int(Kind.MERGE)
_KIND_CREATE = int(Kind.CREATE)
_KIND_IMPORT = int(Kind.IMPORT)
_CREATE_NOTHING = frozenset(
    map(int, (Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.DROP, Kind.TRUNCATE))
)
_KIND_EXPLAIN = int(Kind.EXPLAIN)
_KIND_UNKNOWN = int(Kind.UNKNOWN)
_EFFECT_CATALOG = int(Effect.CATALOG)
_EFFECT_TEMP = int(Effect.TEMP)
_EFFECT_UNKNOWN = int(Effect.UNKNOWN)
_EFFECT_MALFORMED = int(Effect.MALFORMED)
_EFFECT_EXECUTES = int(Effect.EXECUTES)
_EFFECT_SEQUENCE = int(Effect.SEQUENCE)
_EFFECT_SEQUENCE_READ = int(Effect.SEQUENCE_READ)
_EFFECT_SEQUENCE_TOLD = int(Effect.SEQUENCE_TOLD)
_DRAWING = frozenset(int(kind) for kind in DRAWING)


class Reader:
    """The state of one scan.

    Attributes:
        kinds: the `Kind` of each statement that was read to its end.
        effects: the `Effect` flags of all of them together.
        settings: names of the settings that change beyond the transaction.
        calls: of set_config with a parameter for a name.
        rereads: a setting of `READING_SETTINGS`, or one that is not known, may change.
    """

    __slots__ = (
        "assigns_path",
        "atomic",
        "begin",
        "binding",
        "calls",
        "computed_path",
        "depth",
        "draws",
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
        "rereads",
        "selects",
        "settings",
        "started",
        "updates",
        "wanted",
    )

    def __init__(self, lexer: Lexer) -> None:
        self.lexer = lexer
        self.kinds: list[int] = []
        self.settings: list[str] = []
        self.calls: list[ConfigCall] = []
        self.effects = 0
        self.computed_path = False
        self.draws = False
        self.rereads = False
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
        self.selects = False
        self.odd_string = False
        self.head: list[bytes] | None = None
        self.binding: list[ConfigCall] | None = None

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
        if self.computed_path and len(self.kinds) > 1:  # may be pg_temp for what comes after
            self.effects |= _EFFECT_TEMP
        return True

    def _symbol(self, symbol: int) -> bool:
        """A symbol; False when parentheses do not match or hold a semicolon they cannot hold."""
        if symbol == 40:  # (
            self.depth += 1
            if self.pending:
                self._call(self.pending)
        elif symbol == 41:  # )
            self.depth -= 1
            if self.depth < 0:
                return False
        elif symbol == 59:  # ;
            return self._semicolon()
        elif symbol == 46 and self.previous == _TEMP_NAME and self.kind not in _CREATE_NOTHING:
            self.own |= _EFFECT_TEMP
        self.pending = 0
        if symbol == 46:
            self.previous = _DOT
        else:
            self.previous = _OPENED if symbol == 40 else _CLOSED if symbol == 41 else _NOTHING
        if self.wanted > 0:
            self._collect(bytes((symbol,)))
        elif not self.started and symbol != 40:
            self._unknown()
        return True

    def _call(self, effect: int) -> None:
        """A call of a function with an effect; what nextval told before it, currval may repeat."""
        if effect == _EFFECT_SEQUENCE:
            self.draws = True
        elif effect == _EFFECT_SEQUENCE_READ:
            self.own |= _EFFECT_SEQUENCE_TOLD
            if self.draws:
                return
        self.own |= effect

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
        if token == QUOTED:
            self._quoted()
        else:
            self.previous = _NOTHING
        if token == QUOTED_UNICODE:  # its escapes may spell any name
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
        self.own |= _EFFECT_MALFORMED

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
        self.selects = word == b"select"
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
        if lexer.high:
            if length < _HIGH_NAME_BYTES_MAX:
                self._name(_fold(lexer.piece().lower()), True)
                return
        elif length < _NAME_BYTES_MAX and _MAYBE[length << 5 | lexer.text[lexer.begin] & 31]:
            self._name(lexer.piece().lower(), True)
            return
        self.previous = _NOTHING

    def _open_in_body(self) -> None:
        """The first word of a statement in BEGIN ATOMIC: PostgreSQL takes few there, so do we."""
        if self.lexer.piece().lower() not in _BODY_WORDS:
            self.own |= _EFFECT_UNKNOWN

    def _quoted(self) -> None:
        lexer = self.lexer
        length = lexer.end - lexer.begin - 2
        if length < _NAME_BYTES_MAX:
            self._name(lexer.text[lexer.begin + 1 : lexer.end - 1], False)
        else:
            self.previous = _NOTHING

    def _name(self, word: bytes, keyword: bool) -> None:
        """An identifier that may be one of `_WORDS`; `keyword`: it was not quoted."""
        code = _WORDS.get(word, 0)
        if code <= _KEYWORDS:
            if keyword:
                self._keyword(code)
            else:
                self.previous = _NOTHING
            return
        previous = self.previous
        self.previous = _NOTHING
        if code > 0:
            self.pending = code
            if previous == _DOT:
                self._call(code)
        elif code == _SET_CONFIG:
            self._config_call()
        elif code == _PG_SETTINGS:
            self.names_settings = True
        elif word.startswith(_TEMP_SCHEMA):
            self.previous = _TEMP_NAME
            if self.kind == _KIND_IMPORT:  # INTO pg_temp
                self.own |= _EFFECT_TEMP

    def _keyword(self, code: int) -> None:
        """A word that means something by the word before it."""
        previous = self.previous
        self.previous = code
        if code == _TEMP_WORD:
            if _INTO <= previous <= _CREATE:
                self.own |= _EFFECT_TEMP
        elif code == _INTO:
            self._into(previous)
        elif code == _SELECTS:
            self.selects = self.selects or self.depth == 0
        elif code == _INSERTS:
            self.previous = code if self._begins(previous) else _NOTHING
        elif code == _UPDATE:
            self.updates = True
        elif code == _HOLD:
            self.held = self.held or previous == _WITH
        elif code == _EXECUTE:
            if self.kind == _KIND_EXPLAIN or (self.kind == _KIND_CREATE and previous == _AS):
                self.own |= _EFFECT_EXECUTES
        elif self.depth == 0 and self.kind == _KIND_CREATE:
            self._body(code, previous)

    def _into(self, previous: int) -> None:
        """SELECT .. INTO makes a table; INSERT INTO and MERGE INTO do not."""
        if self.kind in (_KIND_INSERT, _KIND_MERGE):
            if previous == _FIRST:
                self.previous = _NOTHING  # a table named temp
        elif previous != _INSERTS:
            self.own |= _EFFECT_CATALOG

    def _begins(self, previous: int) -> bool:
        """Whether INSERT or MERGE begins a statement inside this one; elsewhere it is a name."""
        if self.depth:
            return previous == _OPENED
        return not self.selects and previous in (_CLOSED, _AS, _FIRST)

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
        """set_config(name, value, is_local): literals, and a parameter for a name, count."""
        arguments = self._arguments()
        if arguments is None:
            return
        name = _literal(arguments[0])
        local = len(arguments) == 3 and arguments[2] == [b"true"]
        if name is not None:
            self._setting(name, local)
        elif (number := parameter(arguments[0])) > 0:
            session = len(arguments) == 3 and arguments[2] == [b"false"]
            self.binding = [*(self.binding or ()), ConfigCall(number, local, session)]
        else:
            self.rereads = True
            self.own |= int(Effect.LOCAL_SETTING if local else Effect.SETTING_UNKNOWN)
        if name is None or name.lower() == b"search_path":
            self.assigns_path = True
            if len(arguments) < 2 or _literal(arguments[1]) is None:
                self.computed_path = True

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
        if written.lower() == b"search_path":
            self.assigns_path = True
        self.rereads = self.rereads or may_reread(written)
        name, effects = changed(written, local)
        self.own |= int(effects)
        if name and name not in self.settings:
            self.settings.append(name)

    def _bound_settings(self, calls: list[ConfigCall]) -> None:
        """Which settings they are is known at the Bind, if it alone says so."""
        lexer = self.lexer
        text = lexer.text[self.begin : lexer.begin]
        if self.kind in BINDABLE and are_named_once(text, not lexer.backslash_escapes, calls):
            self.own |= int(Effect.SETTING_BOUND)
            self.calls += calls
            return
        self.rereads = True
        for call in calls:
            self.own |= int(Effect.LOCAL_SETTING if call.local else Effect.SETTING_UNKNOWN)

    def _finish(self) -> None:
        """The end of a statement."""
        if not self.started:
            return
        if self.head is not None:
            self._judge(self.head)
        if self.binding is not None:
            self._bound_settings(self.binding)
        if self.names_settings and (self.updates or self.kind == _KIND_MERGE):
            self.own |= int(Effect.SETTING_LISTED)
        if self.assigns_path and self._names_temp_schema():
            self.own |= _EFFECT_TEMP
        if self.own & _EFFECT_TEMP and self.kind == _KIND_CREATE:
            lexer = self.lexer
            if drops_on_commit(lexer.text[self.begin : lexer.begin], not lexer.backslash_escapes):
                self.own &= ~_EFFECT_TEMP
        if self.kind in _DRAWING:
            self.draws = True
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


def _fold(word: bytes) -> bytes:
    """A word with letters beyond ASCII as a Turkish server of one byte per character may read it.

    There the capital dotted I becomes a plain i in unquoted names: each run of such letters is
    taken for an i.
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
