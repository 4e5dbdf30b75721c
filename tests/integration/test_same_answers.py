"""A door answers byte for byte as PostgreSQL does.

Every conversation below is held twice, with the server itself and through a door, and what came
back is compared message by message: rows, tags, error fields, statuses. Only where in PostgreSQL's
source an error arose (fields F, L and R) is left out: a door may answer by itself.
"""

import pytest

from tests.support import protocol as p
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

INT4, TEXT = 23, 25
NUMBERS = "SELECT g FROM generate_series(1, 5) g"

Step = tuple[int, bytes]
"""How many ReadyForQuery to wait for, and what is sent in one go before."""


def unit(sql: str, *values: bytes | None) -> bytes:
    """One statement by the unnamed statement and portal, as most drivers send it."""
    return p.parse(sql) + p.bind(values) + p.describe("P") + p.execute()


CONVERSATIONS: dict[str, list[Step]] = {
    "empty query": [(1, p.query("")), (1, p.query(" ; ")), (1, unit("") + p.sync())],
    "several statements": [
        (1, p.query("SELECT 1; SELECT 'two'; INSERT INTO {t} VALUES (1, 'x'); TABLE {t}")),
    ],
    "several statements with an error": [
        (1, p.query("INSERT INTO {t} VALUES (1, 'x'); SELECT 1/0; INSERT INTO {t} VALUES (2)")),
        (1, p.query("SELECT count(*) FROM {t}")),
    ],
    "a block opened and closed inside several statements": [
        (1, p.query("INSERT INTO {t} VALUES (1); BEGIN; INSERT INTO {t} VALUES (2); ROLLBACK")),
        (1, p.query("BEGIN; INSERT INTO {t} VALUES (3); COMMIT; INSERT INTO {t} VALUES (4)")),
        (1, p.query("SELECT id FROM {t} ORDER BY 1")),
    ],
    "a block left open by several statements": [
        (1, p.query("SELECT 1; BEGIN; INSERT INTO {t} VALUES (1)")),
        (1, p.query("SELECT count(*) FROM {t}")),
        (1, p.query("COMMIT; SELECT 2")),
    ],
    "statuses of a block": [
        (1, p.query("BEGIN")),
        (1, p.query("SELECT nosuch")),
        (1, p.query("SELECT 1")),
        (1, p.query("COMMIT")),
        (1, p.query("COMMIT")),
        (1, p.query("ROLLBACK AND CHAIN")),
    ],
    "chained blocks": [
        (1, p.query("BEGIN ISOLATION LEVEL SERIALIZABLE")),
        (1, p.query("COMMIT AND CHAIN")),
        (1, p.query("SHOW transaction_isolation")),
        (1, p.query("ROLLBACK")),
    ],
    "savepoints": [
        (1, p.query("BEGIN; SAVEPOINT a")),
        (1, p.query("SELECT 1/0")),
        (1, p.query("ROLLBACK TO a")),
        (1, p.query("COMMIT")),
    ],
    "notices": [
        (1, p.query("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$; SELECT 1")),
    ],
    "syntax error with its position": [(1, p.query("SELECT 1 FRM pg_class"))],
    "error fields": [
        (1, p.query("INSERT INTO {t} VALUES (1, 'a'), (1, 'b')")),
        (1, p.query("INSERT INTO {t} VALUES (NULL)")),
        (1, p.query("SELECT nosuch_function(1)")),
    ],
    "simple queries without waiting": [
        (3, p.query("SELECT 1") + p.query("SELECT 1/0") + p.query("SELECT 3")),
        (3, p.query("BEGIN") + p.query("INSERT INTO {t} VALUES (1)") + p.query("COMMIT")),
        (1, p.query("TABLE {t}")),
    ],
    "one extended unit": [(1, unit("SELECT $1::int + 1", b"41") + p.sync())],
    "several Syncs outstanding": [
        (3, (unit("SELECT 1") + p.sync()) + (unit("SELECT 2") + p.sync()) * 2),
    ],
    "an error in the second of three units": [
        (
            3,
            unit("SELECT 1") + p.sync() + unit("SELECT 1/0") + p.sync()
            + unit("SELECT 3") + p.sync(),
        ),
    ],
    "an error in the middle of one unit": [
        (1, unit("INSERT INTO {t} VALUES (1)") + unit("SELECT 1/0") + unit("SELECT 3") + p.sync()),
        (1, p.query("SELECT count(*) FROM {t}")),
    ],
    "error, then a Query before the Sync": [
        (1, unit("SELECT 1/0") + p.query("SELECT 'swallowed'") + p.sync()),
        (1, p.query("SELECT 'alive'")),
    ],
    "success, then a Query before the Sync": [
        (2, unit("SELECT 1") + p.query("SELECT 2") + p.sync()),
    ],
    "a block in a pipeline": [
        (1, unit("BEGIN") + unit("INSERT INTO {t} VALUES (1)") + unit("COMMIT") + p.sync()),
        (3, unit("BEGIN") + p.sync() + unit("SELECT 1/0") + p.sync() + unit("COMMIT") + p.sync()),
        (1, p.query("SELECT count(*) FROM {t}")),
    ],
    "only Syncs": [(3, p.sync() * 3)],
    "Flush and Sync": [(1, p.flush() * 2 + p.sync())],
    "binary parameters and results": [
        (
            1,
            p.parse("SELECT $1 * 2, $2", types=(INT4, TEXT))
            + p.bind((b"\0\0\0\x15", b"x"), formats=(1, 0), result_formats=(1, 0))
            + p.describe("P")
            + p.execute()
            + p.sync(),
        ),
    ],
    "named statement and portal": [
        (1, p.parse("SELECT $1::int", "s1") + p.describe("S", "s1") + p.sync()),
        (1, p.bind((b"7",), "s1", "p1") + p.describe("P", "p1") + p.execute("p1") + p.sync()),
        (1, p.close("P", "p1") + p.close("S", "s1") + p.close("S", "unknown") + p.sync()),
        (1, p.bind((b"7",), "s1") + p.sync()),
    ],
    "a name used twice": [
        (1, p.parse("SELECT 1", "s1") + p.sync()),
        (1, p.parse("SELECT 2", "s1") + p.sync()),
        (1, p.bind((), "s1") + p.execute() + p.sync()),
        (
            1,
            p.close("S", "s1") + p.parse("SELECT 3", "s1")
            + p.bind((), "s1") + p.execute() + p.sync(),
        ),
    ],
    "names that are not there": [
        (1, p.bind((), "nosuch") + p.sync()),
        (1, p.describe("S", "nosuch") + p.sync()),
        (1, p.describe("P", "nosuch") + p.sync()),
        (1, p.execute("nosuch") + p.sync()),
        (1, p.bind() + p.sync()),
    ],
    "a statement that could not be parsed": [
        (1, p.parse("SELEC 1", "s1") + p.parse("SELECT 1", "s2") + p.sync()),
        (1, p.bind((), "s1") + p.sync()),
        (1, p.bind((), "s2") + p.sync()),
        (1, p.parse("SELECT 1", "s1") + p.bind((), "s1") + p.execute() + p.sync()),
    ],
    "the unnamed statement": [
        (1, p.parse("SELECT 1") + p.sync()),
        (1, p.bind() + p.execute() + p.sync()),
        (1, p.bind() + p.execute() + p.sync()),
        (1, p.parse("SELEC") + p.sync()),
        (1, p.bind() + p.execute() + p.sync()),
        (1, p.parse("SELECT 3") + p.close("S") + p.bind() + p.sync()),
    ],
    "a simple query ends the unnamed statement": [
        (1, p.parse("SELECT 1") + p.sync()),
        (1, p.query("SELECT 2")),
        (1, p.bind() + p.execute() + p.sync()),
    ],
    "prepared in a block that is rolled back": [
        (1, p.query("BEGIN")),
        (1, p.parse("SELECT 1", "s1") + p.sync()),
        (1, p.query("ROLLBACK")),
        (1, p.bind((), "s1") + p.execute() + p.sync()),
    ],
    "DEALLOCATE ALL": [
        (1, p.parse("SELECT 1", "s1") + p.sync()),
        (1, p.query("DEALLOCATE ALL")),
        (1, p.bind((), "s1") + p.execute() + p.sync()),
        (1, p.parse("SELECT 2", "s1") + p.bind((), "s1") + p.execute() + p.sync()),
    ],
    "DISCARD ALL": [
        (1, p.parse("SELECT 1", "s1") + p.sync()),
        (1, p.query("DISCARD ALL")),
        (1, p.bind((), "s1") + p.execute() + p.sync()),
        (1, p.parse("SELECT 2", "s1") + p.bind((), "s1") + p.execute() + p.sync()),
    ],
    "DEALLOCATE ALL in the extended protocol": [
        (1, p.parse("SELECT 1", "s1") + p.sync()),
        (1, unit("DEALLOCATE ALL") + p.sync()),
        (1, p.bind((), "s1") + p.sync()),
    ],
    "a portal with a row limit": [
        (
            1,
            p.parse(NUMBERS) + p.bind((), portal="p1")
            + p.execute("p1", 2) + p.execute("p1", 2) + p.execute("p1", 2) + p.sync(),
        ),
        (1, p.execute("p1") + p.sync()),
    ],
    "a portal in a block": [
        (1, p.query("BEGIN")),
        (1, p.parse(NUMBERS, "s1") + p.bind((), "s1", "p1") + p.execute("p1", 2) + p.sync()),
        (1, p.query("SELECT 'between'")),
        (1, p.execute("p1", 2) + p.sync()),
        (1, p.execute("p1", 2) + p.close("P", "p1") + p.sync()),
        (1, p.query("COMMIT")),
    ],
    "a wrong number of parameters": [
        (1, p.parse("SELECT $1::int, $2::int") + p.bind((b"1",)) + p.sync()),
    ],
    "a parameter that is no number": [(1, unit("SELECT $1::int", b"seven") + p.sync())],
    "function call": [
        (1, p.function_call(177, (b"2", b"3"))),
        (1, p.function_call(177, (b"2", b"x"))),
        (1, p.query("BEGIN")),
        (1, p.function_call(177, (b"4", b"5"))),
        (1, p.query("COMMIT")),
    ],
    "COPY in by a simple query": [
        (1, p.query("COPY {t} FROM STDIN") + p.copy_data(b"1\ta\n") * 1 + p.copy_data(b"2\tb\n")
            + p.copy_done()),
        (1, p.query("SELECT * FROM {t} ORDER BY 1")),
    ],
    "COPY in by the extended protocol with Syncs": [
        (1, p.parse("COPY {t} FROM STDIN") + p.bind() + p.execute() + p.sync()
            + p.copy_data(b"1\ta\n") + p.copy_done() + p.sync()),
        (1, p.query("SELECT * FROM {t}")),
    ],
    "COPY in by the extended protocol with Flush": [
        (1, p.parse("COPY {t} FROM STDIN") + p.bind() + p.describe("P") + p.execute() + p.flush()
            + p.copy_data(b"1\ta\n") + p.flush() + p.sync() + p.copy_done() + p.sync()),
        (1, p.query("SELECT * FROM {t}")),
    ],
    "COPY given up": [
        (1, p.query("COPY {t} FROM STDIN") + p.copy_data(b"1\ta\n") + p.copy_fail("no more")),
        (1, p.parse("COPY {t} FROM STDIN") + p.bind() + p.execute()
            + p.copy_fail("no more") + p.sync()),
        (1, p.query("SELECT count(*) FROM {t}")),
    ],
    "COPY with a bad line": [
        (1, p.query("COPY {t} FROM STDIN") + p.copy_data(b"x\ta\n") + p.copy_data(b"2\tb\n")
            + p.copy_done()),
        (1, p.query("SELECT count(*) FROM {t}")),
    ],
    "COPY between statements": [
        (1, p.query("SELECT 1; COPY {t} FROM STDIN; SELECT 2") + p.copy_data(b"1\ta\n")
            + p.copy_done()),
        (1, p.query("COPY {t} TO STDOUT; SELECT 3")),
        (1, unit("COPY {t} TO STDOUT") + p.sync()),
    ],
    "two COPY in one query": [
        (1, p.query("COPY {t} FROM STDIN; COPY {t} FROM STDIN")
            + p.copy_data(b"1\ta\n") + p.copy_done() + p.copy_data(b"2\tb\n") + p.copy_done()),
        (1, p.query("SELECT * FROM {t} ORDER BY 1")),
    ],
    "COPY messages outside a COPY": [
        (1, p.copy_data(b"1\ta\n") + p.copy_done() + p.query("SELECT 1")),
    ],
    "many units in one go": [(200, (unit("SELECT $1::int", b"5") + p.sync()) * 200)],
    "rows of all sizes": [
        (1, p.query("SELECT repeat('x', n) FROM generate_series(0, 70000, 777) n")),
        (1, p.query("SELECT NULL, '', repeat('y', 1000000)")),
    ],
    "a large query": [(1, p.query("SELECT length('" + "z" * 3_000_000 + "')"))],
    "statements that no block may hold": [
        (1, p.query("BEGIN; VACUUM {t}")),
        (1, p.query("ROLLBACK")),
        (1, p.query("VACUUM {t}")),
        (1, unit("VACUUM {t}") + p.sync()),
    ],
    "parameters without values": [(1, unit("SELECT $1::text IS NULL", None) + p.sync())],
    "a Bind that is cut short": [
        (1, p.parse("SELECT 1") + p.message("B", b"\0\0\0\0\0\x01") + p.sync()),
        (1, p.query("SELECT 'alive'")),
    ],
    "two-phase commit": [
        (1, p.query("BEGIN; INSERT INTO {t} VALUES (1)")),
        (1, p.query("PREPARE TRANSACTION 'tx_{t}'")),
        (1, p.query("COMMIT PREPARED 'tx_{t}'")),
        (1, p.query("SELECT count(*) FROM {t}")),
    ],
}  # fmt: skip


