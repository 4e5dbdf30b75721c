"""Which names follow from the rows of the catalogs."""

import pytest

from pglane.connection import catalog
from pglane.connection.catalog import (
    CALLED,
    DOUBTED,
    READING,
    WRITING_TO,
    Closure,
    Graph,
    names_of,
    read_words,
)
from pglane.wire.mentions import UNPROVED, mentions


def function(name, text, language=b"plpgsql", extension=b""):
    words = read_words(text, statements=True)
    return lambda graph: graph.add_function(name, language, extension, words)


def reads(name, text=b""):
    words = read_words(text, statements=False)
    return lambda graph: graph.add_text(READING, name, words)


def writes(name, text):
    words = read_words(text, statements=False)
    return lambda graph: graph.add_text(WRITING_TO, name, words)


def acts(name):
    return lambda graph: graph.add_acting([name])


def link(kind, name, other):
    return lambda graph: graph.link(kind, name, other)


def closure_of(pieces):
    graph = Graph()
    for piece in pieces:
        piece(graph)
    return graph.closure()


HARMFUL = b"BEGIN PERFORM set_config('app.x', $1, false); END"


@pytest.mark.parametrize(
    "body",
    [
        b"BEGIN PERFORM set_config('a', 'b', false); END",
        b"SELECT pg_catalog.pg_advisory_lock(1)",
        b'SELECT "set_config"(1, 2, 3)',
        b"BEGIN SET work_mem = '1MB'; END",
        b"BEGIN IF true THEN SET work_mem = '1MB'; END IF; END",
        b"BEGIN UPDATE t SET a = 1; SET work_mem = '1MB'; END",
        b"BEGIN SELECT 1 FOR UPDATE; LOOP SET a = 1; END LOOP; END",
        b"BEGIN EXECUTE 'SELECT 1'; END",
        b"BEGIN LISTEN x; END",
        b"CREATE TEMP TABLE x (id int)",
        b"SELECT 1 INTO TEMPORARY x",
        b"CREATE TABLE pg_temp.x (id int)",
        b"CREATE TABLE pg_temp_3.x (id int)",
        b"DO $$ BEGIN PERFORM 1; END $$",
        b"DO 'BEGIN END'",
        b"UPDATE pg_settings SET setting = 1",
        b"DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        b'SELECT U&"\\0066"',
        b"SELECT 'no end",
        rb"SELECT 'a\', set_config(1, 2, 3), '",
        rb"SELECT 'a\', 'set_config()'",
    ],
)
def test_bodies_that_may_leave_something(body):
    assert read_words(body, statements=True).harmful


@pytest.mark.parametrize(
    "body",
    [
        b"BEGIN new.updated_at := now(); RETURN new; END",
        b"BEGIN UPDATE t SET a = 1 WHERE b; RETURN old; END",
        b"INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1",
        b"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        b"SELECT 'set_config', nextval('s'), currval('s'), pg_notify('a', 'b')",
        b"SELECT pg_advisory_xact_lock(1)",
        b"-- execute\nSELECT 1",
        b"SELECT a.setting FROM a",
    ],
)
def test_bodies_that_leave_nothing(body):
    assert not read_words(body, statements=True).harmful


def test_an_expression_has_no_statements():
    assert not read_words(b"reset OR load", statements=False).harmful
    assert read_words(b"set_config('a', b, false)", statements=False).harmful


def test_names_custom_settings_and_writing_are_told():
    words = read_words(
        b"INSERT INTO \"My\"\"T\" VALUES ('app.Tenant', 'no name', f(1))", statements=True
    )
    assert {b'My"T', b"f", b"values"} <= words.names
    assert words.custom == {b"app.tenant"}
    assert words.writes
    assert not read_words(b"SELECT 1", statements=True).writes


def test_what_calls_what_is_unclean_is_unclean():
    closure = closure_of(
        [
            function(b"f", HARMFUL),
            function(b"g", b"SELECT f()", b"sql"),
            function(b"h", b"SELECT 1", b"sql"),
            reads(b"v", b"SELECT g()"),
            reads(b"w", b"SELECT * FROM v"),
            reads(b"u", b"SELECT h()"),
        ]
    )
    assert closure.reads == {b"f", b"g", b"v", b"w"}
    assert closure.writes == set()
    assert closure.calls == {b"h", b"u"}
    assert closure.custom == {b"app.x"}


@pytest.mark.parametrize(
    ("text", "custom", "computes"),
    [
        (b"SELECT set_config('app.x'::text, '1', false)", {b"app.x"}, False),
        (b"SELECT set_config($1, '1', false)", set(), True),
        (b"BEGIN SET app.y = 1; END", {b"app.y"}, False),
        (b"BEGIN EXECUTE 'SET app.z = 1'; END", {b"app.z"}, True),
        (b"DO $$ BEGIN SET app.d = 1; END $$", {b"app.d"}, True),
        (b"SELECT set_config('Dynamic_Library_Path', 'x', false)", set(), True),
    ],
)
def test_names_that_unclean_code_sets_or_computes(text, custom, computes):
    """Names count in all that leads to it, and nowhere else."""
    closure = closure_of(
        [
            function(b"f", text),
            reads(b"v", b"SELECT f('by.caller')"),
            reads(b"clean", b"SELECT 'not.needed'"),
        ]
    )
    assert closure.custom == custom | {b"by.caller"}
    assert closure.computes == computes
    assert names_of(closure.message()).computes == computes


