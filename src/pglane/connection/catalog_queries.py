"""What the monitor asks a database's catalogs: the rows of the closure, and whether they changed.

Every text that PostgreSQL may run by itself is asked for in the form in which PostgreSQL prints
it, under the name of the function, relation or type that leads to it. Temporary objects are left
out: no other session can name them. No value of a client is part of any of these texts.

Kinds of rows: `f` a function; `r` what may happen when the name is read, `w` when it is written;
`g` a function that acts without being named; `b` a name of PostgreSQL's own; `s` a setting.
"""
# ruff: noqa: S608 -- every part of these texts is a constant of this file

from collections.abc import Iterator

USER = "16384"
"""Objects with a lower number came with PostgreSQL (FirstNormalObjectId)."""

_KEPT = "c.oid >= 16384 AND c.relpersistence <> 't'"


def _text_list(*expressions: str) -> str:
    return "concat_ws(' ', " + ", ".join(expressions) + ")"


def _catalog_parts() -> Iterator[str]:
    """Queries of five columns: kind, name, language, extension, text."""
    none = "'', ''"
    yield "SELECT 'b', word, '', '', '' FROM pg_get_keywords()"
    yield f"""SELECT 's', name, {none}, '' FROM pg_settings WHERE context IN ('user', 'superuser')
      AND name NOT LIKE 'transaction\\_%'
      AND name NOT IN ('dynamic_library_path', 'session_preload_libraries')"""
    yield f"SELECT DISTINCT 'b', proname::text, {none}, '' FROM pg_proc WHERE oid < {USER}"
    yield f"SELECT DISTINCT 'b', typname::text, {none}, '' FROM pg_type WHERE oid < {USER}"
    body = "pg_get_function_sqlbody(p.oid)"
    yield f"""SELECT 'f', p.proname::text, l.lanname::text, coalesce(e.extname, '')::text,
        {_text_list("p.prosrc", body, "pg_get_expr(p.proargdefaults, 0)")}
      FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
      LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
      LEFT JOIN pg_extension e ON e.oid = d.refobjid
      WHERE p.oid >= {USER} AND p.prokind <> 'a'"""
    parts = [
        f"nullif(a.{column}, 0)::regproc"
        for column in "aggtransfn aggfinalfn aggcombinefn aggserialfn aggdeserialfn aggmtransfn "
        "aggminvtransfn aggmfinalfn".split()
    ]
    yield f"""SELECT 'f', p.proname::text, 'names', '', {_text_list(*parts)}
      FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.oid >= {USER}"""
    yield from _relation_parts(none)
    yield from _global_parts(none)


