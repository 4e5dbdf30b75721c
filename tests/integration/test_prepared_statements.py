"""Protocol-level prepared statements of several clients on one server connection.

Behind the transaction door all clients here share one server connection, which holds at most
sixteen statements; every test must read as if each client had its own.
"""

import pytest

from tests.support import protocol as p
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, kinds, rows, tags
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

INT4, TEXT = 23, 25


def prepare(client: ScriptedClient, sql: str, name: str = "", types: tuple[int, ...] = ()) -> None:
    answer = client.extended(p.parse(sql, name, types))
    assert kinds(answer) == "1Z", answer


def run(client: ScriptedClient, name: str = "", *values: bytes | None) -> list[tuple]:
    answer = client.extended(p.bind(values, name) + p.execute())
    assert not errors(answer), answer
    return rows(answer)


def test_one_name_two_texts(two) -> None:
    one, other = two
    prepare(one, "SELECT 'one'", "s1")
    prepare(other, "SELECT 'other'", "s1")
    for _ in range(3):
        assert run(one, "s1") == [("one",)]
        assert run(other, "s1") == [("other",)]


def test_unnamed_statements_interleaved(two) -> None:
    one, other = two
    prepare(one, "SELECT 'one'")
    prepare(other, "SELECT 'other'")
    assert run(one) == [("one",)]
    assert run(other) == [("other",)]
    other.query("SELECT 1")
    assert run(one) == [("one",)]
    assert errors(other.extended(p.bind() + p.execute())) == ["26000"]


def test_unnamed_statement_described_then_bound(two) -> None:
    """asyncpg, pgx and JDBC describe first and bind after another round trip."""
    one, other = two
    for number in range(3):
        described = one.extended(p.parse("SELECT $1::int AS a") + p.describe("S"))
        assert kinds(described) == "1tTZ"
        other.extended(p.parse("SELECT $1::text AS b") + p.describe("S"))
        assert run(one, "", str(number).encode()) == [(str(number),)]
        assert run(other, "", b"x") == [("x",)]


def test_the_unnamed_statement_outlives_settings_that_are_changed_meanwhile(two) -> None:
    """asyncpg switches the JIT off, looks types up and only then binds what it has parsed."""
    one, other = two
    prepare(one, "SELECT 'mine'")
    prepare(one, "SELECT set_config('work_mem', '1MB', false)", "set")
    assert run(one, "set") == [("1MB",)]
    assert run(one) == [("mine",)]
    prepare(other, "SELECT current_setting('work_mem')")
    assert run(other) != [("1MB",)]
    assert run(one) == [("mine",)]


def test_an_unknown_name_is_told_by_the_clients_own_word(two) -> None:
    one, other = two
    prepare(one, "SELECT 1", "only_mine")
    answer = other.extended(p.bind((), "only_mine"))
    assert errors(answer) == ["26000"]
    assert '"only_mine"' in answer[0].fields["M"]


def test_a_duplicate_name_is_told_by_the_clients_own_word(two) -> None:
    one, other = two
    prepare(one, "SELECT 1", "taken")
    prepare(other, "SELECT 1", "taken")
    answer = one.extended(p.parse("SELECT 2", "taken"))
    assert errors(answer) == ["42P05"]
    assert '"taken"' in answer[0].fields["M"]
    assert run(one, "taken") == [("1",)]


def test_close_frees_the_name_for_this_client_only(two) -> None:
    one, other = two
    prepare(one, "SELECT 'shared text'", "s1")
    prepare(other, "SELECT 'shared text'", "s1")
    assert kinds(one.extended(p.close("S", "s1"))) == "3Z"
    assert errors(one.extended(p.bind((), "s1"))) == ["26000"]
    assert run(other, "s1") == [("shared text",)]
    prepare(one, "SELECT 'new'", "s1")
    assert run(one, "s1") == [("new",)]


