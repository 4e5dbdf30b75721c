"""What the monitor asks a database's catalogs: what there is, its texts, and whether it changed.

`LISTING` tells what there is, whole and in one snapshot, each row by its number and its `xmin`.
Every text that PostgreSQL may run by itself is asked for apart, in the form in which PostgreSQL
prints it, and only where it is not known yet (`catalog_texts`): to print 5,000 views takes a
second or more, and a lock on each relation in them. No value of a client is part of such a text.

Which column has a relation of its own type is read from what that type's DROP goes by (pg_depend):
by an index, where to walk through all columns of 20,000 tables takes 80 ms.
"""
# ruff: noqa: S608 -- every part of these texts is a constant of this file

from collections.abc import Iterator, Sequence

USER = "16384"
"""Objects with a lower number came with PostgreSQL (FirstNormalObjectId)."""


def _text_list(*expressions: str) -> str:
    return "concat_ws(' ', " + ", ".join(expressions) + ")"


LOCKING = frozenset({"functions", "rules"})
"""To print one of these locks the relations that it names until the statement's end."""
TEXTS_MAX, LOCKING_MAX = 2_000, 100
"""Texts that are printed by one statement. The locks of all sessions have one table, whose size is
`max_locks_per_transaction` for each: who fills it makes statements of others fail."""

SESSION_SETTINGS = (
    "SET statement_timeout = '30s'",
    "SET search_path = pg_catalog",
    "SET lock_timeout = '500ms'",
    "SET standard_conforming_strings = on",
    "SET quote_all_identifiers = off",
    "SET default_transaction_isolation = 'read committed'",
)
"""Said once on the monitor connection, whatever the role has been given by ALTER ROLE .. SET.

Names of other schemas come with their schema. What is locked to print other texts is let go while
somebody keeps it from the next one. What is not answered in the time that the monitor waits ends
in the server, too. The texts below, and those that are printed, are read in one way."""
BRIEFLY = "SET LOCAL lock_timeout = '10ms'; "
"""Said ahead of what is asked for though a lock has kept something from being printed just before.
To wait is then mostly in vain, and the more is locked the more often it is done; where nothing is
locked nothing waits. It ends with the question, which is one transaction."""


def _name(column: str) -> str:
    """A name on one line: a backslash stands before a backslash, and before an n for its end."""
    return rf"replace(replace({column}::text, '\', '\\'), E'\n', '\n')"


_OWN = f"""(SELECT word AS name FROM pg_get_keywords()
    UNION SELECT proname::text FROM pg_proc WHERE oid < {USER}
    UNION SELECT typname::text FROM pg_type WHERE oid < {USER}) x"""
_SETTINGS = r"""pg_settings x WHERE x.context IN ('user', 'superuser')
    AND x.name NOT LIKE 'transaction\_%'
    AND x.name NOT IN ('dynamic_library_path', 'session_preload_libraries')"""
_MEMBERS = """pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass
    AND d.deptype = 'e'"""
_COLUMNS = f"""pg_depend d WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid >= {USER}
    AND d.classid = 'pg_class'::regclass AND d.objsubid > 0"""
_ACTING = " UNION ".join(
    f"""SELECT p.proname AS name FROM {catalog} x JOIN pg_proc p ON p.oid = x.{column}
      JOIN pg_language l ON l.oid = p.prolang
      WHERE x.oid >= {USER} AND NOT (l.lanname = 'c' AND EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
          AND d.deptype = 'e'))"""
    for catalog, column in {
        "pg_operator": "oprcode",
        "pg_cast": "castfunc",
        "pg_amproc": "amproc",
        "pg_conversion": "conproc",
        "pg_event_trigger": "evtfoid",
    }.items()
)


def _members_of(catalog: str, number: str) -> str:
    """The name of the extension that a row belongs to; a dash: to none."""
    return f"""coalesce((SELECT e.extname::text FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = '{catalog}'::regclass AND d.objid = {number} AND d.deptype = 'e'
          AND d.refclassid = 'pg_extension'::regclass LIMIT 1), '-')"""


_SUPPORT = " UNION ".join(
    [
        f"""SELECT '{catalog}', {_members_of(catalog, "x.oid")}
          FROM {catalog} x WHERE x.oid >= {USER}"""
        for catalog in ("pg_operator", "pg_cast", "pg_conversion", "pg_am")
    ]
    + [
        f"""SELECT 'pg_amproc', {_members_of("pg_proc", "p.oid")}
          FROM pg_amproc x JOIN pg_proc p ON p.oid = x.amproc
          WHERE x.oid >= {USER} AND (p.oid >= {USER} OR p.provolatile = 'v')"""
    ]
)
"""What acts without being named, by the catalog it stands in and the extension it belongs to. That
an operator uses a function of PostgreSQL's own says nothing: it may be nextval."""
_FOLDED = """SELECT partrelid AS oid FROM pg_partitioned_table WHERE partexprs IS NOT NULL
    UNION SELECT stxrelid FROM pg_statistic_ext WHERE stxexprs IS NOT NULL"""
