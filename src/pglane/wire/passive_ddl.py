"""Whether what a text creates or drops can run no code, so that nothing need be read about it.

Between a client's DDL and the monitor's reading of the catalogs nothing is proved in a database:
each session is looked at before its lease ends, of every client. That is a high price for a
staging table, and whoever makes one for each request would have all others pay it for ever. So
the usual DDL of applications is recognized by its form:

* DROP: what is gone runs nothing, and what it hid has the same name.
* CREATE TEMP: no other session can name it.
* CREATE TABLE with columns of PostgreSQL's own types, whose defaults are constants or a few of its
  own functions, with keys and references; but nothing inherited, copied, checked or computed.
* CREATE INDEX on columns; CREATE SEQUENCE; CREATE SCHEMA without anything in it.

All else is not passive, also what is but not in a form that is known here. Names of types and of
functions are PostgreSQL's own unless the search path says otherwise: then the catalogs that were
read know a name that is not clean, and the verdict on the text does (`pglane.wire.unseen`).

Rejected: to judge any expression by the words in it. What they mean may be what somebody else's
DDL, not yet read, has made of them.
"""

from collections.abc import Iterator

from pglane.wire.lexemes import BROKEN, END, NUMBER, QUOTED, QUOTED_UNICODE, STRING, WORD, Lexer

TOKENS_MAX = 4_000
"""Longer texts are not walked through; what they make is read."""

Tokens = list[bytes]
NAME, TEXT, DIGITS = b'"', b"'", b"0"
"""What stands for a quoted identifier, a string, a number; words stand for themselves."""
EXISTING = [b"if", b"not", b"exists"]
TEMPORARY = frozenset({b"temp", b"temporary"})
TYPES = frozenset(
    b"""
    bigint bigserial bit bool boolean bpchar bytea char character cidr date decimal double float
    float4 float8 inet int int2 int4 int8 integer interval json jsonb macaddr money national nchar
    numeric precision real serial serial2 serial4 serial8 smallint smallserial text time timestamp
    timestamptz timetz tsvector uuid varchar varying with without zone
    """.split()
)
CONSTANTS = frozenset(
    {TEXT, DIGITS, b"true", b"false", b"null"}
    | {b"current_date", b"current_time", b"current_timestamp", b"localtime", b"localtimestamp"}
)
CALLS = frozenset({b"now", b"clock_timestamp", b"gen_random_uuid", b"statement_timestamp"})
OWN_NAMES = TYPES | CALLS
"""What is taken for PostgreSQL's own, unless something of that name is known not to be clean."""
CONSTRAINING = frozenset(
    b"""
    action always as by cascade deferrable deferred delete full identity immediate initially key
    match no not null on primary restrict set simple unique update
    """.split()
)
"""Words of constraints that have no expression."""
METHODS = frozenset({b"btree", b"hash", b"gin", b"gist", b"brin", b"spgist"})
MAKE_NO_MORE = frozenset({b"as", b"inherits", b"of", b"partition", b"using"})


def is_passive(text: bytes, standard_conforming_strings: bool) -> bool:
    """Whether no DDL in a text makes anything that can run code.

    Args:
        text: as a client sent it, in an encoding that `pglane.wire.statements` can read.
        standard_conforming_strings: the setting in force.
    """
    tokens = _tokens(text, standard_conforming_strings)
    return tokens is not None and all(_is_passive(each) for each in _statements(tokens))


def _tokens(text: bytes, standard_conforming_strings: bool) -> Tokens | None:
    lexer = Lexer(text, standard_conforming_strings)
    stand_for = {QUOTED: NAME, STRING: TEXT, NUMBER: DIGITS}
    tokens: Tokens = []
    while (token := lexer.next()) != END:
        if token in (BROKEN, QUOTED_UNICODE) or len(tokens) >= TOKENS_MAX:
            return None
        piece = lexer.piece()
        tokens.append(piece.lower() if token == WORD else stand_for.get(token, piece))
    return tokens


def _statements(tokens: Tokens) -> Iterator[Tokens]:
    """Its parts between semicolons. The body of a routine has some; that is not passive anyway."""
    begin = 0
    for at, token in enumerate(tokens):
        if token == b";":
            yield tokens[begin:at]
            begin = at + 1
    yield tokens[begin:]


def _is_passive(statement: Tokens) -> bool:
    match statement[:1]:
        case [] | [b"drop"]:
            return True
        case [b"create"]:
            return _creates_passive(statement[1:])
        case [b"alter" | b"import"]:
            return False
        case [b"insert"]:
            return True
        case _:  # SELECT INTO makes a table of any types
            return b"into" not in statement


def _creates_passive(rest: Tokens) -> bool:
    rest = _without(rest, [b"or", b"replace"])
    if rest[:1] in ([b"local"], [b"global"]):
        rest = rest[1:]
    if rest and rest[0] in TEMPORARY:
        return b"inherits" not in rest
    rest = _without(_without(rest, [b"unlogged"]), [b"unique"])
    match rest[:1]:
        case [b"table"]:
            return _is_plain_table(_without(rest[1:], EXISTING))
        case [b"index"]:
            return _is_plain_index(rest[1:])
        case [b"sequence"]:
            return True
        case [b"schema"]:
            return b"create" not in rest
        case _:
            return False


