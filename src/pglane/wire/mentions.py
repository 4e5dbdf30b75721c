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
"""

from collections.abc import Iterable

from pglane.wire.lexemes import BROKEN, END, QUOTED, QUOTED_UNICODE, SYMBOL, WORD, Lexer

NOTHING = 0
UNKNOWN_CALL = 1
UNPROVED = 2

NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer names (NAMEDATALEN)."""
WRITING_WORDS = frozenset(
    b"""
    alter analyse analyze call cluster copy create delete do import insert merge reassign refresh
    reindex truncate update vacuum validate
    """.split()
)
"""One of these stands in every text that can fire a trigger or compute a column."""


class Names:
    """What is known of the names of one database. Immutable.

    Attributes:
        reads: names that are not proved clean, wherever they stand.
        writes: names that are not, in a text that writes.
        calls: names that may stand in front of a parenthesis.
        beyond_ascii: a name that is not proved clean has letters beyond ASCII.
        everything: nothing can be proved in this database.
        unread: the catalogs were not read yet: every text that writes is doubtful, and every call
            of what is not in `calls`.
    """

    __slots__ = ("beyond_ascii", "calls", "everything", "reads", "unread", "writes")

    def __init__(
        self,
        reads: Iterable[bytes],
        writes: Iterable[bytes],
        calls: Iterable[bytes],
        *,
        everything: bool = False,
        unread: bool = False,
    ) -> None:
        self.reads = frozenset(reads)
        self.writes = frozenset(writes)
        self.calls = frozenset(calls)
        self.everything = everything
        self.unread = unread
        self.beyond_ascii = any(not name.isascii() for name in self.reads | self.writes)


UNREAD = Names(
    (),
    (),
    b"""
    abs all and any array array_agg as avg between by bit case cast ceil char character check
    coalesce concat conflict count cube current_setting date_trunc decimal distinct else except
    exists explain extract filter float floor format from generate_series greatest group grouping
    having in include intersect interval into is join json_agg json_build_object jsonb_agg
    jsonb_build_object key lateral least left length like limit lower ltrim materialized max md5
    min mod not now nullif numeric offset on or order over overlay partition position precision
    primary random references replace returning right rollup round row row_number rtrim select set
    sets some split_part string_agg substr substring sum table then time timestamp to_char to_date
    to_number to_timestamp treat trim union unique unnest upper using values varchar version when
    where with within xmlelement
    """.split(),
    unread=True,
)
"""What holds until the catalogs were read; some functions of PostgreSQL's own are known."""


def mentions(text: bytes, standard_conforming_strings: bool, names: Names) -> int:
    """The worst that is found in `text`: NOTHING, UNKNOWN_CALL or UNPROVED."""
    if names.everything:
        return UNPROVED
    lexer = Lexer(text, standard_conforming_strings)
    worst = NOTHING
    pending = writes = doubtful = False
    token = lexer.next()
    while token != END:
        if token == SYMBOL:
            if pending and lexer.symbol == 40:
                worst = UNKNOWN_CALL
            pending = False
        elif token in (WORD, QUOTED):
            name = _name(lexer.piece(), token == QUOTED)
            if name in names.reads or (names.beyond_ascii and not name.isascii()):
                return UNPROVED
            doubtful = doubtful or name in names.writes
            writes = writes or (token == WORD and name in WRITING_WORDS)
            pending = name not in names.calls
        elif token in (QUOTED_UNICODE, BROKEN):
            return UNPROVED
        else:
            pending = False
        token = lexer.next()
    if names.unread:
        return UNPROVED if writes or worst else NOTHING
    return UNPROVED if writes and doubtful else worst


def _name(piece: bytes, quoted: bool) -> bytes:
    """The name that an identifier means."""
    if not quoted:
        piece = piece.lower()
    else:
        piece = piece[1 : len(piece) - 1]
        if 34 in piece:
            piece = piece.replace(b'""', b'"')
    return piece if len(piece) <= NAME_BYTES_MAX else piece[:NAME_BYTES_MAX]