def _hold(target: Target, steps: list[Step], table: str, bytewise: bool = False) -> list[str]:
    """What the other side said, as text."""
    said: list[str] = []
    with ScriptedClient.login(target) as client:
        client.query(f"TRUNCATE {table}")
        for cycles, data in steps:
            real = _name_table(data, table)
            if bytewise and len(real) < 1000:
                client.send_bytewise(real)
            else:
                client.send(real)
            said += [_as_text(one) for one in client.read_until("Z", cycles)]
            said.append("--")
        client.send(p.terminate())
    return said


def _as_text(one: p.Message) -> str:
    if one.kind not in "EN":
        return repr(one)
    return f"{one.kind}{[(name, text) for name, text in one.fields.items() if name not in 'FLR']}"


def _name_table(data: bytes, table: str) -> bytes:
    """Puts the table's name in; it has as many letters as the place kept for it."""
    assert len(table) == len("{t}")
    return data.replace(b"{t}", table.encode())


@pytest.fixture(scope="module")
def short_table(cluster: PostgresCluster) -> str:
    cluster.admin(
        "SET ROLE app; CREATE TABLE IF NOT EXISTS abc (id int PRIMARY KEY, note text)",
        database="app",
    )
    return "abc"


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_same_answer(
    conversation: str, crowded_target: Target, cluster: PostgresCluster, short_table: str
) -> None:
    steps = CONVERSATIONS[conversation]
    expected = _hold(cluster.target(), steps, short_table)
    assert _hold(crowded_target, steps, short_table) == expected


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_same_answer_when_sent_byte_by_byte(
    conversation: str, transaction_door: Target, cluster: PostgresCluster, short_table: str
) -> None:
    steps = CONVERSATIONS[conversation]
    expected = _hold(cluster.target(), steps, short_table)
    assert _hold(transaction_door, steps, short_table, bytewise=True) == expected