def _without(tokens: Tokens, words: Tokens) -> Tokens:
    """The same without these words, if it begins with them."""
    return tokens[len(words) :] if tokens[: len(words)] == words else tokens


def _behind_name(tokens: Tokens) -> Tokens:
    """What follows a name, which may have parts."""
    at = 1
    while tokens[at : at + 1] == [b"."]:
        at += 2
    return tokens[at:]


def _in_parentheses(tokens: Tokens) -> tuple[list[Tokens], Tokens]:
    """The parts between commas of a list that opens here, and what follows it; none: no list."""
    parts: list[Tokens] = [[]]
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token == b"(") - (token == b")")
        if depth == 0:
            return (parts, tokens[at + 1 :]) if at else ([], tokens)
        if token == b"," and depth == 1:
            parts.append([])
        elif at:
            parts[-1].append(token)
    return [], tokens


def _are_words(parts: list[Tokens]) -> bool:
    """Whether a list has names and words only, nothing that is computed."""
    return bool(parts) and all(
        part and all(token == NAME or _is_word(token) for token in part) for part in parts
    )


def _is_word(token: bytes) -> bool:
    return token[:1].isalpha() or token[:1] == b"_" or token[0] >= 128


def _is_plain_table(tokens: Tokens) -> bool:
    items, rest = _in_parentheses(_behind_name(tokens))
    return bool(items) and all(map(_is_plain_item, items)) and MAKE_NO_MORE.isdisjoint(rest)


def _is_plain_item(item: Tokens) -> bool:
    """A column or a constraint of the table."""
    if item[:1] == [b"constraint"]:
        item = item[2:]
    match item[:2]:
        case [b"primary", b"key"] | [b"foreign", b"key"]:
            return _is_plain_key(item[2:])
        case [b"unique", b"("]:
            return _is_plain_key(item[1:])
        case [b"check" | b"exclude" | b"like" | b"not" | b"unique" | b"primary" | b"foreign", _]:
            return False
        case [_, _]:
            rest = _behind_type(item[1:])
            return rest is not None and _are_constraints(rest)
        case _:
            return False


def _is_plain_key(rest: Tokens) -> bool:
    columns, rest = _in_parentheses(rest)
    return _are_words(columns) and _are_constraints(rest)


def _behind_type(tokens: Tokens) -> Tokens | None:
    """What follows a type of PostgreSQL's own; None where no such type is named."""
    at = 0
    while at < len(tokens) and (
        tokens[at] in TYPES or (at and tokens[at] in (b"[", b"]", DIGITS))
    ):
        at += 1
        if tokens[at : at + 1] == [b"("]:
            sizes, rest = _in_parentheses(tokens[at:])
            if not sizes or any(size != [DIGITS] for size in sizes):
                return None
            tokens = tokens[:at] + rest
    return tokens[at:] if at else None


def _are_constraints(rest: Tokens) -> bool:
    """Constraints of a column or key, one behind the other."""
    while rest:
        match rest[:1]:
            case [b"default"]:
                behind = _behind_default(rest[1:])
                if behind is None:
                    return False
                rest = behind
            case [b"references"]:
                rest = _behind_name(rest[1:])
                columns, behind = _in_parentheses(rest)
                if columns and not _are_words(columns):
                    return False
                rest = behind if columns else rest
            case [b"constraint"]:
                rest = rest[2:]
            case [b"generated"]:  # by its end an identity, or computed
                rest = _without(_without(rest[1:], [b"always"]), [b"by", b"default"])
                if rest[:2] != [b"as", b"identity"]:
                    return False
            case [word] if word in CONSTRAINING:
                rest = _without(rest[1:], [b"default"]) if word == b"set" else rest[1:]
            case _:
                return False
    return True


def _behind_default(tokens: Tokens) -> Tokens | None:
    """What follows a default that is a constant, or the time, or random; None: it is another."""
    if tokens[:1] in ([b"-"], [b"+"]):
        tokens = tokens[1:]
    if tokens[:1] and tokens[0] in CALLS and tokens[1:3] == [b"(", b")"]:
        return tokens[3:]
    if not tokens or tokens[0] not in CONSTANTS:
        return None
    rest = _without(tokens[1:], [b".", DIGITS])  # of a number with a fraction
    return _behind_type(rest[2:]) if rest[:2] == [b":", b":"] else rest


def _is_plain_index(tokens: Tokens) -> bool:
    tokens = _without(_without(tokens, [b"concurrently"]), EXISTING)
    if tokens[:1] != [b"on"]:
        tokens = tokens[1:]
    tokens = _behind_name(_without(tokens[1:], [b"only"])) if tokens[:1] == [b"on"] else []
    if tokens[:1] == [b"using"]:
        if tokens[1:2] and tokens[1] not in METHODS:
            return False
        tokens = tokens[2:]
    columns, rest = _in_parentheses(tokens)
    if rest[:1] == [b"include"]:
        _, rest = _in_parentheses(rest[1:])
    return _are_words(columns) and not rest
