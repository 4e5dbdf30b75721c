"""The words that tell a statement's kind, and those that tell what it may leave in the session.

`Kind` follows the first words of a statement, `Effect` follows from words anywhere in it. The
tables are data: `pglane.wire.statements` reads them, nothing here decides. Functions count when
a parenthesis follows their name (a call cannot be written without one), in any schema, quoted or
not.
"""

from enum import IntEnum, IntFlag, auto


class Kind(IntEnum):
    """What a statement is, by its first words.

    WITH stands for whatever statement follows the common table expressions. EXPLAIN may run the
    statement it explains. SELECT may be SELECT INTO or take row locks. OTHER_UTILITY is kept for
    statements of later server versions; UNKNOWN must be treated as any of the others.
    """

    SELECT = auto()
    VALUES = auto()
    TABLE = auto()
    WITH = auto()
    INSERT = auto()
    UPDATE = auto()
    DELETE = auto()
    MERGE = auto()
    BEGIN = auto()
    COMMIT = auto()
    ROLLBACK = auto()
    SAVEPOINT = auto()
    RELEASE = auto()
    ROLLBACK_TO = auto()
    PREPARE_TRANSACTION = auto()
    COMMIT_PREPARED = auto()
    SET = auto()
    SET_LOCAL = auto()
    SET_TRANSACTION = auto()
    RESET = auto()
    SHOW = auto()
    DISCARD = auto()
    PREPARE = auto()
    EXECUTE = auto()
    DEALLOCATE = auto()
    DECLARE = auto()
    FETCH = auto()
    MOVE = auto()
    CLOSE = auto()
    LISTEN = auto()
    UNLISTEN = auto()
    NOTIFY = auto()
    LOCK = auto()
    COPY = auto()
    CREATE = auto()
    ALTER = auto()
    DROP = auto()
    TRUNCATE = auto()
    EXPLAIN = auto()
    ANALYZE = auto()
    VACUUM = auto()
    CLUSTER = auto()
    REINDEX = auto()
    CHECKPOINT = auto()
    DO = auto()
    CALL = auto()
    LOAD = auto()
    GRANT = auto()
    REVOKE = auto()
    COMMENT = auto()
    REFRESH = auto()
    IMPORT = auto()
    SECURITY = auto()
    REASSIGN = auto()
    OTHER_UTILITY = auto()
    EMPTY = auto()
    UNKNOWN = auto()


class Effect(IntFlag):
    """What a text may leave behind in the session, as far as the text shows.

    What user functions, triggers, views and column defaults do is not in the text. A flag says
    "may": EXPLAIN of a call counts like the call. SETTING: one of those named; SETTING_LISTED: one
    that pg_settings lists; SETTING_UNKNOWN: any; RESET_SOME: one goes back to its default.
    CATALOG and DATABASE leave nothing in the session: names and types may mean something else from
    then on; a database must be free of others.
    "may": EXPLAIN of a call counts like the call. SEQUENCE_READ asks for a value that no statement
    before it in the text can have drawn. MALFORMED is what a server refuses to read (a word that
    begins no statement, a string without end), so that nothing of the text runs.
    """

    NONE = 0
    SETTING = auto()
    SETTING_UNKNOWN = auto()
    RESET_ALL = auto()
    ROLE = auto()
    CHARACTERISTICS = auto()
    PREPARED = auto()
    EXECUTES = auto()
    DEALLOCATE = auto()
    DEALLOCATE_ALL = auto()
    DISCARD_ALL = auto()
    DISCARD_SOME = auto()
    TEMP = auto()
    ADVISORY = auto()
    ADVISORY_UNLOCK = auto()
    LISTEN = auto()
    UNLISTEN = auto()
    NOTIFY = auto()
    HOLD = auto()
    CURSOR = auto()
    LOAD = auto()
    SEQUENCE = auto()
    OPAQUE = auto()
    TRANSACTION = auto()
    COPY = auto()
    LOCAL_SETTING = auto()
    SEED = auto()
    LARGE_OBJECT = auto()
    DBLINK = auto()
    UNKNOWN = auto()
    RESET_SOME = auto()
    SETTING_LISTED = auto()
    CATALOG = auto()
    DATABASE = auto()
    UNSEEN = auto()
    """It names what may have effects that no text shows (`pglane.wire.unseen`)."""
    SEQUENCE_READ = auto()
    MALFORMED = auto()
    SETTING_BOUND = auto()
    """The setting that a parameter of the statement names (`pglane.wire.bound_settings`)."""
    SEQUENCE_TOLD = auto()
    """It may ask for the last value of a sequence, whoever drew it."""