@pytest.mark.parametrize("everything", ["DEALLOCATE ALL", "DISCARD ALL", "DISCARD PLANS"])
def test_deallocating_touches_no_other_client(two, everything: str) -> None:
    one, other = two
    prepare(one, "SELECT 'mine'", "s1")
    prepare(other, "SELECT 'yours'", "s1")
    assert not errors(one.query(everything))
    assert run(other, "s1") == [("yours",)]
    if everything == "DISCARD PLANS":
        assert run(one, "s1") == [("mine",)]
    else:
        assert errors(one.extended(p.bind((), "s1"))) == ["26000"]
        prepare(one, "SELECT 'mine'", "s1")
        assert run(one, "s1") == [("mine",)]


def test_deallocate_inside_a_block_that_is_rolled_back(two) -> None:
    """Prepared statements take no part in transactions: they stay gone."""
    one, other = two
    prepare(one, "SELECT 'mine'", "s1")
    one.query("BEGIN")
    one.query("DEALLOCATE ALL")
    one.query("ROLLBACK")
    assert errors(one.extended(p.bind((), "s1"))) == ["26000"]
    prepare(other, "SELECT 'mine'", "s1")
    assert run(other, "s1") == [("mine",)]


def test_more_statements_than_a_server_connection_keeps(two) -> None:
    one, other = two
    for number in range(40):
        prepare(one, f"SELECT {number}", f"s{number}")
        prepare(other, f"SELECT {number} + 1000", f"s{number}")
    for number in (*range(40), *range(39, -1, -1)):
        assert run(one, f"s{number}") == [(str(number),)]
        assert run(other, f"s{number}") == [(str(number + 1000),)]


def test_many_statements_in_one_unit(two) -> None:
    """More than a server connection keeps, all bound before the one Sync."""
    one, other = two
    for number in range(30):
        prepare(one, f"SELECT {number}", f"s{number}")
    run_all = b"".join(p.bind((), f"s{number}") + p.execute() for number in range(30))
    for _ in range(2):
        assert rows(one.extended(run_all)) == [(str(number),) for number in range(30)]
        assert rows(other.query("SELECT 1")) == [("1",)]


def test_parse_and_close_in_a_pipeline(two) -> None:
    one, _ = two
    unit = (
        p.parse("SELECT 1", "s1")
        + p.bind((), "s1")
        + p.execute()
        + p.close("S", "s1")
        + p.parse("SELECT 2", "s1")
        + p.bind((), "s1")
        + p.execute()
    )
    answer = one.extended(unit)
    assert kinds(answer) == "12DC312DCZ"
    assert rows(answer) == [("1",), ("2",)]
    assert run(one, "s1") == [("2",)]


def test_a_parse_that_was_skipped_does_not_count(two) -> None:
    one, other = two
    answer = one.extended(p.parse("SELECT 1/0; nonsense", "bad") + p.parse("SELECT 5", "s1"))
    assert errors(answer) == ["42601"]
    assert errors(one.extended(p.bind((), "s1"))) == ["26000"]
    prepare(other, "SELECT 5", "s1")
    assert run(other, "s1") == [("5",)]
    prepare(one, "SELECT 5", "s1")
    assert run(one, "s1") == [("5",)]


def test_a_statement_parsed_in_vain_can_be_parsed_later(
    two, cluster: PostgresCluster, table: str
) -> None:
    text = f"SELECT count(*) FROM {table}_later"
    for client in two:
        assert errors(client.extended(p.parse(text, "s1"))) == ["42P01"]
    cluster.admin(f"SET ROLE app; CREATE TABLE {table}_later (id int)", database="app")
    for client in two:
        prepare(client, text, "s1")
        assert run(client, "s1") == [("0",)]


def test_equal_texts_with_other_parameter_types(two) -> None:
    one, other = two
    text = "SELECT $1"
    prepare(one, text, "s1", (INT4,))
    prepare(other, text, "s1", (TEXT,))
    assert run(one, "s1", b"007") == [("7",)]
    assert run(other, "s1", b"007") == [("007",)]
    assert errors(one.extended(p.bind((b"x",), "s1"))) == ["22P02"]