def test_other_languages_and_too_many_names_compute(monkeypatch):
    assert closure_of([function(b"f", b"", b"plpython3u")]).computes
    monkeypatch.setattr(catalog, "CUSTOM_MAX", 1)
    assert not closure_of([function(b"f", HARMFUL)]).computes
    closure = closure_of([function(b"f", HARMFUL), reads(b"v", b"SELECT f('a.b')")])
    assert closure.computes
    assert closure.custom == {b"a.b"}


def test_triggers_count_where_a_relation_is_written():
    closure = closure_of(
        [
            function(b"f", HARMFUL),
            reads(b"t"),
            writes(b"t", b"CREATE TRIGGER a BEFORE INSERT ON t EXECUTE FUNCTION f()"),
            reads(b"looks", b"SELECT * FROM t"),
            function(b"reader", b"SELECT * FROM t", b"sql"),
            function(b"writer", b"DELETE FROM t", b"sql"),
            reads(b"parent"),
            writes(b"parent", b"t"),
        ]
    )
    assert closure.reads == {b"f", b"writer"}
    assert closure.writes == {b"t", b"looks", b"parent"}


@pytest.mark.parametrize(
    ("language", "extension", "clean"),
    [
        (b"c", b"hstore", True),
        (b"c", b"", False),
        (b"plpython3u", b"", False),
        (b"internal", b"", False),
    ],
)
def test_other_languages_can_do_anything(language, extension, clean):
    closure = closure_of([function(b"f", b"symbol", language, extension)])
    assert (b"f" not in closure.reads) is clean


def test_an_aggregate_is_as_its_functions_are():
    rows = [
        function(b"f", HARMFUL),
        function(b"agg", b"f", b"names"),
        function(b"sums", b"int4pl", b"names"),
    ]
    assert closure_of(rows).reads == {b"f", b"agg"}


def test_what_is_marked_is_unclean():
    assert closure_of([lambda graph: graph.mark(b"far")]).reads == {b"far"}


def test_what_cannot_be_known_is_the_worst():
    closure = closure_of([lambda graph: graph.add_text(CALLED, b"f", DOUBTED)])
    assert closure.reads == {b"f"}
    assert closure.asks
    assert closure.computes


def test_a_link_leads_on_as_a_text_does():
    closure = closure_of(
        [
            function(b"f", HARMFUL),
            reads(b"d", b"f"),
            reads(b"t"),
            link(READING, b"t", b"d"),
            writes(b"u", b"f"),
            reads(b"parent"),
            link(READING, b"parent", b"u"),
            reads(b"referred"),
            link(WRITING_TO, b"referred", b"u"),
            link(WRITING_TO, b"keys", b"t"),
            lambda graph: graph.add_names([b"keys", b"clean"]),
        ]
    )
    assert closure.reads == {b"f", b"d", b"t"}
    assert closure.writes == {b"u", b"parent", b"referred", b"keys"}
    assert closure.calls == {b"clean", b"parent", b"referred", b"u", b"keys"}


def test_what_acts_without_a_name_makes_everything_doubtful():
    closure = closure_of([function(b"f", HARMFUL), acts(b"f")])
    assert "f()" in closure.everything
    assert closure_of([function(b"f", b"SELECT 1"), acts(b"f")]).everything == ""


@pytest.mark.parametrize("name", [b"nextval", b"setval", b"pg_advisory_lock", b"set_config"])
def test_an_operator_made_of_a_function_of_postgres_that_leaves_something(name):
    assert f"{name.decode()}()" in closure_of([acts(name)]).everything
    assert not closure_of([acts(b"int4pl")]).everything


def test_too_many_names_make_everything_doubtful(monkeypatch):
    monkeypatch.setattr(catalog, "NAMES_MAX", 1)
    assert closure_of([reads(b"a"), reads(b"b")]).everything


def test_the_servers_own_names_and_settings():
    rows = [
        lambda graph: graph.add_own([b"count"], [b"work_mem"]),
        reads("é".encode()),
    ]
    closure = closure_of(rows)
    assert closure.calls == {b"count"}
    assert closure.settings == {b"work_mem"}