"""Relations with expressions that the planner computes in advance, and that are not printed."""
_TYPE_FUNCTIONS = [
    f"x.{column}" for column in "typinput typoutput typreceive typsend typmodin typmodout".split()
]
_PRINTS = (
    f"(x.typtype <> 'b' OR greatest({', '.join(each + '::oid' for each in _TYPE_FUNCTIONS)})"
    f" >= {USER})::int"
)
_BODY = "pg_get_function_sqlbody(x.oid)"
_AGGREGATE = [
    f"nullif(a.{column}, 0)::regproc"
    for column in "aggtransfn aggfinalfn aggcombinefn aggserialfn aggdeserialfn aggmtransfn "
    "aggminvtransfn aggmfinalfn".split()
]

LISTED: dict[str, tuple[tuple[str, ...], str]] = {
    "own": ((_name("x.name"),), _OWN),
    "settings": ((_name("x.name"),), _SETTINGS),
    "languages": (("x.oid", _name("x.lanname")), "pg_language x"),
    "members": (("d.objid", _name("x.extname")), _MEMBERS),
    "acting": ((_name("x.name"),), f"({_ACTING}) x"),
    "volatile": ((_name("x.proname"),), f"pg_proc x WHERE x.oid < {USER} AND provolatile = 'v'"),
    "support": (("x.catalog", _name("x.extension")), f"({_SUPPORT}) x (catalog, extension)"),
    "folded": (("x.oid",), f"({_FOLDED}) x"),
    "functions": (
        (
            "x.oid",
            "x.xmin",
            "CASE x.prokind WHEN 'a' THEN 0 ELSE x.prolang END",
            _name("x.proname"),
        ),
        f"pg_proc x WHERE x.oid >= {USER}",
    ),
    "relations": (
        ("x.oid", "x.xmin", "x.relkind", "x.reltype", _name("x.relname")),
        f"""pg_class x WHERE x.oid >= {USER} AND x.relpersistence <> 't'
          AND x.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')""",
    ),
    "types": (
        ("x.oid", "x.xmin", _PRINTS, "x.typelem", _name("x.typname")),
        f"pg_type x WHERE x.oid >= {USER} AND x.typtype IN ('b', 'd', 'r', 'm')",
    ),
    "triggers": (
        ("x.oid", "x.xmin", "x.tgrelid"),
        "pg_trigger x WHERE NOT x.tgisinternal AND x.tgenabled <> 'D'",
    ),
    "rules": (
        ("x.oid", "x.xmin", "x.ev_class", "x.ev_type"),
        f"pg_rewrite x WHERE x.oid >= {USER}",
    ),
    "policies": (("x.oid", "x.xmin", "x.polrelid"), "pg_policy x"),
    "defaults": (("x.oid", "x.xmin", "x.adrelid"), "pg_attrdef x"),
    "constraints": (
        ("x.oid", "x.xmin", "x.conrelid", "x.contypid"),
        f"pg_constraint x WHERE x.oid >= {USER} AND x.contype IN ('c', 'x')",
    ),
    "indexes": (
        ("x.indexrelid", "x.xmin", "x.indrelid"),
        "pg_index x WHERE x.indexprs IS NOT NULL OR x.indpred IS NOT NULL",
    ),
    "references": (
        ("x.confrelid", "x.conrelid"),
        """pg_constraint x WHERE x.contype = 'f'
          AND (x.confdeltype IN ('c', 'n', 'd') OR x.confupdtype IN ('c', 'n', 'd'))""",
    ),
    "heirs": (("x.inhparent", "x.inhrelid"), "pg_inherits x"),
    "columns": (("d.objid", "d.refobjid"), _COLUMNS),
}
"""The parts of `LISTING` by name: the fields of an item, and the rows that there is one for."""

LISTING = "SELECT * FROM " + ",\n".join(
    "(SELECT "
    + ", ".join(f"string_agg({field}::text, E'\\n')" for field in fields)
    + f" FROM {rows}) AS the_{part}"
    for part, (fields, rows) in LISTED.items()
)
"""One row, in one snapshot: all that there is, field by field, with a line for each item. Nothing
in it is printed by PostgreSQL; that is asked for apart."""