def test_schema_change_is_told_and_a_new_parse_works(
    two, cluster: PostgresCluster, table: str
) -> None:
    one, other = two
    text = f"SELECT * FROM {table}"
    one.query(f"INSERT INTO {table} VALUES (1, 'x')")
    prepare(one, text, "s1")
    assert run(one, "s1") == [("1", "x")]
    cluster.admin(f"ALTER TABLE {table} ADD more int DEFAULT 5", database="app")
    answer = one.extended(p.bind((), "s1") + p.execute())
    assert errors(answer) == ["0A000"]
    assert answer[0].fields["M"] == "cached plan must not change result type"
    assert answer[0].fields["R"] == "RevalidateCachedQuery", "drivers know it by this"
    prepare(other, text, "s1")
    assert run(other, "s1") == [("1", "x", "5")]
    prepare(one, text, "s2")
    assert run(one, "s2") == [("1", "x", "5")]
    one.extended(p.close("S", "s1"))
    prepare(one, text, "s1")
    assert run(one, "s1") == [("1", "x", "5")]


def test_a_table_made_anew_with_the_same_columns_is_read_on(two, table: str) -> None:
    """PostgreSQL compares names and types of the columns, not the table they come from."""
    one, other = two
    text = f"SELECT * FROM {table}"
    for client in two:
        prepare(client, text, "kept")
        client.extended(p.describe("S", "kept"))
        assert run(client, "kept") == []
    for number in ("1", "2"):
        other.query(f"DROP TABLE {table}; CREATE TABLE {table} (id int PRIMARY KEY, note text)")
        other.query(f"INSERT INTO {table} VALUES ({number}, 'x')")
        for filling in range(20):
            prepare(other, f"SELECT {filling}", f"filling{number}_{filling}")
        for client in two:
            prepare(client, text, f"new{number}")
            assert run(client, f"new{number}") == [(number, "x")]
            assert run(client, "kept") == [(number, "x")], "though it had to be prepared again"


def test_a_text_is_looked_at_anew_when_it_is_prepared_after_ddl(two, table: str) -> None:
    """The table, the types of parameters and a type by name: all are others now."""
    one, other = two
    one.query(f"CREATE TYPE ty_{table} AS ENUM ('x')")
    texts = [f"TABLE {table}", f"INSERT INTO {table} VALUES ($1)", f"SELECT $1::ty_{table}"]
    for text in texts:
        assert kinds(one.extended(p.parse(text) + p.describe("S")))[:2] == "1t"
        assert kinds(one.extended(p.parse(text, text) + p.describe("S", text)))[:2] == "1t"
    other.query(f"DROP TABLE {table}; DROP TYPE ty_{table}")
    other.query(f"CREATE TABLE {table} (only time); CREATE TYPE ty_{table} AS ENUM ('x', 'y')")
    for number, text in enumerate(texts):
        unnamed = other.extended(p.parse(text) + p.describe("S"))
        for client in (other, one):
            named = client.extended(p.parse(text, f"n{number}") + p.describe("S", f"n{number}"))
            assert [m.body for m in named] == [m.body for m in unnamed], text


def test_ddl_that_is_taken_back_counts_too(two, table: str) -> None:
    one, other = two
    text = f"TABLE {table}"
    before = other.extended(p.parse(text) + p.describe("S"))
    one.query(f"BEGIN; ALTER TABLE {table} ADD more int")
    inside = one.extended(p.parse(text, "inside") + p.describe("S", "inside"))
    assert len(inside[2].body) > len(before[2].body)
    one.query("ROLLBACK")
    for client in (one, other):
        after = client.extended(p.parse(text, "after") + p.describe("S", "after"))
        assert [m.body for m in after] == [m.body for m in before]


def test_a_change_that_is_taken_back_is_so_for_who_prepared_before(
    two, cluster: PostgresCluster, table: str
) -> None:
    """As on a private connection: an error as long as it returns something else."""
    one, other = two
    with ScriptedClient.login(cluster.target()) as private:
        for client in (one, private):
            assert not errors(
                client.extended(p.parse(f"TABLE {table}", "s1") + p.describe("S", "s1"))
            )
        for change, told in [("ADD more int", ["0A000"]), ("DROP more", [])] * 2:
            other.query(f"ALTER TABLE {table} {change}")
            for client in (private, one):
                for _ in range(2):
                    answer = client.extended(p.bind((), "s1") + p.execute())
                    assert errors(answer) == told


