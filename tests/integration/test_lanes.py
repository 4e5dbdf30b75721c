"""How requests find their lane on a real PostgreSQL, and what people see of lanes."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest
import sqlalchemy
from psycopg.pq import TransactionStatus
from sqlalchemy import event

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import LoginRefusedError, ScriptedClient
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

LANES: dict[str, dict[str, Any]] = {
    "lanes.otp": {"reserve": 1, "match": [{"user": "second"}], "allow": ["app"]},
    "lanes.web": {"door": "transaction", "match": [{"application_name": "web-*"}]},
    "lanes.jobs": {"match": [{"door": "session", "database": "app", "user": "third"}]},
    "lanes.bulk": {"rank": 1, "weight": 0.5, "match": [{"tag": "batch", "value": "n*"}]},
    "lanes.vip": {"reserve": 1, "allow": ["third"]},
    "lanes.near": {"reserve": 1, "allow": ["127.0.0.0/8"], "tenant": "address"},
}


@pytest.fixture(scope="module")
def one(cluster: PostgresCluster) -> Iterator[Gateway]:
    gateway = Gateway(cluster, ("--budget", "6"), LANES)
    try:
        yield gateway.start()
    finally:
        gateway.destroy()


def lane_of(gateway: Gateway, name: str) -> str:
    """The lane of the client that has this name."""
    (lane,) = [row["lane"] for row in gateway.show("CLIENTS") if row["application_name"] == name]
    return str(lane)


def lanes(gateway: Gateway) -> dict[str, dict[str, Any]]:
    return {row["lane"]: row for row in gateway.show("LANES")}


def notices(client: ScriptedClient, count: int) -> list[dict[str, str]]:
    while len(client.notices) < count:
        client.read_message()
    return [notice.fields for notice in client.notices]


# Rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "user", "name", "lane"),
    [
        ("transaction", "second", "rule-1", "otp"),
        ("session", "second", "rule-2", "otp"),
        ("transaction", "app", "web-3", "web"),
        ("session", "app", "web-4", "session:app"),
        ("session", "third", "rule-5", "jobs"),
        ("transaction", "third", "rule-6", "transaction:third"),
        ("direct", "app", "rule-7", "direct:app"),
    ],
)
def test_the_first_rule_that_fits_says_the_lane(
    one: Gateway, door: str, user: str, name: str, lane: str
) -> None:
    with ScriptedClient.login(one.target(door, user), application_name=name) as client:
        assert client.value("SELECT 1") == "1"
        assert lane_of(one, name) == lane


def test_a_name_that_changes_changes_the_lane(one: Gateway) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="plain") as client:
        assert lane_of(one, "plain") == "transaction:app"
        client.query("SET application_name = 'web-9'")
        assert client.value("SELECT 1") == "1"
        assert lane_of(one, "web-9") == "web"


# Startup options -------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
@pytest.mark.parametrize("how", [{"pglane.lane": "otp"}, {"options": "-c pglane.lane=otp"}])
def test_a_startup_option_says_the_lane_and_is_a_setting(
    one: Gateway, door: str, how: dict[str, str]
) -> None:
    name = f"option-{door}-{len(how)}"
    with ScriptedClient.login(one.target(door), application_name=name, **how) as client:
        assert client.value("SHOW pglane.lane") == "otp"
        assert lane_of(one, name) == "otp"


def test_a_network_may_be_allowed_and_addresses_be_tenants(one: Gateway) -> None:
    wish = {"pglane.lane": "near"}
    with ScriptedClient.login(one.target("session"), application_name="near", **wish) as client:
        assert client.value("SELECT 1") == "1"
        assert lane_of(one, "near") == "near"
        tenants = eventually(lambda: [r for r in one.show("TENANTS") if r["lane"] == "near"])
        assert [row["tenant"] for row in tenants] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("door", "lane", "sqlstate", "hint"),
    [
        ("transaction", "opt", "42704", 'Did you mean "otp"?'),
        ("transaction", "vip", "42501", "allow of [lanes.vip]"),
        ("session", "web", "0A000", "Connect to the transaction door: 127.0.0.1:{transaction}."),
    ],
)
def test_a_wish_that_cannot_be_granted_ends_the_connection(
    one: Gateway, door: str, lane: str, sqlstate: str, hint: str
) -> None:
    with pytest.raises(LoginRefusedError) as refused:
        ScriptedClient.login(one.target(door), **{"pglane.lane": lane})
    assert refused.value.sqlstate == sqlstate
    assert hint.format(**one.ports) in refused.value.answer.fields["H"]
    assert "PGL024" in refused.value.answer.fields["D"]


# SET -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
def test_a_startup_option_that_is_misspelled_is_refused(one: Gateway, door: str) -> None:
    with pytest.raises(LoginRefusedError) as refused:
        ScriptedClient.login(one.target(door), options="-c pglane.lanes=otp")
    assert refused.value.sqlstate == "42704"
    assert "Did you mean pglane.lane?" in str(refused.value)


def test_set_and_reset_say_where_the_next_lease_belongs(one: Gateway) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="setter") as client:
        for sql, lane in (
            ("SET pglane.lane = 'bulk'", "bulk"),
            ("SET pglane.lane TO otp", "otp"),
            ("RESET pglane.lane", "transaction:app"),
            ("SELECT set_config('pglane.lane', 'bulk', false)", "bulk"),
            ("DISCARD ALL", "transaction:app"),
        ):
            client.query(sql)
            assert client.value("SELECT 1") == "1"
            assert lane_of(one, "setter") == lane, sql
        assert client.notices == []


def test_a_set_that_did_not_happen_changes_nothing(one: Gateway) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="undone") as client:
        for sql in (
            "BEGIN; SET pglane.lane = 'bulk'; ROLLBACK",
            "BEGIN; SET LOCAL pglane.lane = 'bulk'; COMMIT",
            "SET pglane.lane = 'bulk'; SELECT 1/0",
            "BEGIN; SAVEPOINT a; SET pglane.lane = 'bulk'; ROLLBACK TO a; COMMIT",
        ):
            client.query(sql)
            assert client.value("SELECT 1") == "1"
            assert lane_of(one, "undone") == "transaction:app", sql


def test_within_a_transaction_it_is_too_late(one: Gateway) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="late") as client:
        client.query("BEGIN; SET pglane.lane = 'bulk'")
        assert lane_of(one, "late") == "transaction:app"
        client.query("COMMIT")
        assert client.value("SHOW pglane.lane") == "bulk"
        assert lane_of(one, "late") == "bulk"


def test_an_empty_wish_is_that_of_the_startup_packet(one: Gateway) -> None:
    startup = {"application_name": "reset", "pglane.lane": "otp"}
    with ScriptedClient.login(one.target("transaction"), **startup) as client:
        client.query("SET pglane.lane = 'bulk'")
        assert lane_of(one, "reset") == "bulk"
        client.query("RESET pglane.lane")
        assert client.value("SHOW pglane.lane") == ""
        assert lane_of(one, "reset") == "otp"


@pytest.mark.parametrize(("lane", "sqlstate"), [("opt", "42704"), ("vip", "42501")])
def test_a_set_that_cannot_be_granted_is_a_warning(one: Gateway, lane: str, sqlstate: str) -> None:
    name = f"warned-{lane}"
    with ScriptedClient.login(one.target("transaction"), application_name=name) as client:
        client.query(f"SET pglane.lane = '{lane}'")
        (told,) = notices(client, 1)
        assert (told["S"], told["C"]) == ("WARNING", sqlstate)
        assert client.value("SELECT 1") == "1"
        assert lane_of(one, name) == "transaction:app"


# Tags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "lane"),
    [
        ("SELECT 1 /*lane='bulk'*/", "bulk"),
        ("/*batch='nightly'*/ SELECT 1", "bulk"),
        ("/*batch='weekly'*/ SELECT 1", "transaction:app"),
        ("SELECT 1 /*lane='otp'*/", "otp"),
        ("SELECT 1 /*lane='vip'*/", "transaction:app"),
        ("SELECT 1 /*lane='none'*/", "transaction:app"),
        ("SELECT 1 /*lane=bulk*/", "transaction:app"),
        ("BEGIN; SELECT 1 /*lane='bulk'*/ FROM pg_class LIMIT 1; COMMIT", "transaction:app"),
    ],
)
def test_a_tag_says_the_lane_of_one_transaction(one: Gateway, sql: str, lane: str) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="tagged") as client:
        client.query(sql)
        assert lane_of(one, "tagged") == lane
        client.query("SELECT 1")
        assert lane_of(one, "tagged") == "transaction:app"
        assert client.notices == []


def test_a_tag_is_read_at_the_beginning_of_a_transaction_only(one: Gateway) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="first") as client:
        client.query("BEGIN /*lane='bulk'*/")
        client.query("SELECT 1 /*lane='otp'*/")
        assert lane_of(one, "first") == "bulk"
        client.query("COMMIT")


def test_a_tag_that_is_ignored_leaves_the_lane_that_was_set(one: Gateway) -> None:
    with ScriptedClient.login(one.target("transaction"), application_name="kept") as client:
        client.query("SET pglane.lane = 'bulk'")
        client.query("SELECT 1 /*lane='vip'*/")
        assert lane_of(one, "kept") == "bulk"


def test_tags_through_asyncpg(one: Gateway) -> None:
    """Also where a statement was prepared before and only its name is sent."""

    async def run() -> None:
        server_settings = {"application_name": "asyncpg-tags"}
        client = await asyncpg.connect(one.uri("transaction"), server_settings=server_settings)
        try:
            for _ in range(3):
                assert await client.fetchval("SELECT $1::int /*lane='bulk'*/", 5) == 5
                assert lane_of(one, "asyncpg-tags") == "bulk"
                await client.fetchval("SELECT $1::int", 5)
                assert lane_of(one, "asyncpg-tags") == "transaction:app"
        finally:
            await client.close()

    asyncio.run(run())


def test_tags_through_psycopg(one: Gateway) -> None:
    uri = one.uri("transaction", application_name="psycopg-tags")
    with psycopg.connect(uri, autocommit=True, prepare_threshold=2) as client:
        for _ in range(4):
            client.execute("SELECT %s::int /*lane='bulk'*/", (5,))
            assert lane_of(one, "psycopg-tags") == "bulk"
            client.execute("SELECT 1")
            assert lane_of(one, "psycopg-tags") == "transaction:app"


def test_tags_through_sqlalchemy(one: Gateway) -> None:
    uri = one.uri("transaction", application_name="sqlalchemy-tags")
    engine = sqlalchemy.create_engine(uri.replace("postgresql://", "postgresql+psycopg://"))

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def tag(_conn, _cursor, statement, parameters, _context, _many):
        return f"{statement} /*batch='nightly',framework='sqlalchemy'*/", parameters

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as client:
        assert client.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        assert lane_of(one, "sqlalchemy-tags") == "bulk"
    engine.dispose()


# Tags behind a driver's own BEGIN ----------------------------------------------------------------

TAGGED = "SELECT 1 /*lane='bulk'*/"


def test_the_first_statement_in_a_block_of_psycopg_says_the_lane(one: Gateway) -> None:
    uri = one.uri("transaction", application_name="psycopg-block")
    with psycopg.connect(uri) as client:
        for level in (None, psycopg.IsolationLevel.SERIALIZABLE):
            client.isolation_level = level
            with client.transaction():
                client.execute("SELECT %s::int /*lane='bulk'*/", (5,))
                assert lane_of(one, "psycopg-block") == "bulk"
                assert client.execute("SHOW transaction_isolation").fetchone() == (
                    "serializable" if level else "read committed",
                )
            client.execute("SELECT 1")
            assert lane_of(one, "psycopg-block") == "transaction:app"
            client.rollback()


def test_the_first_statement_in_a_block_of_psycopg2_says_the_lane(one: Gateway) -> None:
    client = psycopg2.connect(one.uri("transaction", application_name="psycopg2-block"))
    client.set_session(isolation_level="REPEATABLE READ", readonly=True)
    cursor = client.cursor()
    cursor.execute(TAGGED)
    assert lane_of(one, "psycopg2-block") == "bulk"
    cursor.execute("SHOW transaction_read_only")
    assert cursor.fetchone() == ("on",)
    client.commit()
    client.close()


def test_the_first_statement_in_a_block_of_asyncpg_says_the_lane(one: Gateway) -> None:
    async def run() -> None:
        server_settings = {"application_name": "asyncpg-block"}
        client = await asyncpg.connect(one.uri("transaction"), server_settings=server_settings)
        try:
            for _ in range(2):
                async with client.transaction(isolation="serializable", readonly=True):
                    assert await client.fetchval("SELECT $1::int /*lane='bulk'*/", 5) == 5
                    assert lane_of(one, "asyncpg-block") == "bulk"
                    async with client.transaction():
                        assert await client.fetchval("SHOW transaction_read_only") == "on"
            async with client.transaction():
                pass
            assert await client.fetchval("SELECT 6") == 6
            assert lane_of(one, "asyncpg-block") == "transaction:app"
        finally:
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_the_first_statement_in_a_block_of_sqlalchemy_says_the_lane(
    one: Gateway, driver: str
) -> None:
    name = f"{driver}-sql"
    uri = one.uri("transaction").replace("postgresql://", f"postgresql+{driver}://")
    engine = sqlalchemy.create_engine(uri, connect_args={"application_name": name})

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def tag(_conn, _cursor, statement, parameters, _context, _many):
        return f"{statement} /*batch='nightly'*/", parameters

    with engine.begin() as client:
        assert client.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        assert lane_of(one, name) == "bulk"
        assert client.execute(sqlalchemy.text("SELECT 2")).scalar() == 2
    engine.dispose()


def test_a_begin_is_answered_as_postgresql_does(one: Gateway, cluster: PostgresCluster) -> None:
    """What a client sees of blocks, beside a private connection."""
    texts = [
        "BEGIN", "COMMIT", "START TRANSACTION READ ONLY", "ROLLBACK", "begin work;", "end",
        "BEGIN", "BEGIN", "SELECT 1", "COMMIT", "BEGIN", "SELECT 1/0", "SELECT 1", "COMMIT",
        "BEGIN READ ONLY", "SHOW transaction_read_only", "ROLLBACK AND CHAIN", "ABORT",
        "BEGIN", "COMMIT AND CHAIN", "SAVEPOINT a", "ROLLBACK TO a", "COMMIT",
        "BEGIN", "", "ROLLBACK TO nothing", "COMMIT", "BEGIN", "SELEC", "ROLLBACK; SELECT 2",
    ]  # fmt: skip

    def seen(target) -> list[object]:
        told: list[object] = []
        with ScriptedClient.login(target) as client:
            for text in texts:
                answer = client.query(text)
                told.append(
                    [
                        (each.kind, each.sqlstate if each.kind == "E" else each.body)
                        for each in answer
                    ]
                )
                told.append(len(client.notices))
        return told

    assert seen(one.target("transaction")) == seen(cluster.target())


def test_a_block_begins_with_its_first_statement(one: Gateway, cluster: PostgresCluster) -> None:
    """Listed in docs/reference/differences.md."""
    ask = "SELECT clock_timestamp()"
    for begin, late in (("BEGIN", "t"), ("BEGIN /* now */", "f")):
        with ScriptedClient.login(one.target("transaction")) as client:
            client.query(begin)
            with ScriptedClient.login(cluster.target()) as other:
                moment = other.value(ask)
            assert client.value(f"SELECT now() > '{moment}'") == late


def test_a_block_whose_first_statement_was_refused_is_rolled_back(
    cluster: PostgresCluster,
) -> None:
    clients = {"wait_ms_max": 1000}
    gateway = Gateway(cluster, ("--budget", "1"), {"lanes.bulk": {"rank": 1}, "clients": clients})
    try:
        gateway.start()
        uri = gateway.uri("transaction")
        with psycopg.connect(uri) as client, psycopg.connect(uri, autocommit=True) as holder:
            with holder.transaction():
                holder.execute("SELECT 1 /* it has the only server connection */")
                with pytest.raises(psycopg.errors.TooManyConnections):
                    client.execute("CREATE TABLE refused ()")
                with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                    client.execute("SELECT %s", (1,))
                assert client.info.transaction_status == TransactionStatus.INERROR
                client.rollback()
            assert client.execute("SELECT to_regclass('refused')").fetchone() == (None,)
    finally:
        gateway.destroy()


# What people see -------------------------------------------------------------------------------


def test_lanes_tenants_and_waits_are_shown(one: Gateway) -> None:
    """What is shown is up to a second old, so that what others did may come later than it was."""

    def mailer() -> dict[str, Any] | None:
        tenants = [row for row in one.show("TENANTS") if row["lane"] == "otp"]
        return next(
            (row for row in tenants if row["tenant"] == "mailer #" and row["grants"]), None
        )

    uri = one.uri("transaction", user="second", application_name="mailer 4711")
    with psycopg.connect(uri, autocommit=True) as client:
        for _ in range(3):
            client.execute("SELECT 1")
        told = eventually(mailer)
        eventually(lambda: (mailer() or told)["grants"] >= 3)
        assert told["clients"] == 1
        otp = lanes(one)["otp"]
        assert (otp["reserve"], otp["kept"], otp["database"]) == (1, 1, "app")
        assert otp["grants"] >= 3
    assert isinstance(one.show("WAITS"), list)


# Reload ----------------------------------------------------------------------------------------


def test_lanes_change_while_the_load_runs_and_no_request_is_lost(
    cluster: PostgresCluster,
) -> None:
    gateway = Gateway(cluster, ("--budget", "3"), LANES | {"lanes.vip": {"rank": 2}})
    others: dict[str, dict[str, Any]] = {
        "lanes.web": {"reserve": 2, "door": "transaction", "borrow_hold_ms": 200},
        "lanes.late": {"match": [{"user": "second"}], "limit": 1, "door": "transaction"},
    }
    done = [0] * 12
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        user = ("app", "second", "third")[number % 3]
        uri = gateway.uri("transaction", user=user, application_name=f"web-{number}")
        try:
            with psycopg.connect(uri, autocommit=True) as client:
                while not stop.is_set():
                    client.execute("SELECT pg_sleep(0.002)")
                    done[number] += 1
        except BaseException as error:  # noqa: BLE001 -- told below
            failures.append(error)

    def all_went_on(since: list[int]) -> bool:
        return bool(failures) or all(now > was for now, was in zip(done, since, strict=True))

    try:
        gateway.start()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(done))]
        for thread in threads:
            thread.start()
        for settings, lane in ((others, "late"), (LANES | {"lanes.vip": {}}, "bulk")) * 2:
            eventually(lambda since=list(done): all_went_on(since))
            gateway.reload_with(settings)
            eventually(lambda lane=lane: lane in lanes(gateway))
        eventually(lambda since=list(done): all_went_on(since))
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
        assert failures == []
        assert "Traceback" not in gateway.log()
    finally:
        stop.set()
        gateway.destroy()


def test_a_lane_that_is_renamed_while_it_is_in_use_ends_with_its_last_lease(one: Gateway) -> None:
    renamed = {("lanes.code" if name == "lanes.otp" else name): it for name, it in LANES.items()}
    with ScriptedClient.login(one.target("transaction", "second")) as client:
        client.query("BEGIN; SELECT 1")
        eventually(lambda: lanes(one).get("otp", {}).get("busy") == 1)
        one.reload_with(renamed)
        eventually(lambda: lanes(one).get("code", {}).get("reserve") == 1)
        eventually(lambda: lanes(one)["otp"]["reserve"] == 0)
        assert lanes(one)["otp"]["busy"] == 1
        client.query("COMMIT")
        eventually(lambda: "otp" not in lanes(one))
        client.query("SELECT 1")
        eventually(lambda: lanes(one)["code"]["grants"] == 1)
    one.reload_with(LANES)
    eventually(lambda: "code" not in lanes(one))


def test_a_reload_that_promises_too_much_changes_nothing(one: Gateway) -> None:
    one.reload_with(LANES | {"lanes.more": {"reserve": 9}})
    eventually(lambda: "lanes reserve 12 server connections" in one.log())
    assert "more 9 + near 1 + otp 1 + vip 1 = 12, more than server.budget = 6" in one.log()
    with ScriptedClient.login(one.target("transaction"), application_name="after") as client:
        client.query("SET pglane.lane = 'bulk'")
        assert lane_of(one, "after") == "bulk"