PRINTED: dict[str, tuple[str, str]] = {
    "functions": (
        f"""CASE x.prokind WHEN 'a' THEN (SELECT {_text_list(*_AGGREGATE)} FROM pg_aggregate a
            WHERE a.aggfnoid = x.oid)
          ELSE {_text_list("x.prosrc", _BODY, "pg_get_expr(x.proargdefaults, 0)")} END""",
        "pg_proc x WHERE x.oid",
    ),
    "types": (
        _text_list(
            "format_type(nullif(x.typbasetype, 0), NULL)",
            "x.typdefault",
            *(f"nullif({each}, 0)::regproc" for each in _TYPE_FUNCTIONS),
            """(SELECT concat_ws(' ', format_type(g.rngsubtype, NULL), nullif(g.rngcanonical, 0)
                ::regproc, nullif(g.rngsubdiff, 0)::regproc)
              FROM pg_range g WHERE x.oid IN (g.rngtypid, g.rngmultitypid))""",
        ),
        "pg_type x WHERE x.oid",
    ),
    "triggers": ("pg_get_triggerdef(x.oid)", "pg_trigger x WHERE x.oid"),
    "rules": ("pg_get_ruledef(x.oid)", "pg_rewrite x WHERE x.oid"),
    "policies": (
        _text_list(
            "pg_get_expr(x.polqual, x.polrelid)", "pg_get_expr(x.polwithcheck, x.polrelid)"
        ),
        "pg_policy x WHERE x.oid",
    ),
    "defaults": ("pg_get_expr(x.adbin, x.adrelid)", "pg_attrdef x WHERE x.oid"),
    "constraints": ("pg_get_constraintdef(x.oid)", "pg_constraint x WHERE x.oid"),
    "indexes": (
        _text_list("pg_get_expr(x.indexprs, x.indrelid)", "pg_get_expr(x.indpred, x.indrelid)"),
        "pg_index x WHERE x.indexrelid",
    ),
}
"""What is printed of the items of some parts, and of which rows."""


def texts_max(part: str) -> int:
    """How many texts of a part of the listing one statement may ask for."""
    return LOCKING_MAX if part in LOCKING else TEXTS_MAX


def texts_query(part: str, numbers: Sequence[bytes], *, briefly: bool = False) -> str:
    """What asks for the texts of some items of a part of the listing, by their numbers (OID).

    Its rows are a number and a text; there is none for what was dropped meanwhile.

    Args:
        part: one of `PRINTED`.
        numbers: decimal; at most `texts_max(part)` of them.
        briefly: a lock is waited for 10 ms in place of half a second.
    """
    text, rows = PRINTED[part]
    listed = b",".join(numbers).decode()
    number = rows.rpartition(" ")[2]
    waits = BRIEFLY if briefly else ""
    return f"{waits}SELECT {number}, {text} FROM {rows} = ANY ('{{{listed}}}'::oid[])"


def _epoch_parts() -> Iterator[str]:
    """One number for each catalog that `LISTING` reads: the rows' numbers and transactions."""
    user = f"x.oid >= {USER}"
    for catalog in ("proc", "operator", "cast", "amproc", "conversion", "extension", "am"):
        yield f"pg_{catalog} x WHERE {user}"
    yield "pg_event_trigger x"
    yield "pg_statistic_ext x"
    yield f"pg_type x WHERE {user} AND x.typtype IN ('b', 'd', 'r', 'm')"
    yield f"pg_class x WHERE {user} AND x.relpersistence <> 't'"
    kept = "c.relpersistence <> 't'"
    for catalog, column in (
        ("trigger", "tgrelid"),
        ("rewrite", "ev_class"),
        ("policy", "polrelid"),
        ("attrdef", "adrelid"),
    ):
        yield f"pg_{catalog} x JOIN pg_class c ON c.oid = x.{column} WHERE {user} AND {kept}"
    yield "(SELECT inhrelid AS oid, xmin FROM pg_inherits) x"
    yield (
        "pg_constraint x LEFT JOIN pg_class c ON c.oid = x.conrelid "
        f"WHERE {user} AND coalesce({kept}, true)"
    )


CATALOG_EPOCH = "SELECT " + ", ".join(
    "(SELECT count(*) || ' ' || sum(hashtextextended(x.oid || ' ' || x.xmin, 0)) FROM "
    + part
    + ")"
    for part in _epoch_parts()
)
"""One row that differs when any of those rows was inserted, changed or deleted."""
