"""set_config with a parameter for a name: as on a private connection, and nobody else's."""

import asyncio
from collections.abc import Iterator

import asyncpg
import psycopg
import pytest

from tests.support import protocol as p
from tests.support.differential import Client, Seen
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

pytestmark = pytest.mark.gateway
SESSION = "SELECT set_config($1, $2, false)"
LOCAL = "SELECT set_config($1, $2, true)"
EITHER = "SELECT set_config($1, $2, $3)"
CAST = "SELECT set_config($1::text, $2::text, false)"
TWO = "SELECT set_config($1, $2, false), set_config($3, $4, true), set_config('app.c', $5, false)"
LOOK = (
    "SELECT coalesce(current_setting('app.a', true), ''), current_setting('work_mem'), "
    "coalesce(current_setting('app.c', true), ''), current_setting('search_path'), current_user, "
    "current_setting('TimeZone'), current_setting('standard_conforming_strings'), 'a\\b'"
)
TEXT, NAME = 25, 19


def run(text: str, *values: bytes | None, formats: tuple[int, ...] = (), name: str = "") -> bytes:
    """A whole unit, described before it is bound."""
    bound = p.bind(values, statement=name, formats=formats)
    return p.parse(text, name) + p.describe("S", name) + bound + p.execute() + p.sync()


def again(*values: bytes | None, name: str) -> bytes:
    return p.bind(values, statement=name) + p.execute() + p.sync()


def query(text: str) -> bytes:
    return p.query(text)


SCRIPTS: dict[str, list[bytes | tuple[bytes, ...]]] = {
    "session": [run(SESSION, b"app.a", b"1"), run(SESSION, b"WORK_MEM", b"5MB")],
    "cast": [run(CAST, b"app.a", b"1")],
    "local": [run(LOCAL, b"app.a", b"1"), query("BEGIN"), run(LOCAL, b"role", b"bound_part")],
    "either, local": [run(EITHER, b"work_mem", b"5MB", b"t")],
    "either, of the session": [run(EITHER, b"work_mem", b"5MB", b"f")],
    "either, null": [run(EITHER, b"work_mem", b"5MB", None)],
    "binary": [
        run(SESSION, b"app.a", b"1", formats=(1,)),
        run(EITHER, b"work_mem", b"5MB", b"\0", formats=(1, 0, 1)),
        run(EITHER, b"app.c", b"5", b"\1", formats=(0, 1, 1)),
    ],
    "declared types": [
        p.parse(SESSION, types=(TEXT, TEXT)) + p.bind((b"app.a", b"1")) + p.execute() + p.sync(),
    ],
    "several": [run(TWO, b"app.a", b"1", b"work_mem", b"5MB", b"3")],
    "reset by null": [run(SESSION, b"work_mem", b"5MB"), run(SESSION, b"work_mem", None)],
    "role": [run(SESSION, b"role", b"bound_part"), query(LOOK), run(SESSION, b"role", b"none")],
    "rights that are not": [run(SESSION, b"role", b"nosuch")],
    "search_path": [run(SESSION, b"search_path", b"pg_catalog, public")],
    "how texts are read": [
        (
            run(SESSION, b"standard_conforming_strings", b"off"), query(LOOK),
            query("SELECT '\\''; --'"),
        ),
    ],
    "time zone": [run(SESSION, b"timezone", b"Asia/Tokyo")],
    "null": [run(SESSION, None, b"x"), run(LOCAL, None, b"x")],
    "no such value": [run(SESSION, b"work_mem", b"a lot")],
    "no such setting": [run(SESSION, b"nosuch", b"x"), run(LOCAL, b"", b"x")],
    "other names": [
        p.parse(SESSION, "s") + p.sync(),
        again(b"app.a", b"1", name="s"),
        again(b"work_mem", b"5MB", name="s"),
        again(b"app.a", b"2", name="s"),
    ],
    "rolled back": [
        query("BEGIN"), run(SESSION, b"app.a", b"1"), query("ROLLBACK"), query(LOOK),
        query("BEGIN"), run(SESSION, b"app.a", b"2"), query("SAVEPOINT s"),
        run(SESSION, b"app.a", b"3"), query("ROLLBACK TO s"), query("COMMIT"),
    ],
    "a unit that fails": [
        p.parse(SESSION) + p.bind((b"app.a", b"1")) + p.execute() + run("SELECT 1/0"),
    ],
    "a pipeline": [
        (run(SESSION, b"app.a", b"1"), query(LOOK), run(SESSION, b"app.a", b"2"), query(LOOK)),
    ],
    "too few": [run(SESSION, b"app.a"), run(SESSION)],
    "by simple query": [query(SESSION), query(LOCAL)],
    "inserted": [run("WITH a AS (SELECT set_config($1, $2, false)) TABLE a", b"app.a", b"1")],
}  # fmt: skip


