"""Which names of a database are proved clean: what the monitor reads from the catalogs, and why.

The *closure* is a graph of names. A node is the name of a function, relation or type (of any
schema, all overloads together); behind it stand the texts that PostgreSQL may run when a statement
names it: a function's body, a trigger's definition, a view's query, a policy, a default, a check,
the expressions of an index, the tables that a foreign key cascades to, partitions, a domain's
constraints. Each text leads on to the names in it. A node is unclean if one of its texts can leave
something in the session, or leads to an unclean node.

For a relation two things are told apart: what can happen when it is read (views, policies) and
when it is written (triggers, defaults, checks).

Bodies of SQL and PL/pgSQL functions are judged by their words. PostgreSQL's own functions that
leave something behind (`FUNCTIONS`, set_config) are known, and so are the few words that begin a
statement with effects; dynamic SQL is `EXECUTE`. A body without any of these leaves nothing, since
what it calls stands in it. All other languages can do anything: such a function is unclean, unless
it belongs to an extension that is known (`EXTENSIONS`).

Last values of sequences are cleaned away where anybody asks for them (`Closure.asks`), after
statements that may have drawn one: names that lead to nextval are known, too.

Operators, casts and index support of the user's own act without a name in any text. If one of
them leads to an unclean function, nothing in this database is proved. Those that an extension
brings in C are taken for harmless: an operator that changes the session is not known to exist.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pglane.wire.custom_names import ConfigCalls, candidates
from pglane.wire.lexemes import BROKEN, END, QUOTED, QUOTED_UNICODE, STRING, SYMBOL, WORD, Lexer
from pglane.wire.mentions import Names
from pglane.wire.statement_words import FUNCTIONS, Effect

NAMES_MAX = 200_000
"""More names than this are not carried to the worker: then nothing is proved."""
CUSTOM_MAX = 200
"""Names of custom settings found in bodies."""

EXTENSIONS = frozenset(
    b"""
    amcheck bloom btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch
    hstore intarray isn lo ltree pageinspect pg_buffercache pg_freespacemap pg_prewarm pg_trgm
    pg_stat_statements pg_visibility pg_walinspect pgcrypto pgrowlocks pgstattuple plpgsql postgis
    seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp vector xml2
    """.split()
)
"""Extensions whose C functions leave nothing in the session but what the scanner knows by name."""

READ, WRITE = 0, 1
HARMLESS_EFFECTS = int(
    Effect.NOTIFY
    | Effect.SEQUENCE
    | Effect.SEQUENCE_READ
    | Effect.LARGE_OBJECT
    | Effect.ADVISORY_UNLOCK
)
CALLS_WITH_EFFECTS = frozenset(
    name for name, effect in FUNCTIONS.items() if effect & ~HARMLESS_EFFECTS
) | {b"set_config", b"pg_settings"}
STATEMENTS_WITH_EFFECTS = frozenset(
    b"deallocate discard execute listen load prepare reset temp temporary unlisten hold".split()
)
OPENS_STATEMENT = frozenset(b"atomic begin else loop then".split())
WRITING = frozenset(b"insert update delete merge truncate call".split())
DRAWING = re.compile(rb"nextval|setval|alter|refresh", re.IGNORECASE)
ASKING = re.compile(rb"currval|lastval", re.IGNORECASE)
"""Wherever they stand, in a string of dynamic SQL, too."""
CALLABLE = b"f"
GLOBAL = b"g"


@dataclass(frozen=True, slots=True)
class Words:
    """What one text consists of.

    Attributes:
        names: its identifiers, as PostgreSQL would compare them.
        harmful: a statement or a call in it leaves something in the session, or may.
        writes: it may write.
        draws: it may draw from a sequence.
        custom: what looks like the name of a custom setting.
        computes: it may change a setting whose name does not stand in it as one string.
    """

    names: frozenset[bytes]
    harmful: bool
    writes: bool
    draws: bool
    custom: frozenset[bytes]
    computes: bool


@dataclass(slots=True)
class Closure:
    """What is known of a database's names.

    Attributes:
        reads: names that are not proved clean.
        writes: names that are not when they are written to.
        calls: names that may stand in front of a parenthesis without being a function to doubt.
        draws: names that may draw from a sequence when they are called or read.
        asks: code asks for the last value of a sequence.
        everything: why nothing is proved; "" if things can be.
        custom: names of custom settings that code in the database may set.
        computes: it may set others, whose names no text of the catalogs holds.
        settings: names of the settings that a session can change.
    """

    reads: set[bytes] = field(default_factory=set)
    writes: set[bytes] = field(default_factory=set)
    calls: set[bytes] = field(default_factory=set)
    draws: set[bytes] = field(default_factory=set)
    asks: bool = False
    everything: str = ""
    computes: bool = False
    custom: set[bytes] = field(default_factory=set)
    settings: set[bytes] = field(default_factory=set)

    def message(self) -> dict[str, object]:
        """All of it as JSON has forms for it; `names_of` reads it again."""
        lists = {name: sorted(_text(each) for each in getattr(self, name)) for name in _SETS}
        flags = {"asks": self.asks, "computes": self.computes}
        return {**lists, **flags, "everything": self.everything}


_SETS = ("reads", "writes", "calls", "draws", "custom", "settings")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def names_of(message: Mapping[str, Any]) -> Names:
    """The names that a worker needs, from the message."""
    parts = [
        [name.encode("utf-8", "surrogateescape") for name in message[part]]
        for part in ("reads", "writes", "calls", "draws")
    ]
    asks, computes, everything = message["asks"], message["computes"], message["everything"]
    return Names(*parts, asks=asks, computes=computes, everything=bool(everything))


def read_words(text: bytes, *, statements: bool) -> Words:
    """Reads a text of the catalogs; `statements`: it is a body, not an expression."""
    names: set[bytes] = set()
    harmful = writes = computes = False
    # A backslash means something else in a session that has standard_conforming_strings off.
    for standard in (True, False) if b"\\" in text else (True,):
        reader = _BodyReader(Lexer(text, standard), statements)
        reader.read()
        names |= reader.names
        harmful = harmful or reader.harmful
        writes = writes or reader.writes
        computes = computes or reader.computes
    draws = writes or DRAWING.search(text) is not None
    custom = frozenset(name.encode() for name in candidates(text, CUSTOM_MAX))
    return Words(frozenset(names), harmful, writes, draws, custom, computes)


class _BodyReader:
    """One walk over a body."""

    def __init__(self, lexer: Lexer, statements: bool) -> None:
        self.lexer = lexer
        self.statements = statements
        self.names: set[bytes] = set()
        self.harmful = False
        self.writes = False
        self.computes = False
        self._updates = False
        self._previous = b""
        self._calls = ConfigCalls()

    def read(self) -> None:
        lexer = self.lexer
        while (token := lexer.next()) != END:
            self._calls.take(token, lexer.piece())
            if token in (BROKEN, QUOTED_UNICODE):
                self.harmful = True
            elif token == WORD:
                self._word(lexer.piece().lower())
            elif token == QUOTED:
                self._name(lexer.piece()[1:-1].replace(b'""', b'"'))
            elif token == STRING:
                self._string()
            elif token == SYMBOL and lexer.symbol == 59:
                self._updates = False
                self._previous = b""
        self.computes = self.computes or self._calls.computed

    def _word(self, word: bytes) -> None:
        if self.statements:
            self._keyword(word)
        if word in WRITING:
            self.writes = True
        self._name(word)
        self._previous = word

    def _keyword(self, word: bytes) -> None:
        if word in STATEMENTS_WITH_EFFECTS:
            self.harmful = True
            self.computes = self.computes or word == b"execute"
        elif word in OPENS_STATEMENT:
            self._updates = False
        elif word == b"update":
            self._updates = True
        elif word == b"set" and not self._updates:
            self.harmful = True

    def _name(self, name: bytes) -> None:
        if name in CALLS_WITH_EFFECTS or name.startswith(b"pg_temp"):
            self.harmful = True
        self.names.add(name)

    def _string(self) -> None:
        if self._previous == b"do" and self.statements:  # an anonymous block
            self.harmful = self.computes = True


class Graph:
    """Names and what they lead to; filled row by row, then `closure` is asked once."""

    def __init__(self) -> None:
        self._unclean: set[tuple[bytes, int]] = set()
        self._drawing: set[tuple[bytes, int]] = set()
        self._led_to_by: dict[tuple[bytes, int], set[tuple[bytes, int]]] = defaultdict(set)
        self._nodes: set[bytes] = set()
        self._global: set[bytes] = set()
        self._closure = Closure()
        self._custom: dict[bytes, set[bytes]] = defaultdict(set)
        self._computing: set[bytes] = set()
        self._read: dict[tuple[bytes, bool], Words] = {}

    def add(self, row: Sequence[bytes | None]) -> None:
        """One row of `catalog_queries.CATALOGS`."""
        kind, name, language, extension, text = [part or b"" for part in row]
        if ASKING.search(text):
            self._closure.asks = True
        if kind == GLOBAL:
            self._global.add(name)
        elif kind == b"b":
            self._closure.calls.add(name)
        elif kind == b"s":
            self._closure.settings.add(name)
        elif kind == CALLABLE:
            self._function(name, language, extension, text)
        elif language == b"foreign":
            self._mark(name)
        else:
            modes = (WRITE,) if kind == b"w" else (READ, WRITE)
            self._text(name, self._words(text, statements=False), modes)

    def _words(self, text: bytes, *, statements: bool) -> Words:
        """What it consists of; many tables have the same defaults and checks."""
        key = (text, statements)
        words = self._read.get(key)
        if words is None:
            words = self._read[key] = read_words(text, statements=statements)
        return words

    def _function(self, name: bytes, language: bytes, extension: bytes, text: bytes) -> None:
        self._nodes.add(name)
        if language in (b"sql", b"plpgsql"):
            words = read_words(text, statements=True)
            self._text(name, words, (READ, WRITE), relation=False)
        elif language == b"names":
            words = read_words(text, statements=False)
            self._text(name, words, (READ, WRITE), relation=False)
        elif extension not in EXTENSIONS:
            self._mark(name)

    def _mark(self, name: bytes) -> None:
        self._nodes.add(name)
        self._computing.add(name)
        self._unclean |= {(name, READ), (name, WRITE)}

    def _text(
        self, name: bytes, words: Words, modes: tuple[int, ...], *, relation: bool = True
    ) -> None:
        """What PostgreSQL may run for a name; who writes to a relation writes to what it is of."""
        self._nodes.add(name)
        self._custom[name] |= words.custom
        if words.computes:
            self._computing.add(name)
        for mode in modes:
            if words.harmful:
                self._unclean.add((name, mode))
            if words.draws:
                self._drawing.add((name, mode))
            for other in words.names:
                self._led_to_by[other, READ].add((name, mode))
                if words.writes or (relation and mode == WRITE):
                    self._led_to_by[other, WRITE].add((name, mode))

    def closure(self) -> Closure:
        """What follows from all rows."""
        unclean = self._reached(self._unclean)
        drawing = {name for name, mode in self._reached(self._drawing) if mode == READ}
        found = self._closure
        found.reads = {name for name, mode in unclean if mode == READ and name in self._nodes}
        found.writes = {
            name for name, mode in unclean if mode == WRITE
        } & self._nodes - found.reads
        found.draws = drawing & self._nodes - found.reads
        found.calls = {n for n in found.calls | self._nodes if n.isascii()} - found.reads
        doubted = found.reads | found.writes
        custom = sorted(set().union(*(self._custom[name] for name in doubted)))
        found.custom = set(custom[:CUSTOM_MAX])
        found.computes = len(custom) > CUSTOM_MAX or not self._computing.isdisjoint(doubted)
        doubtful = sorted(self._global & (found.reads | found.draws))
        if doubtful:
            first = doubtful[0].decode("utf-8", "replace")
            found.everything = f"an operator, cast, index or conversion uses {first}()"
        elif sum(map(len, (found.reads, found.writes, found.calls, found.draws))) > NAMES_MAX:
            found.everything = f"it has more than {NAMES_MAX} names"
        return found

    def _reached(self, nodes: set[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
        """These, and all that lead to one of them."""
        reached = set(nodes)
        queue = list(reached)
        while queue:
            for node in self._led_to_by.get(queue.pop(), ()):
                if node not in reached:
                    reached.add(node)
                    queue.append(node)
        return reached


def closure_of(rows: Iterable[Sequence[bytes | None]]) -> Closure:
    """The closure that the rows of `catalog_queries.CATALOGS` give."""
    graph = Graph()
    for row in rows:
        graph.add(row)
    return graph.closure()