def test_nobody_reads_rows_of_a_shape_he_was_not_told(
    two, cluster: PostgresCluster, table: str
) -> None:
    """A client that described two columns must not get three without having been told.

    The other client may be told once that the plan is stale; to parse again must then be enough.
    """
    one, other = two
    text = f"SELECT * FROM {table}"
    one.query(f"INSERT INTO {table} VALUES (1, 'x')")
    described = one.extended(p.parse(text, "s1") + p.describe("S", "s1"))
    assert kinds(described) == "1tTZ"
    cluster.admin(f"ALTER TABLE {table} ADD more int DEFAULT 5", database="app")
    prepare(other, text, "s1")
    assert errors(other.extended(p.bind((), "s1") + p.execute())) in ([], ["0A000"])
    other.extended(p.close("S", "s1"))
    prepare(other, text, "s1")
    assert run(other, "s1") == [("1", "x", "5")]
    answer = one.extended(p.bind((), "s1") + p.execute())
    assert errors(answer) == ["0A000"]


PROMISES = [
    # what the statement is, what changes, what a Bind of it is told from then on
    ("INSERT INTO {t} VALUES ($1)", "ALTER TABLE {t} ALTER id TYPE bigint", []),
    ("TABLE {t}", "ALTER TABLE {t} ALTER note TYPE int USING 1", ["0A000"]),
    ("SELECT $1::ty_{t}", "DROP TYPE ty_{t}; CREATE TYPE ty_{t} AS ENUM ('7')", ["XX000"]),
]


@pytest.mark.parametrize(("text", "ddl", "expected"), PROMISES, ids=["wider", "result", "type"])
@pytest.mark.parametrize("name", ["", "s1"])
def test_what_was_described_holds_where_it_is_prepared_again(
    two, table: str, name: str, text: str, ddl: str, expected: list[str]
) -> None:
    one, other = two
    text = text.format(t=table)
    other.query(f"CREATE TYPE ty_{table} AS ENUM ('7', '8')")
    assert not errors(one.extended(p.parse(text, name) + p.describe("S", name)))
    other.query(ddl.format(t=table))
    for value in (b"7", b"8"):
        values = (value,) if "$1" in text else ()
        prepare(other, "SELECT 1")
        for filling in range(20):
            prepare(other, f"SELECT {filling}", f"{value!r}{filling}")
        assert errors(one.extended(p.bind(values, name) + p.execute())) == expected
    assert not errors(one.extended(p.parse(text, "new") + p.describe("S", "new")))


def test_what_a_fetch_returns_is_known_when_it_runs(two) -> None:
    one, other = two
    assert kinds(one.extended(p.parse("FETCH c", "s1") + p.describe("S", "s1"))) == "1tnZ"
    for filling in range(20):
        prepare(other, f"SELECT {filling}", f"{filling}")
    one.query("BEGIN; DECLARE c CURSOR FOR SELECT 'here'")
    assert run(one, "s1") == [("here",)]
    one.query("COMMIT")


def test_names_of_a_client_that_left_are_forgotten(crowded_target: Target) -> None:
    for number in range(5):
        with ScriptedClient.login(crowded_target) as client:
            prepare(client, f"SELECT {number}", "again")
            assert run(client, "again") == [(str(number),)]
            client.send(p.terminate())


def test_statements_prepared_in_a_block_that_failed(two) -> None:
    one, other = two
    one.query("BEGIN")
    prepare(one, "SELECT 'kept'", "s1")
    assert errors(one.query("SELECT 1/0")) == ["22012"]
    assert errors(one.extended(p.parse("SELECT 'not made'", "s2"))) == ["25P02"]
    one.query("ROLLBACK")
    assert run(one, "s1") == [("kept",)]
    assert errors(one.extended(p.bind((), "s2"))) == ["26000"]
    assert rows(other.query("SELECT 1")) == [("1",)]


def test_long_names_and_odd_names(two) -> None:
    one, _ = two
    for name in ("x" * 62, "a b", 'quo"te', "ünïcode", "pglane_1", "s-1"):
        prepare(one, f"SELECT {len(name)}", name)
        assert run(one, name) == [(str(len(name)),)]