FIRST_WORDS: dict[bytes, tuple[Kind, Effect, int]] = {
    # word: kind, effect of every such statement, how many tokens its exact form depends on
    b"select": (Kind.SELECT, Effect.NONE, 0),
    b"values": (Kind.VALUES, Effect.NONE, 0),
    b"table": (Kind.TABLE, Effect.NONE, 0),
    b"with": (Kind.WITH, Effect.NONE, 0),
    b"insert": (Kind.INSERT, Effect.NONE, 0),
    b"update": (Kind.UPDATE, Effect.NONE, 0),
    b"delete": (Kind.DELETE, Effect.NONE, 0),
    b"merge": (Kind.MERGE, Effect.NONE, 0),
    b"begin": (Kind.BEGIN, Effect.TRANSACTION, 0),
    b"start": (Kind.BEGIN, Effect.NONE, 2),
    b"commit": (Kind.COMMIT, Effect.NONE, 2),
    b"end": (Kind.COMMIT, Effect.TRANSACTION, 0),
    b"rollback": (Kind.ROLLBACK, Effect.NONE, 3),
    b"abort": (Kind.ROLLBACK, Effect.TRANSACTION, 0),
    b"savepoint": (Kind.SAVEPOINT, Effect.NONE, 0),
    b"release": (Kind.RELEASE, Effect.NONE, 0),
    b"set": (Kind.SET, Effect.NONE, 64),
    b"reset": (Kind.RESET, Effect.NONE, 8),
    b"show": (Kind.SHOW, Effect.NONE, 0),
    b"discard": (Kind.DISCARD, Effect.NONE, 2),
    b"prepare": (Kind.PREPARE, Effect.NONE, 3),
    b"execute": (Kind.EXECUTE, Effect.EXECUTES, 0),
    b"deallocate": (Kind.DEALLOCATE, Effect.NONE, 3),
    b"declare": (Kind.DECLARE, Effect.NONE, 1),
    b"fetch": (Kind.FETCH, Effect.NONE, 0),
    b"move": (Kind.MOVE, Effect.NONE, 0),
    b"close": (Kind.CLOSE, Effect.NONE, 0),
    b"listen": (Kind.LISTEN, Effect.LISTEN, 0),
    b"unlisten": (Kind.UNLISTEN, Effect.UNLISTEN, 0),
    b"notify": (Kind.NOTIFY, Effect.NOTIFY, 0),
    b"lock": (Kind.LOCK, Effect.NONE, 0),
    b"copy": (Kind.COPY, Effect.COPY, 0),
    b"create": (Kind.CREATE, Effect.CATALOG, 4),
    b"alter": (Kind.ALTER, Effect.CATALOG, 2),
    b"drop": (Kind.DROP, Effect.CATALOG, 2),
    b"truncate": (Kind.TRUNCATE, Effect.NONE, 0),
    b"explain": (Kind.EXPLAIN, Effect.NONE, 0),
    b"analyze": (Kind.ANALYZE, Effect.NONE, 0),
    b"analyse": (Kind.ANALYZE, Effect.NONE, 0),
    b"vacuum": (Kind.VACUUM, Effect.NONE, 0),
    b"cluster": (Kind.CLUSTER, Effect.NONE, 0),
    b"reindex": (Kind.REINDEX, Effect.NONE, 0),
    b"checkpoint": (Kind.CHECKPOINT, Effect.NONE, 0),
    b"do": (Kind.DO, Effect.OPAQUE, 0),
    b"call": (Kind.CALL, Effect.OPAQUE, 0),
    b"load": (Kind.LOAD, Effect.LOAD, 0),
    b"grant": (Kind.GRANT, Effect.NONE, 0),
    b"revoke": (Kind.REVOKE, Effect.NONE, 0),
    b"comment": (Kind.COMMENT, Effect.NONE, 0),
    b"refresh": (Kind.REFRESH, Effect.NONE, 0),
    b"import": (Kind.IMPORT, Effect.CATALOG, 0),
    b"security": (Kind.SECURITY, Effect.NONE, 0),
    b"reassign": (Kind.REASSIGN, Effect.NONE, 0),
}

