"""Whether a text names anything that may do what the text does not show.

PostgreSQL can run code that is not in a text only through a name that is: of a function, or of a
relation whose trigger, rule, view or default calls one. Which names are harmless is known from
the database's catalogs (`pglane.connection.catalog`); here they are looked for.

The walk goes over words, not over grammar, so it may find more than is there (a column that has a
function's name), never less: a name is compared as PostgreSQL would fold and cut it, and one that
cannot be read with certainty (`U&".."`, letters beyond ASCII, whose bytes depend on the client's
encoding) counts as the worst there is.

A name in front of a parenthesis that is not known at all is UNKNOWN_CALL: it may be a function
that was created since the catalogs were read, and most often is an alias with a column list.

To draw from a sequence leaves something that only currval and lastval show: names that lead to
it are told apart.
"""

from collections.abc import Iterable

from pglane.wire.lexemes import BROKEN, END, QUOTED, QUOTED_UNICODE, SYMBOL, WORD, Lexer

NOTHING = 0
UNKNOWN_CALL = 1
UNPROVED = 2
DRAWS = 4
"""A flag beside one of these, but for UNPROVED, which may draw anyway."""

NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer names (NAMEDATALEN)."""
CODES_MAX = 20_000
"""Identifiers whose meaning is remembered; beyond it all are looked up anew."""
_READ, _WRITTEN, _WRITES, _CALLED, _DRAWS = 1, 2, 4, 8, 16
WRITING_WORDS = frozenset(
    b"""
    alter analyse analyze call cluster copy create delete do import insert merge reassign refresh
    reindex truncate update vacuum validate
    """.split()
)
"""One of these stands in every text that can fire a trigger or compute a column."""
PLAIN_WORDS = frozenset(
    b"""
    abort asc begin chain commit committed default deferrable desc end false first is isolation
    last level next no null nulls only read repeatable rollback serializable start transaction true
    uncommitted work write
    """.split()
)
"""Words that lead nowhere where no parenthesis follows; what holds of any database."""
PLAIN_SYMBOLS = b"$(),.;"


class Names:
    """What is known of the names of one database. It never changes but for what it remembers.

    Attributes:
        reads: names that are not proved clean, wherever they stand.
        writes: names that are not, in a text that writes.
        calls: names that may stand in front of a parenthesis.
        draws: names that lead to nextval without a word of the text that writes.
        runs: names behind which code stands that a read of them may run, or a call; None: not
            known, or code may act in a read that does not name it.
        asks: code in the database asks for last values of sequences.
        computes: code in it may set a custom setting whose name stands nowhere.
        beyond_ascii: a name that is not proved clean has letters beyond ASCII.
        everything: nothing can be proved in this database.
        unread: the catalogs were not read: every name is doubtful that is not in `calls` or in
            `PLAIN_WORDS` (a table may be a view, or have a policy), and every operator.
    """

    # fmt: off
    __slots__ = (
        "_codes", "asks", "beyond_ascii", "calls", "computes", "draws", "draws_beyond_ascii",
        "everything", "reads", "runs", "unread", "writes",
    )
    # fmt: on

    def __init__(
        self,
        reads: Iterable[bytes],
        writes: Iterable[bytes],
        calls: Iterable[bytes],
        draws: Iterable[bytes] = (),
        *,
        asks: bool = False,
        computes: bool = False,
        everything: bool = False,
        unread: bool = False,
    ) -> None:
        self.reads = frozenset(reads)
        self.writes = frozenset(writes)
        self.calls = frozenset(calls)
        self.draws = frozenset(draws)
        self.runs: frozenset[bytes] | None = None
        self.asks = asks
        self.computes = computes
        self.everything = everything
        self.unread = unread
        self.beyond_ascii = any(not name.isascii() for name in self.reads | self.writes)
        self.draws_beyond_ascii = any(not name.isascii() for name in self.draws)
        self._codes: dict[bytes, int] = {}

    def with_runs(self, runs: Iterable[bytes]) -> "Names":
        """These names, once it is known behind which of them code stands."""
        self.runs = frozenset(runs)
        return self

    def code(self, piece: bytes) -> int:
        """What an identifier means here, as written; known ones cost one look-up."""
        code = self._codes.get(piece)
        return code if code is not None else self._new_code(piece)

    def _new_code(self, piece: bytes) -> int:
        quoted = piece[0] == 34
        name = piece[1 : len(piece) - 1].replace(b'""', b'"') if quoted else piece.lower()
        name = name[:NAME_BYTES_MAX]
        code = 0
        if name in self.reads or (self.beyond_ascii and not name.isascii()):
            code = _READ
        if self.unread and (quoted or not (name in PLAIN_WORDS or name in self.calls)):
            code = _READ
        if name in self.writes:
            code |= _WRITTEN
        if not quoted and name in WRITING_WORDS:
            code |= _WRITES
        if name in self.calls:
            code |= _CALLED
        if name in self.draws or (self.draws_beyond_ascii and not name.isascii()):
            code |= _DRAWS
        if len(self._codes) >= CODES_MAX:
            self._codes.clear()
        self._codes[piece] = code
        return code


UNREAD = Names(
    (),
    (),
    b"""
    all and any array as between case cast coalesce distinct else except exists from group grouping
    having in intersect into is join lateral like limit not nullif offset on or order primary
    references returning select some table then union unique using values when where with
    """.split(),
    asks=True,
    computes=True,
    unread=True,
)
"""What holds until the catalogs were read: of what may stand in front of a parenthesis, words that
no function can have as its name. No function is known: another of its name may be found first."""


def mentions(text: bytes, standard_conforming_strings: bool, names: Names) -> int:
    """The worst that is found in `text`: NOTHING, UNKNOWN_CALL or UNPROVED; perhaps with DRAWS."""
    if names.everything:
        return UNPROVED
    lexer = Lexer(text, standard_conforming_strings)
    worst = NOTHING
    pending = False
    all_codes = 0
    token = lexer.next()
    while token != END:
        if token == SYMBOL:
            if pending and lexer.symbol == 40:
                worst = UNKNOWN_CALL
            if names.unread and lexer.symbol not in PLAIN_SYMBOLS:
                return UNPROVED
            pending = False
        elif token in (WORD, QUOTED):
            code = names.code(lexer.piece())
            if code & _READ:
                return UNPROVED
            all_codes |= code
            pending = not code & _CALLED
        elif token in (QUOTED_UNICODE, BROKEN):
            return UNPROVED
        else:
            pending = False
        token = lexer.next()
    if all_codes & _WRITES and all_codes & _WRITTEN:
        return UNPROVED
    if names.unread and worst:
        return UNPROVED
    return worst | DRAWS if all_codes & _DRAWS else worst
