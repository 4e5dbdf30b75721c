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

A read that is to run twice is asked for more (`Closure.runs`, `pglane.wire.repeatable`): it may
name nothing behind which anybody's code stands, whether clean or not. That is each function, view,
foreign table, domain and type with functions of its own, what has a policy or a rule, what has
columns of such types or such heirs, and what has expressions that the planner computes in advance
(of an index, a check, a partition key, statistics) with such names in them. Nor may operators,
casts, index support, conversions or access methods of the user's own be there at all.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglane.connection.session_reading import HIDDEN
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
ACTS_ITSELF = CALLS_WITH_EFFECTS | {b"nextval", b"setval"}
"""PostgreSQL's own functions of which nothing may be made that acts without being named."""
STATEMENTS_WITH_EFFECTS = frozenset(
    b"deallocate discard execute listen load prepare reset temp temporary unlisten hold".split()
)
OPENS_STATEMENT = frozenset(b"atomic begin else loop then".split())
WRITING = frozenset(b"insert update delete merge truncate call".split())
DRAWING = re.compile(rb"nextval|setval|alter|refresh", re.IGNORECASE)
ASKING = re.compile(rb"currval|lastval", re.IGNORECASE)
"""Wherever they stand, in a string of dynamic SQL, too."""
HIDING = re.compile("|".join(sorted(HIDDEN)).encode(), re.IGNORECASE)
"""What a superuser's function can set for a caller who may not see it: no look finds that."""
CALLED, READING, WRITING_TO = "called", "reading", "writing to"
"""What somebody does with a name when its text may run: a function's, a relation's or type's."""
MODES = {CALLED: (READ, WRITE), READING: (READ, WRITE), WRITING_TO: (WRITE,)}
JUDGED = frozenset({b"sql", b"plpgsql", b"names"})
"""Languages whose words tell what they do; an aggregate is the names of its functions."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """What one text consists of. Equal texts may share it.

    Attributes:
        names: its identifiers, as PostgreSQL would compare them.
        harmful: a statement or a call in it leaves something in the session, or may.
        writes: it may write.
        draws: it may draw from a sequence.
        custom: what looks like the name of a custom setting.
        computes: it may change a setting whose name does not stand in it as one string, or that
            not everybody may see.
        asks: it may ask for the last value of a sequence.
    """

    names: frozenset[bytes]
    harmful: bool
    writes: bool
    draws: bool
    custom: frozenset[bytes]
    computes: bool
    asks: bool


DOUBTED = Words(frozenset(), True, True, True, frozenset(), True, True)
"""Of what has one that is not known."""

State = tuple[bytes, int]
"""A name, and whether it is read or written."""


@dataclass(slots=True)
class Closure:
    """What is known of a database's names.

    Attributes:
        reads: names that are not proved clean.
        writes: names that are not when they are written to.
        calls: names that may stand in front of a parenthesis without being a function to doubt.
        draws: names that may draw from a sequence when they are called or read.
        runs: names behind which code stands that a read of them, or a call, may run.
        acts: something of the user's own may act in a read that does not name it.
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
    runs: set[bytes] = field(default_factory=set)
    acts: bool = False
    asks: bool = False
    everything: str = ""
    computes: bool = False
    custom: set[bytes] = field(default_factory=set)
    settings: set[bytes] = field(default_factory=set)

    def message(self) -> dict[str, object]:
        """All of it as JSON has forms for it; `names_of` reads it again."""
        lists = {name: sorted(_text(each) for each in getattr(self, name)) for name in _SETS}
        flags = {"acts": self.acts, "asks": self.asks, "computes": self.computes}
        return {**lists, **flags, "everything": self.everything}


_SETS = ("reads", "writes", "calls", "draws", "runs", "custom", "settings")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _bytes(names: Iterable[str]) -> list[bytes]:
    return [name.encode("utf-8", "surrogateescape") for name in names]