def test_no_name_is_lost_on_the_way_to_the_worker():
    closure = Closure(reads={b"f"}, writes={b"t\xff"}, calls={b"g"}, draws={b"n"}, runs={b"v"})
    closure.settings.add(b"work_mem")
    message = closure.message()
    assert message["settings"] == ["work_mem"]
    names = names_of(message)
    assert (names.reads, names.writes, names.calls) == ({b"f"}, {b"t\xff"}, {b"g"})
    assert (names.draws, names.runs) == ({b"n"}, {b"v"})
    assert not names.everything
    assert names_of(Closure(runs={b"v"}, acts=True).message()).runs is None
    closure.everything = "why"
    assert mentions(b"SELECT 1", True, names_of(closure.message())) == UNPROVED


def test_what_leads_to_nextval_is_told():
    closure = closure_of(
        [
            function(b"next_id", b"SELECT nextval('s')", b"sql"),
            function(b"next_name", b"SELECT 'n' || next_id()", b"sql"),
            function(b"writer", b"INSERT INTO t DEFAULT VALUES", b"sql"),
            function(b"widens", b"ALTER TABLE t ADD COLUMN a serial", b"sql"),
            function(b"clean", b"SELECT 1", b"sql"),
            function(b"f", HARMFUL + b" nextval"),
            reads(b"t"),
            writes(b"t", b"nextval('s'::regclass)"),
            reads(b"v", b"SELECT next_name()"),
        ]
    )
    assert closure.draws == {b"next_id", b"next_name", b"writer", b"widens", b"v"}
    assert not closure.asks


@pytest.mark.parametrize(
    "text", [b"SELECT CURRVAL('s')", b"BEGIN EXECUTE 'SELECT lastval()'; END"]
)
def test_code_that_asks_for_last_values_is_told(text):
    assert closure_of([function(b"f", text, b"plpython3u")]).asks
    assert names_of(closure_of([writes(b"t", text)]).message()).asks
    assert not names_of(closure_of([reads(b"currval")]).message()).asks


def test_what_acts_without_a_name_and_draws_makes_everything_doubtful():
    rows = [function(b"f", b"SELECT nextval('s')", b"sql"), acts(b"f")]
    assert "f()" in closure_of(rows).everything


def runs(*names):
    return lambda graph: graph.add_running(names)


def plans(name, text):
    words = read_words(text, statements=False)
    return lambda graph: graph.add_planned(name, words)


def supports(extension):
    return lambda graph: graph.note_acting(extension)


def test_code_stands_behind_what_is_called_or_read_however_clean():
    closure = closure_of(
        [
            function(b"f", b"SELECT 1"),
            function(b"g", b"symbol", b"c", b"hstore"),
            reads(b"v", b"SELECT 1"),
            writes(b"t", b"f()"),
            lambda graph: graph.add_names([b"t", b"u"]),
            lambda graph: graph.mark(b"far"),
            runs(b"random", b"ruled"),
        ]
    )
    assert closure.reads == {b"far"}
    assert closure.runs == {b"f", b"g", b"v", b"far", b"random", b"ruled"}
    assert not closure.acts


def test_what_leads_to_code_when_it_is_read_runs_it():
    closure = closure_of(
        [
            reads(b"d"),
            link(READING, b"pair", b"d"),
            link(READING, b"t", b"pair"),
            link(READING, b"parent", b"t"),
            link(READING, b"t", b"parent"),
            link(WRITING_TO, b"referred", b"t"),
            link(READING, b"u", b"referred"),
        ]
    )
    assert closure.runs == {b"d", b"pair", b"t", b"parent"}


def test_the_planner_runs_what_is_constant_in_expressions():
    closure = closure_of(
        [
            function(b"f", b"SELECT 1"),
            plans(b"t", b"f(1) + id"),
            plans(b"u", b"lower(name)"),
            plans(b"w", b'U&"0066"(1)'),
            lambda graph: graph.add_planned(b"x", DOUBTED),
            link(READING, b"parent", b"t"),
            plans(b"y", b"('(1)'::parent).id"),
        ]
    )
    assert closure.runs == {b"f", b"t", b"w", b"x", b"parent", b"y"}


def test_what_has_effects_in_a_view_of_a_view_is_among_them():
    closure = closure_of([function(b"f", HARMFUL), reads(b"v", b"f()"), reads(b"w", b"v")])
    assert closure.reads <= closure.runs


@pytest.mark.parametrize(("extension", "acts"), [(b"hstore", False), (b"-", True), (b"x", True)])
def test_operators_of_somebodys_own_act_whatever_is_named(extension, acts):
    pieces = [supports(b"citext"), supports(extension), supports(b"hstore")]
    assert closure_of(pieces).acts is acts
    assert (names_of(closure_of(pieces).message()).runs is None) is acts


def test_of_too_many_names_that_run_code_none_is_told(monkeypatch):
    monkeypatch.setattr(catalog, "NAMES_MAX", 2)
    assert closure_of([runs(b"a", b"b")]).runs == {b"a", b"b"}
    closure = closure_of([runs(b"a", b"b", b"c")])
    assert (closure.runs, closure.acts, closure.everything) == (set(), True, "")