FUNCTIONS: dict[bytes, Effect] = {
    b"pg_advisory_lock": Effect.ADVISORY,
    b"pg_advisory_lock_shared": Effect.ADVISORY,
    b"pg_try_advisory_lock": Effect.ADVISORY,
    b"pg_try_advisory_lock_shared": Effect.ADVISORY,
    b"pg_advisory_unlock": Effect.ADVISORY_UNLOCK,
    b"pg_advisory_unlock_shared": Effect.ADVISORY_UNLOCK,
    b"pg_advisory_unlock_all": Effect.ADVISORY_UNLOCK,
    b"pg_notify": Effect.NOTIFY,
    b"setseed": Effect.SEED,
    b"nextval": Effect.SEQUENCE,
    b"setval": Effect.SEQUENCE,
    b"currval": Effect.SEQUENCE_READ,
    b"lastval": Effect.SEQUENCE_READ,
    # pg_trgm's old way to set pg_trgm.similarity_threshold
    b"set_limit": Effect.SETTING_LISTED,
    # isn's switch, a variable of the library in versions before 18
    b"isn_weak": Effect.UNKNOWN,
    # these run an SQL text that they get as a value
    b"query_to_xml": Effect.OPAQUE,
    b"query_to_xmlschema": Effect.OPAQUE,
    b"query_to_xml_and_xmlschema": Effect.OPAQUE,
    b"ts_stat": Effect.OPAQUE,
    b"ts_rewrite": Effect.OPAQUE,
    b"crosstab": Effect.OPAQUE,
    b"crosstab2": Effect.OPAQUE,
    b"crosstab3": Effect.OPAQUE,
    b"crosstab4": Effect.OPAQUE,
    b"crosstabn": Effect.OPAQUE,
    b"connectby": Effect.OPAQUE,
    b"xpath_table": Effect.OPAQUE,
    # these leave session state that has no flag of its own
    b"pg_replication_origin_session_setup": Effect.UNKNOWN,
    b"pg_replication_origin_session_reset": Effect.UNKNOWN,
    b"pg_create_physical_replication_slot": Effect.UNKNOWN,
    b"pg_create_logical_replication_slot": Effect.UNKNOWN,
    b"pg_copy_physical_replication_slot": Effect.UNKNOWN,
    b"pg_copy_logical_replication_slot": Effect.UNKNOWN,
    b"pg_backup_start": Effect.UNKNOWN,
    b"pg_backup_stop": Effect.UNKNOWN,
    b"pg_start_backup": Effect.UNKNOWN,
    b"pg_stop_backup": Effect.UNKNOWN,
}
FUNCTIONS.update(
    dict.fromkeys(
        (
            *(b"lo_close", b"lo_creat", b"lo_create", b"lo_export", b"lo_from_bytea", b"lo_get"),
            *(b"lo_import", b"lo_lseek", b"lo_lseek64", b"lo_open", b"lo_put", b"lo_tell"),
            *(b"lo_tell64", b"lo_truncate", b"lo_truncate64", b"lo_unlink", b"loread", b"lowrite"),
        ),
        Effect.LARGE_OBJECT,
    )
)
# A connection of dblink stays open; without one its other functions leave nothing.
FUNCTIONS.update(dict.fromkeys((b"dblink_connect", b"dblink_connect_u"), Effect.DBLINK))

