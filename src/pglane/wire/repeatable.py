"""Whether a SELECT or VALUES is proved to be a read that may run twice, and behind another's.

Such a read changes nothing, neither data nor session, locks no rows, waits for nothing but other
people's table locks and runs no code but PostgreSQL's own. Who sends it to one server connection
and, when that takes too long, to another one, has done nothing that anybody could notice.

The walk goes over words, not over grammar, and what it does not know it refuses:

* A parenthesis may follow words of `OPENING` only: keywords and types that call nothing there, and
  PostgreSQL's own functions of which all that have this name are immutable or stable, written in C
  or parsed when PostgreSQL was built. A schema in front of a function is refused.
* No word may be one of `REFUSED`: those that write, that lock rows, that lead into a table.
* No name may be one of the database's `Names.runs`, wherever it stands and whether or not a
  parenthesis follows: `(5).pg_advisory_lock` is a call, too. All functions that are not
  PostgreSQL's own are among them, so an overload of a function above makes it unknown; so are all
  of its own that are volatile.
* Nothing that begins with `pg_` is read: neither views of the server's state, which differ from
  one connection to another, nor functions.
* Names that the catalogs spell otherwise than the text (escapes, letters beyond ASCII, cut ones)
  are refused unread.

That what the text names is what the catalogs were read for is the caller's to know: temporary
relations come first in a session that has some, types of parameters stand in no text, and DDL may
have run since.
"""

from pglane.wire.lexemes import END, NUMBER, QUOTED, STRING, SYMBOL, WORD, Lexer
from pglane.wire.mentions import NAME_BYTES_MAX, Names
from pglane.wire.statement_words import FUNCTIONS

KEYWORDS = frozenset(
    b"""
    all and any array as between bit by case char character cross dec decimal distinct else escape
    except exists filter float from group having ilike in intersect interval join lateral limit
    like not nullif numeric offset on only or over row select sets some symmetric then time
    timestamp to union using values varchar varying when where
    """.split()
)
"""May stand in front of a parenthesis that begins no call, or that of a cast to a type."""
BUILT_IN = frozenset(
    b"""
    abs acos age any_value array_agg array_append array_cat array_length array_lower array_ndims
    array_position array_positions array_prepend array_remove array_replace array_to_json
    array_to_string array_upper ascii asin atan atan2 avg bit_and bit_length bit_or bool_and
    bool_or btrim cardinality cast cbrt ceil ceiling char_length character_length chr coalesce
    concat concat_ws corr cos count covar_pop covar_samp cume_dist date_bin date_part date_trunc
    decode degrees dense_rank div encode every exp extract first_value floor format gcd
    generate_series generate_subscripts greatest grouping initcap isfinite json_agg
    json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
    json_object_agg json_object_keys json_strip_nulls json_typeof jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
    jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object jsonb_object_agg
    jsonb_object_keys jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_typeof justify_days
    justify_hours justify_interval lag last_value lcm lead least left length ln log lower lpad
    ltrim make_date make_interval make_time make_timestamp make_timestamptz max md5 min mod mode
    now nth_value ntile octet_length overlay percent_rank percentile_cont percentile_disc pi
    position power quote_ident radians rank regexp_replace
    regexp_split_to_array regexp_split_to_table repeat replace reverse right round row_number
    row_to_json rpad rtrim sha224 sha256 sha384 sha512 sign sin split_part sqrt
    statement_timestamp starts_with stddev stddev_pop stddev_samp string_agg string_to_array
    strpos substr substring sum tan to_char to_date to_hex to_json to_jsonb to_number to_timestamp
    transaction_timestamp translate trim trunc unnest upper var_pop var_samp variance width_bucket
    """.split()
)
"""PostgreSQL's own functions, and what its grammar makes calls of them; a test asks a server."""
OPENING = KEYWORDS | BUILT_IN
REFUSED = frozenset(FUNCTIONS) | frozenset(
    b"""
    alter analyse analyze call cluster copy create cursor declare delete discard do drop execute
    explain fetch grant import information_schema insert into listen load lock merge notify
    prepare reassign refresh reindex reset returning revoke set_config share temp temporary
    truncate update vacuum
    """.split()
)
"""Whatever they mean where they stand; most of them would be an error there."""
RESERVED = b"pg_"
"""What the names of PostgreSQL's own relations and of its server's functions begin with."""

_DOT = 46
_OPENS = 40


def repeatable(text: bytes, standard_conforming_strings: bool, names: Names) -> bool:
    """Whether a text that is one SELECT or VALUES without effects is proved to be such a read."""
    runs = names.runs
    if runs is None or names.everything:
        return False
    lexer = Lexer(text, standard_conforming_strings)
    opening = True
    qualified = False
    token = lexer.next()
    while token != END:
        if token == SYMBOL:
            if lexer.symbol == _OPENS and not opening:
                return False
            qualified = lexer.symbol == _DOT
            opening = True
        elif token in (WORD, QUOTED):
            if not _is_plain(lexer, token, runs):
                return False
            # A quoted name is none of them.
            opening = not qualified and lexer.piece().lower() in OPENING
            qualified = False
        elif token in (STRING, NUMBER):
            opening = qualified = False
        else:
            return False
        token = lexer.next()
    return True


def _is_plain(lexer: Lexer, token: int, runs: frozenset[bytes]) -> bool:
    """Whether a name or word is read as it is written, and leads to no code."""
    piece = lexer.piece()
    if len(piece) > NAME_BYTES_MAX or not piece.isascii():
        return False
    quoted = token == QUOTED
    name = piece[1 : len(piece) - 1].replace(b'""', b'"') if quoted else piece.lower()
    return not (name in runs or name in REFUSED or name.startswith(RESERVED))