def _relation_parts(none: str) -> Iterator[str]:
    relation = "JOIN pg_class c ON c.oid ="
    yield f"""SELECT 'r', c.relname::text, CASE c.relkind WHEN 'f' THEN 'foreign' ELSE '' END,
        '', ''
      FROM pg_class c WHERE {_KEPT} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""
    yield f"""SELECT 'w', c.relname::text, {none}, pg_get_triggerdef(t.oid)
      FROM pg_trigger t {relation} t.tgrelid
      WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND {_KEPT}"""
    yield f"""SELECT CASE r.ev_type WHEN '1' THEN 'r' ELSE 'w' END, c.relname::text, {none},
      pg_get_ruledef(r.oid) FROM pg_rewrite r {relation} r.ev_class WHERE {_KEPT}"""
    both = _text_list("pg_get_expr(p.polqual, c.oid)", "pg_get_expr(p.polwithcheck, c.oid)")
    yield f"""SELECT 'r', c.relname::text, {none}, {both}
      FROM pg_policy p {relation} p.polrelid WHERE {_KEPT}"""
    yield f"""SELECT 'w', c.relname::text, {none}, pg_get_expr(d.adbin, d.adrelid)
      FROM pg_attrdef d {relation} d.adrelid WHERE {_KEPT}"""
    yield f"""SELECT 'w', c.relname::text, {none}, pg_get_constraintdef(k.oid)
      FROM pg_constraint k {relation} k.conrelid WHERE k.contype IN ('c', 'x') AND {_KEPT}"""
    yield f"""SELECT 'w', c.relname::text, {none}, quote_ident(o.relname)
      FROM pg_constraint k {relation} k.confrelid JOIN pg_class o ON o.oid = k.conrelid
      WHERE k.contype = 'f' AND {_KEPT}
        AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))"""
    indexed = _text_list("pg_get_expr(i.indexprs, c.oid)", "pg_get_expr(i.indpred, c.oid)")
    yield f"""SELECT 'w', c.relname::text, {none}, {indexed} FROM pg_index i {relation} i.indrelid
      WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND {_KEPT}"""
    yield f"""SELECT 'r', c.relname::text, {none}, quote_ident(o.relname)
      FROM pg_inherits h {relation} h.inhparent JOIN pg_class o ON o.oid = h.inhrelid
      WHERE {_KEPT}"""
    yield f"""SELECT DISTINCT CASE t.typtype WHEN 'd' THEN 'w' ELSE 'r' END, c.relname::text,
      {none}, format_type(t.oid, NULL) FROM pg_attribute a {relation} a.attrelid
      JOIN pg_type t ON t.oid = a.atttypid
      WHERE t.oid >= {USER} AND NOT a.attisdropped AND {_KEPT} AND c.relkind IN ('r', 'p', 'f')"""
    yield f"""SELECT 'r', t.typname::text, {none}, concat_ws(' ', format_type(t.typbasetype, NULL),
        t.typdefault, (SELECT string_agg(pg_get_constraintdef(k.oid), ' ')
          FROM pg_constraint k WHERE k.contypid = t.oid))
      FROM pg_type t WHERE t.typtype = 'd' AND t.oid >= {USER}"""


def _global_parts(none: str) -> Iterator[str]:
    columns = ["typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout"]
    functions = _text_list(*[f"nullif(t.{column}, 0)::regproc" for column in columns])
    yield f"""SELECT 'r', t.typname::text, {none}, {functions}
      FROM pg_type t WHERE t.oid >= {USER} AND t.typtype IN ('b', 'r', 'm')"""
    yield f"""SELECT 'r', t.typname::text, {none},
        {_text_list("nullif(g.rngcanonical, 0)::regproc", "nullif(g.rngsubdiff, 0)::regproc")}
      FROM pg_range g JOIN pg_type t ON t.oid = g.rngtypid WHERE t.oid >= {USER}"""
    reached = {
        "pg_operator": "oprcode",
        "pg_cast": "castfunc",
        "pg_amproc": "amproc",
        "pg_conversion": "conproc",
        "pg_event_trigger": "evtfoid",
    }
    for catalog, column in reached.items():
        yield f"""SELECT DISTINCT 'g', p.proname::text, {none}, ''
          FROM {catalog} x JOIN pg_proc p ON p.oid = x.{column}
          JOIN pg_language l ON l.oid = p.prolang
          WHERE x.oid >= {USER} AND p.oid >= {USER} AND NOT (l.lanname = 'c' AND EXISTS (
            SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
              AND d.deptype = 'e'))"""


def _epoch_parts() -> Iterator[str]:
    """One number for each catalog that `CATALOGS` reads: the rows' numbers and transactions."""
    user = f"x.oid >= {USER}"
    for catalog in ("proc", "operator", "cast", "amproc", "conversion", "extension"):
        yield f"pg_{catalog} x WHERE {user}"
    yield "pg_event_trigger x"
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


SEARCH_PATH = "SET search_path = pg_catalog"
"""Said once on the monitor connection, so that names of other schemas come with their schema."""

CATALOGS = "\nUNION ALL ".join(_catalog_parts())
"""All that the closure is made of. Names may come with their schema: only words count."""

CATALOG_EPOCH = "SELECT " + ", ".join(
    "(SELECT count(*) || ' ' || sum(hashtextextended(x.oid || ' ' || x.xmin, 0)) FROM "
    + part
    + ")"
    for part in _epoch_parts()
)
"""One row that differs when any of those rows was inserted, changed or deleted."""