def names_of(message: Mapping[str, Any]) -> Names:
    """The names that a worker needs, from the message."""
    parts = [_bytes(message[part]) for part in ("reads", "writes", "calls", "draws")]
    asks, computes, everything = message["asks"], message["computes"], message["everything"]
    names = Names(*parts, asks=asks, computes=computes, everything=bool(everything))
    return names if message["acts"] else names.with_runs(_bytes(message["runs"]))


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
    computes = computes or HIDING.search(text) is not None
    draws = writes or DRAWING.search(text) is not None
    custom = frozenset(name.encode() for name in candidates(text, CUSTOM_MAX))
    asks = ASKING.search(text) is not None
    return Words(frozenset(names), harmful, writes, draws, custom, computes, asks)


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
    """Names and what they lead to; filled piece by piece, then `closure` is asked once."""

    def __init__(self) -> None:
        self._nodes: set[bytes] = set()
        self._marked: set[bytes] = set()
        self._acting: set[bytes] = set()
        self._running: set[bytes] = set()
        self._planned: dict[Words, list[bytes]] = defaultdict(list)
        self._closure = Closure()
        self._users: dict[str, dict[Words, list[bytes]]] = {
            kind: defaultdict(list) for kind in MODES
        }
        self._texts_with: dict[bytes, list[Words]] = defaultdict(list)
        self._links: dict[bytes, list[tuple[str, bytes]]] = defaultdict(list)

    def add_own(self, names: Iterable[bytes], settings: Iterable[bytes]) -> None:
        """Names that are PostgreSQL's own, and the settings that a session can change."""
        self._closure.calls.update(names)
        self._closure.settings.update(settings)

    def add_names(self, names: Iterable[bytes]) -> None:
        """Relations and types. What they lead to is told apart."""
        self._nodes.update(names)

    def add_acting(self, names: Iterable[bytes]) -> None:
        """Functions that act without being named."""
        self._acting.update(names)

    def add_running(self, names: Iterable[bytes]) -> None:
        """Behind them stands what may not run twice, or what is not known."""
        self._running.update(names)

    def add_planned(self, name: bytes, words: Words) -> None:
        """An expression of a relation of which the planner may compute parts for a read."""
        self._planned[words].append(name)

    def note_acting(self, extension: bytes) -> None:
        """An operator or the like; `extension`: that it belongs to, if it does."""
        self._closure.acts = self._closure.acts or extension not in EXTENSIONS

    def add_function(self, name: bytes, language: bytes, extension: bytes, words: Words) -> None:
        """One function; `extension`: that it belongs to, or empty."""
        self._running.add(name)
        if language in JUDGED:
            self.add_text(CALLED, name, words)
            return
        self._closure.asks = self._closure.asks or words.asks
        if extension not in EXTENSIONS:
            self.mark(name)
        self._nodes.add(name)

    def add_text(self, kind: str, name: bytes, words: Words) -> None:
        """A text that PostgreSQL may run for a name."""
        self._nodes.add(name)
        self._users[kind][words].append(name)

    def link(self, kind: str, name: bytes, other: bytes) -> None:
        """One name leads to another without a text."""
        self._links[other].append((kind, name))

    def mark(self, name: bytes) -> None:
        """It can do anything."""
        self._nodes.add(name)
        self._marked.add(name)

    def closure(self) -> Closure:
        """What follows from all of it."""
        found = self._closure
        texts = {words for users in self._users.values() for words in users}
        for words in texts:
            found.asks = found.asks or words.asks
            for other in words.names & self._nodes:
                self._texts_with[other].append(words)
        marked = {(name, mode) for name in self._marked for mode in (READ, WRITE)}
        unclean = self._reached(marked | self._states({w for w in texts if w.harmful}))
        drawn = self._reached(self._states({words for words in texts if words.draws}))
        found.reads = {name for name, mode in unclean if mode == READ}
        found.writes = {name for name, mode in unclean if mode == WRITE} - found.reads
        found.draws = {name for name, mode in drawn if mode == READ} - found.reads
        found.calls = {n for n in found.calls | self._nodes if n.isascii()} - found.reads
        self._note_runs()
        self._note_custom(found.reads | found.writes)
        doubtful = sorted(self._acting & (found.reads | found.draws | ACTS_ITSELF))
        if doubtful:
            first = doubtful[0].decode("utf-8", "replace")
            found.everything = f"an operator, cast, index or conversion uses {first}()"
        elif sum(map(len, (found.reads, found.writes, found.calls, found.draws))) > NAMES_MAX:
            found.everything = f"it has more than {NAMES_MAX} names"
        return found

    def _note_runs(self) -> None:
        """Names behind which code stands, and those of relations and types that lead to it."""
        runs = self._running | self._closure.reads
        for kind in (CALLED, READING):
            for names in self._users[kind].values():
                runs.update(names)
        runs = self._read_through(runs)
        while planned := self._planning(runs) - runs:
            runs = self._read_through(runs | planned)
        if len(runs) > NAMES_MAX:
            self._closure.acts = True
        else:
            self._closure.runs = runs

    def _read_through(self, names: set[bytes]) -> set[bytes]:
        """These, and all whose reading reads one of them."""
        reached = set(names)
        queue = list(reached)
        while queue:
            for kind, user in self._links.get(queue.pop(), ()):
                if kind == READING and user not in reached:
                    reached.add(user)
                    queue.append(user)
        return reached

    def _planning(self, runs: set[bytes]) -> set[bytes]:
        """Relations for which the planner may run one of them, or what nobody knows."""
        return {
            name
            for words, names in self._planned.items()
            if words.harmful or not runs.isdisjoint(words.names)
            for name in names
        }

    def _note_custom(self, doubted: set[bytes]) -> None:
        """The custom settings that what is doubted may set."""
        names: set[bytes] = set()
        computes = not self._marked.isdisjoint(doubted)
        for by_words in self._users.values():
            for words, users in by_words.items():
                if (words.custom or words.computes) and not doubted.isdisjoint(users):
                    names |= words.custom
                    computes = computes or words.computes
        self._closure.custom = set(sorted(names)[:CUSTOM_MAX])
        self._closure.computes = computes or len(names) > CUSTOM_MAX

    def _states(self, texts: set[Words]) -> set[State]:
        """Whom these texts belong to, and when they may run."""
        return {
            (name, mode)
            for kind, by_words in self._users.items()
            for words in by_words.keys() & texts
            for name in by_words[words]
            for mode in MODES[kind]
        }

    def _reached(self, states: set[State]) -> set[State]:
        """These, and all that lead to one of them."""
        reached = set(states)
        queue = list(reached)
        while queue:
            name, mode = queue.pop()
            for state in self._leading_to(name, mode):
                if state not in reached:
                    reached.add(state)
                    queue.append(state)
        return reached

    def _leading_to(self, name: bytes, mode: int) -> Iterator[State]:
        """Who reads it, or writes to it; who writes to a relation writes to what it is of."""
        for words in self._texts_with.get(name, ()):
            for kind, by_words in self._users.items():
                for user in by_words.get(words, ()):
                    for led in MODES[kind]:
                        if mode == READ or words.writes or (kind != CALLED and led == WRITE):
                            yield user, led
        for kind, user in self._links.get(name, ()):
            for led in MODES[kind]:
                if mode == READ or led == WRITE:
                    yield user, led