DRAWING = frozenset(
    {Kind.INSERT, Kind.MERGE, Kind.WITH, Kind.COPY, Kind.EXECUTE, Kind.CALL, Kind.DO, Kind.UNKNOWN}
)
"""Kinds of statements that may call nextval, as far as it is usual."""
DRAWING_NOTHING = frozenset(
    {
        *(Kind.SELECT, Kind.VALUES, Kind.TABLE, Kind.EMPTY, Kind.SHOW),
        *(Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.SAVEPOINT, Kind.RELEASE, Kind.ROLLBACK_TO),
        *(Kind.PREPARE_TRANSACTION, Kind.COMMIT_PREPARED, Kind.LOCK, Kind.CHECKPOINT),
        *(Kind.SET, Kind.SET_LOCAL, Kind.SET_TRANSACTION, Kind.RESET, Kind.DISCARD),
        *(Kind.PREPARE, Kind.DEALLOCATE, Kind.DECLARE, Kind.FETCH, Kind.MOVE, Kind.CLOSE),
        *(Kind.LISTEN, Kind.UNLISTEN, Kind.NOTIFY),
    }
)
"""Kinds that call nextval only if it, or the name of what calls it, stands in the text, and change
nothing for good unless their effects say so. (GRANT and the like draw nothing, but do change.)"""
DRAWING_EFFECTS = (
    Effect.SEQUENCE | Effect.OPAQUE | Effect.EXECUTES | Effect.UNKNOWN | Effect.UNSEEN
)
ROLE_SETTINGS = frozenset({b"role", b"session_authorization"})
READING_SETTINGS = frozenset(
    b"""array_nulls backslash_quote client_encoding datestyle intervalstyle lc_monetary
    restrict_nonsystem_relation_kind standard_conforming_strings timezone timezone_abbreviations
    transform_null_equals xmloption""".split()
)
"""They decide what a text means at the moment when PostgreSQL parses it, and never again."""
RENAMED_SETTINGS = {b"sort_mem": b"work_mem", b"vacuum_mem": b"maintenance_work_mem"}
CHARACTERISTICS = (
    (b"isolation", b"default_transaction_isolation"),
    (b"read", b"default_transaction_read_only"),
    (b"deferrable", b"default_transaction_deferrable"),
)
DISCARDS = {
    b"all": Effect.DISCARD_ALL,
    b"plans": Effect.DISCARD_SOME,
    b"sequences": Effect.DISCARD_SOME,
    b"temp": Effect.DISCARD_SOME,
    b"temporary": Effect.DISCARD_SOME,
}

# Names of client encodings, as PostgreSQL compares them: letters and digits only, in lower case.
# In these no byte below 128 is part of a longer character, and no conversion to a server encoding
# makes such a byte out of others (tried for every character and pair on versions 15 and 18).
_SAFE = """
    utf8 unicode sqlascii muleinternal abc alt tcvn tcvn5712 vscii win koi8 koi8r koi8u
    euccn eucjp eucjis2004 euckr euctw iso88595 iso88596 iso88597 iso88598
    latin1 latin2 latin3 latin4 latin5 latin6 latin7 latin8 latin9 latin10
    iso88591 iso88592 iso88593 iso88594 iso88599 iso885910 iso885913 iso885914 iso885915 iso885916
    win866 win874 win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258
    windows866 windows874 windows1250 windows1251 windows1252 windows1253 windows1254 windows1255
    windows1256 windows1257 windows1258
"""
# The same as the server reports them, to be found without rewriting the name.
_SAFE_REPORTED = """
    UTF8 SQL_ASCII MULE_INTERNAL EUC_CN EUC_JP EUC_JIS_2004 EUC_KR EUC_TW KOI8R KOI8U
    ISO_8859_5 ISO_8859_6 ISO_8859_7 ISO_8859_8
    LATIN1 LATIN2 LATIN3 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10
    WIN866 WIN874 WIN1250 WIN1251 WIN1252 WIN1253 WIN1254 WIN1255 WIN1256 WIN1257 WIN1258
"""
# In these a quote or backslash byte may be the second byte of a character.
_UNSAFE = """
    sjis mskanji shiftjis shiftjis2004 windows932 win932 big5 windows950 win950 gbk windows936
    win936 uhc windows949 win949 gb18030 johab
"""
ENCODINGS_SAFE = frozenset(_SAFE.split())
ENCODINGS_SAFE_REPORTED = frozenset(_SAFE_REPORTED.split())
ENCODINGS_UNSAFE = frozenset(_UNSAFE.split())