def test_sql_prepare_where_sessions_last(session_door: Target) -> None:
    with ScriptedClient.login(session_door) as client:
        client.query("PREPARE by_sql(int) AS SELECT $1 + 1")
        assert rows(client.query("EXECUTE by_sql(41)")) == [("42",)]
        assert run(client, "by_sql", b"1") == [("2",)]
        client.query("DEALLOCATE by_sql")
        assert errors(client.query("EXECUTE by_sql(41)")) == ["26000"]


# Names of a client in SQL


@pytest.mark.parametrize("text", ["DEALLOCATE s1", 'deallocate prepare "s1";'])
@pytest.mark.parametrize("extended", [False, True])
def test_deallocate_of_one_name(two, text: str, extended: bool) -> None:
    one, other = two
    for client in (one, other):
        prepare(client, f"SELECT '{client is one}'", "s1")
    unit = p.parse(text) + p.bind() + p.execute()
    answer = one.extended(unit) if extended else one.query(text)
    assert tags(answer) == ["DEALLOCATE"]
    assert not errors(answer)
    assert errors(one.extended(p.bind((), "s1") + p.execute())) == ["26000"]
    assert errors(one.query(text)) == ["26000"]
    assert run(other, "s1") == [("False",)]
    prepare(one, "SELECT 'anew'", "s1")
    assert run(one, "s1") == [("anew",)]


def test_deallocate_in_a_transaction_that_fails(two) -> None:
    one, _ = two
    prepare(one, "SELECT 1", "s1")
    one.query("BEGIN")
    assert errors(one.query("SELECT 1/0")) == ["22012"]
    assert errors(one.query("DEALLOCATE s1")) == ["25P02"]
    one.query("ROLLBACK")
    assert run(one, "s1") == [("1",)]
    one.query("BEGIN")
    assert tags(one.query("DEALLOCATE s1")) == ["DEALLOCATE"]
    one.query("ROLLBACK")
    assert errors(one.extended(p.bind((), "s1") + p.execute())) == ["26000"]


def test_nobody_elses_unnamed_statement_runs(two) -> None:
    one, other = two
    prepare(one, "SELECT 'secret'")
    assert errors(other.extended(p.bind() + p.execute())) == ["26000"]
    assert errors(other.extended(p.describe("S"))) == ["26000"]
    other.send(p.parse("WRONG") + p.sync() + p.bind() + p.execute() + p.sync())
    assert errors(other.read_until(times=2)) == ["42601", "26000"]


def test_a_unit_that_fails_takes_no_unnamed_statement_from_the_next(two) -> None:
    """What was parsed anew in it is discarded; another client's stands there still."""
    one, other = two
    prepare(one, "SELECT 'one'")
    prepare(other, "SELECT 'other'")
    unit = p.bind() + p.execute() + p.sync()
    one.send(p.execute("none") + unit + unit)
    answer = one.read_until(times=2)
    assert errors(answer) == ["34000"]
    assert rows(answer) == [("one",)]


def test_a_copy_that_fails_before_it_reads_what_was_sent_ahead(two, table: str) -> None:
    """The trigger of the statement raises: the Sync ahead must not answer the next client."""
    one, other = two
    one.query(
        f"CREATE FUNCTION {table}_no() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER no BEFORE INSERT ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_no()"
    )
    unit = p.parse(f"COPY {table} FROM STDIN") + p.bind() + p.execute()
    one.send(unit + p.sync())
    assert "P0001" in errors(one.read_until("E"))
    other.send(p.query("SELECT 'mine'"))
    one.send(p.copy_data(b"1\tx\n") + p.copy_done() + p.sync())
    one.read_until()
    assert rows(other.read_until()) == [("mine",)]
    assert rows(other.query("SELECT 'mine again'")) == [("mine again",)]


def test_a_copy_that_begins_after_its_client_left(two, crowded_target: Target, table: str) -> None:
    one, other = two
    for polite in (True, False):
        with ScriptedClient.login(crowded_target) as third:
            third.send(p.query(f"COPY {table} FROM STDIN") + (p.terminate() if polite else b""))
        assert rows(one.query("SELECT 1")) == [("1",)]
    assert rows(other.query("SELECT 1")) == [("1",)]
