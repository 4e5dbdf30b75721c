"""The steps from one session's state to another's."""

from pglane.connection.preparation import Purpose, preparation
from pglane.connection.settings import Vector, Vectors
from pglane.connection.sql_statements import SqlStatement

VECTORS = Vectors()
BASE = VECTORS.empty
DMY = VECTORS.of({"datestyle": "DMY"})


def statement(name: str, under: Vector = BASE) -> SqlStatement:
    return SqlStatement(name, f"PREPARE {name} AS SELECT 1", under.parse_key)


def vector(*statements: SqlStatement, **settings: str) -> Vector:
    return VECTORS.of(settings, VECTORS.statements(frozenset(statements)))


def steps(server: Vector, client: Vector) -> list[tuple[Purpose, str]]:
    found = preparation(server, BASE, client, escapes=False)
    return [(step.purpose, step.text.replace("pg_catalog.", "")) for step in found]


def applied(*calls: str) -> tuple[Purpose, str]:
    return Purpose.APPLY, "SELECT " + ", ".join(f"set_config({c}, false) IS NULL" for c in calls)


def test_equal_states_need_no_step() -> None:
    one = vector(statement("a"), work_mem="1MB")
    assert steps(one, one) == []
    assert steps(BASE, BASE) == []


def test_settings_alone_are_one_step() -> None:
    assert steps(vector(a="1"), vector(b="2")) == [applied("'b', '2'", "'a', NULL")]


def test_statements_of_others_go_and_missing_ones_come_behind_the_settings() -> None:
    a, b, c = statement("a"), statement("b"), statement("c")
    assert steps(vector(a, b), vector(b, c, work_mem="1MB")) == [
        (Purpose.DROP, 'DEALLOCATE "a"'),
        applied("'work_mem', '1MB'"),
        (Purpose.PREPARE, c.text),
    ]


def test_one_of_the_same_name_gives_way() -> None:
    mine = SqlStatement("a", "PREPARE a AS SELECT 2", BASE.parse_key)
    assert steps(vector(statement("a")), vector(mine)) == [
        (Purpose.DROP, 'DEALLOCATE "a"'),
        (Purpose.PREPARE, mine.text),
    ]


def test_each_is_prepared_under_the_settings_of_its_time() -> None:
    a, b = statement("a", DMY), statement("b")
    assert steps(BASE, vector(a, b, work_mem="1MB")) == [
        applied("'work_mem', '1MB'", "'datestyle', 'DMY'"),
        (Purpose.PREPARE, a.text),
        applied("'datestyle', NULL"),
        (Purpose.PREPARE, b.text),
    ]


def test_settings_of_now_are_taken_back_for_what_was_prepared_before() -> None:
    b = statement("b")
    assert steps(BASE, vector(b, datestyle="DMY")) == [
        (Purpose.PREPARE, b.text),
        applied("'datestyle', 'DMY'"),
    ]
