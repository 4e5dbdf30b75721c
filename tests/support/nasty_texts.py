"""Texts made to be misread: quotes that do not end where they seem to, hidden statements."""

from hypothesis import strategies as st

EFFECTS = (
    b"SET app.x = 'y'",
    b"SET work_mem = 77",
    b"SET LOCAL app.y TO 1",
    b"SET SESSION enable_sort = off",
    b"RESET app.x",
    b"SET TIME ZONE 3",
    b"SET ROLE app",
    b"SET SESSION AUTHORIZATION app",
    b"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    b"SELECT set_config('app.x', 'y', false)",
    b"SELECT set_config('work' || '_mem', '99', 1 = 2)",
    b"SELECT pg_catalog . set_config('app.y', 'y', true)",
    b"SELECT pg_advisory_lock(7)",
    b'SELECT "pg_advisory_lock_shared"(8)',
    b'SELECT U&"pg\\005fadvisory_lock"(9)',
    b"SELECT pg_advisory_xact_lock(10)",
    b"SELECT (11::bigint).pg_advisory_lock",
    b'SELECT (i) /* i */ . "pg_advisory_lock_shared" FROM generate_series(12, 13) i',
    b"SELECT (0.5::float8).setseed",
    b"LISTEN ch",
    b"PREPARE p AS SELECT 1",
    b"CREATE TEMP TABLE t (a int)",
    b"CREATE TABLE pg_temp.t2 ()",
    b"SELECT 1 AS a INTO LOCAL TEMPORARY TABLE t3",
    b"CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
    b"DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    b"DECLARE d CURSOR FOR SELECT 1",
    b"UPDATE pg_settings SET setting = '88' WHERE name = 'work_mem'",
    b"DO $x$ BEGIN PERFORM set_config('app.x', 'z', false); END $x$",
    b"BEGIN",
    b"COMMIT",
    b"SELECT 1",
    b"SELECT 'it', E'it', B'1'",
    b"CREATE FUNCTION pg_temp.f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2 end; END",
)
ATOMS = (
    *(b"'", b"''", b'"', b'""', b"\\", b"\\'", b"\\\\", b"$$", b"$a$", b"$", b"$1", b"$b"),
    *(b"--", b"/*", b"*/", b"/", b"*", b"-", b"\n", b"\r", b" ", b"\t", b";", b"; ", b"(", b")"),
    *(b"E'", b"e'", b"U&'", b'U&"', b"N'", b"B'", b"x'", b"E", b"1e'", b"a", b"1", b"_", b","),
    *(b" UESCAPE '!'", b" AS ", b"SELECT ", b"SELECT '", b"SELECT E'", b" end", b"case when "),
    *(b"\xe3\x81\x82", b"\xc2\xa5", b"\xe9", b"\x83\\", b"\x83'", b"\x83", b"\x95\\", b"\xb2\xa5"),
    *(b"\\x27", b"\\047", b"\\u0027", b"!0027", b"\x0b", b"\x0c", b"||"),
)
effects = st.sampled_from(EFFECTS)
atoms = st.sampled_from(ATOMS)
noise = st.lists(st.one_of(atoms, atoms, effects), max_size=6).map(b"".join)


def _literal(prefix: bytes, inside: bytes, close: bytes) -> bytes:
    return b"SELECT " + prefix + inside + close


_openings = st.sampled_from(
    (b"'", b"E'", b"U&'", b"N'", b"$$", b"$a$", b'1 AS "', b'1 AS U&"', b"1 /*", b"1 --", b"B'")
)
_closings = st.sampled_from((b"'", b'"', b"$$", b"$a$", b"*/", b"\n", b"' --", b"'\n'", b" */ --"))
literals = st.builds(_literal, _openings, noise, _closings)
pieces = st.one_of(literals, literals, effects, noise)
texts = st.lists(pieces, min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from((b";", b"; ", b";\n", b" ;--\n", b"")).map(
        lambda joint: joint.join(parts)
    )
)