@pytest.fixture(scope="module")
def door(cluster: PostgresCluster) -> Iterator[Target]:
    """A transaction door where each transaction is on another server connection."""
    cluster.admin("CREATE ROLE bound_part; GRANT bound_part TO app")
    one = Gateway(cluster, ("--budget", "4", "--rotate", "3"))
    try:
        yield one.start().target("transaction")
        assert "Traceback" not in one.log(), one.log()
    finally:
        one.destroy()
        cluster.admin("DROP ROLE bound_part")


def answers(client: Client, units: bytes | tuple[bytes, ...]) -> list[Seen]:
    """To each of the units, which are sent at once."""
    if isinstance(units, bytes):
        units = (units,)
    return [client.ask(b"" if number else b"".join(units)) for number in range(len(units))]


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_as_on_a_private_connection(
    door: Target, cluster: PostgresCluster, name: str
) -> None:
    with ScriptedClient.login(door) as stranger:
        before = rows(stranger.query(LOOK))
        clients = [Client(cluster.target()), Client(door)]
        try:
            for units in [*SCRIPTS[name], query(LOOK), query(LOOK)]:
                truth, told = (answers(client, units) for client in clients)
                assert told == truth, units
            for _ in range(4):
                assert rows(stranger.query(LOOK)) == before
        finally:
            for client in clients:
                client.line.close()


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ((b"app.a b", b"x"), "not a literal"),
        (("app.\u00e4".encode(), b"x"), "not a literal"),
        ((b"app." + b"a" * 60, b"x"), "not a literal"),
        ((b"seed", b"0.5"), "the setting seed"),
    ],
)
def test_what_cannot_be_told_is_refused_when_it_is_bound(
    door: Target, values: tuple[bytes, ...], seen: str
) -> None:
    with ScriptedClient.login(door) as client:
        assert not errors(client.extended(p.parse(SESSION, "s"), p.describe("S", "s")))
        answer = client.extended(p.bind(values, statement="s"), p.execute())
        (error,) = [one for one in answer if one.kind == "E"]
        assert error.sqlstate == "55000"
        assert seen in error.fields["D"]
        assert not errors(client.extended(p.bind((b"app.a", b"1"), statement="s"), p.execute()))
        assert rows(client.query(LOOK))[0][0] == "1"


@pytest.mark.parametrize(
    "text",
    [
        "PREPARE s AS SELECT set_config($1, $2, false)",
        "SELECT set_config($1, $1, false)",
        "SELECT set_config($1::name, $2, false)",
        "SELECT set_config(n, $1, false) FROM (VALUES ('work_mem')) v(n)",
    ],
)
def test_what_no_bind_can_tell_is_refused_before_it(door: Target, text: str) -> None:
    with ScriptedClient.login(door) as client:
        assert errors(client.extended(p.parse(text))) == ["55000"]
        assert client.value("SELECT 1") == "1"


def test_a_type_that_may_change_the_name_is_refused(door: Target) -> None:
    with ScriptedClient.login(door) as client:
        unit = p.parse(SESSION, types=(NAME,)) + p.bind((b"work_mem", b"5MB")) + p.execute()
        assert errors(client.extended(unit)) == ["55000"]


def test_psycopg(door: Target) -> None:
    with psycopg.connect(door.uri(), autocommit=True) as one, psycopg.connect(door.uri()) as other:
        for number in range(12):  # behind the fifth it is prepared
            one.execute("SELECT set_config(%s, %s, false)", ("app.a", str(number)))
            found = one.execute("SELECT current_setting(%s)", ("app.a",)).fetchone()
            assert found == (str(number),)
        with one.transaction():
            one.execute("SELECT set_config(%s, %s, %s)", ("app.a", "for now", True))
            assert one.execute("SELECT current_setting('app.a')").fetchone() == ("for now",)
        assert one.execute("SELECT current_setting('app.a')").fetchone() == ("11",)
        look = "SELECT coalesce(current_setting('app.a', true), '')"
        for _ in range(4):
            assert other.execute(look).fetchone() == ("",)
            other.commit()


def test_asyncpg(door: Target) -> None:
    async def work() -> list[str]:
        one = await asyncpg.connect(**door.keywords("database"))
        found = []
        for number in range(6):
            await one.execute(SESSION, "app.a", str(number))
            await one.fetchval(EITHER, "app.c", "for now", True)
            found.append(await one.fetchval("SELECT current_setting($1)", "app.a"))
            assert await one.fetchval("SELECT current_setting($1, true)", "app.c") in (None, "")
        await one.close()
        return found

    assert asyncio.run(work()) == [str(number) for number in range(6)]
