"""Lanes on real servers: a flood starves nobody, promises are kept, refusals keep connections."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest
import sqlalchemy.orm

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

OTP = {"reserve": 1, "borrow_hold_ms": 100, "match": [{"user": "second"}]}
WRITE = "SELECT lo_create(0)"
Settings = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def gateway_with(cluster: PostgresCluster) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways with a budget and settings; all end with the test."""
    started: list[Gateway] = []

    def start(budget: int, settings: Settings) -> Gateway:
        one = Gateway(cluster, ("--budget", str(budget)), settings)
        started.append(one)
        return one.start()

    yield start
    logs = [one.log() for one in started]
    for one in started:
        one.destroy()
    assert not [log for log in logs if "internal_error" in log or "Traceback" in log]


def client(gateway: Gateway, user: str = "app", name: str = "test") -> psycopg.Connection[Any]:
    uri = gateway.uri("transaction", user)
    return psycopg.connect(uri, autocommit=True, application_name=name, prepare_threshold=None)


@contextmanager
def flood(
    gateway: Gateway, clients: int, user: str = "app", hold_s: float = 0.02
) -> Iterator[list[psycopg.Error]]:
    """Clients that ask again and again; gives the errors that they get."""
    errors: list[psycopg.Error] = []
    over, begun = threading.Event(), threading.Barrier(clients + 1)

    def ask(number: int) -> None:
        with client(gateway, user, f"browse-{number}") as connection:
            begun.wait(30)
            while not over.is_set():
                try:
                    connection.execute("SELECT pg_sleep(%s)", [hold_s])
                except psycopg.Error as error:
                    errors.append(error)
                    return

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    try:
        yield errors
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def _port_of(connection: psycopg.Connection[Any]) -> int:
    with socket.socket(fileno=os.dup(connection.fileno())) as mine:
        return int(mine.getsockname()[1])


def in_transaction(gateway: Gateway, count: int) -> list[psycopg.Connection[Any]]:
    """Clients of one user that think inside a transaction."""
    thinking = [client(gateway) for _ in range(count)]
    for connection in thinking:
        connection.execute("BEGIN")
        connection.execute("SELECT 1")
    return thinking


@pytest.mark.parametrize("who", ["another user", "another application"])
def test_a_flood_of_one_keeps_no_other_waiting(gateway_with, who: str) -> None:
    gateway = gateway_with(2, {"clients": {"wait_ms_max": 10_000}})
    user = "second" if who == "another user" else "app"
    with flood(gateway, 8) as errors, client(gateway, user, "otp") as otp:
        for _ in range(20):
            assert otp.execute("SELECT 1").fetchone() == (1,)
    assert errors == []


def test_a_transaction_that_thinks_on_a_borrowed_place_gives_it_back(gateway_with) -> None:
    gateway = gateway_with(2, {"lanes.otp": OTP})
    thinking = in_transaction(gateway, 2)
    with client(gateway, "second") as otp:
        assert otp.execute("SELECT 1").fetchone() == (1,)
    told = []
    for connection in thinking:
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            told.append(error)
        assert connection.execute("SELECT 2").fetchone() == (2,), "it stays connected"
        connection.close()
    (lost,) = told
    assert lost.sqlstate == "57P01"
    assert "rolled back" in (lost.diag.message_primary or "")
    assert "borrow_hold_ms of lane otp is 100" in (lost.diag.message_detail or "")


def test_drivers_roll_back_what_was_taken_back_and_go_on(gateway_with) -> None:
    """The only server connection is lent; its owner asks while each driver thinks."""
    gateway = gateway_with(1, {"lanes.otp": OTP})
    uri = gateway.uri("transaction")

    def owner_asks() -> None:
        with client(gateway, "second") as otp:
            assert otp.execute("SELECT 1").fetchone() == (1,)

    with psycopg.connect(uri) as modern:
        modern.execute("SELECT 1")
        modern.commit()
        gateway.wait_for_catalogs()
        with pytest.raises(psycopg.errors.AdminShutdown), modern.transaction():
            modern.execute("SELECT 1")
            owner_asks()
            modern.execute("SELECT 2")
        assert modern.execute("SELECT 3").fetchone() == (3,)
    old = psycopg2.connect(uri)
    cursor = old.cursor()
    cursor.execute("SELECT 1")
    owner_asks()
    with pytest.raises(psycopg2.errors.AdminShutdown):
        cursor.execute("SELECT %s", (2,))
    old.rollback()
    cursor.execute("SELECT 3")
    assert cursor.fetchone() == (3,)
    old.close()
    asyncio.run(_asyncpg_goes_on(uri, owner_asks))
    engine = sqlalchemy.create_engine(uri.replace("postgresql://", "postgresql+psycopg://"))
    with sqlalchemy.orm.Session(engine) as session:
        session.execute(sqlalchemy.text("SELECT 1"))
        owner_asks()
        with pytest.raises(sqlalchemy.exc.OperationalError):
            session.execute(sqlalchemy.text("SELECT 2"))
        session.rollback()
        assert session.execute(sqlalchemy.text("SELECT 3")).scalar() == 3
    engine.dispose()


async def _asyncpg_goes_on(uri: str, owner_asks: Callable[[], None]) -> None:
    connection = await asyncpg.connect(uri)
    try:
        with pytest.raises(asyncpg.AdminShutdownError):
            async with connection.transaction():
                assert await connection.fetchval("SELECT $1::int", 1) == 1
                await asyncio.to_thread(owner_asks)
                await connection.fetchval("SELECT $1::int", 2)
        async with connection.transaction():
            assert await connection.fetchval("SELECT $1::int", 3) == 3
    finally:
        await connection.close()


@pytest.mark.parametrize("reader_first", [True, False])
def test_who_has_only_read_is_asked_before_who_has_written(
    cluster, gateway_with, reader_first: bool
) -> None:
    """Whichever of the two is younger; PostgreSQL says when both are old enough."""
    gateway = gateway_with(2, {"lanes.otp": OTP})
    with client(gateway) as first:  # before the catalogs are read nobody knows what only reads
        first.execute("SELECT 1")
        gateway.wait_for_catalogs()
    thinking = in_transaction(gateway, 2)
    reader, writer = thinking if reader_first else reversed(thinking)
    reader.execute("SELECT count(*) FROM pg_class")
    writer.execute(WRITE)
    old = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
        "AND now() - xact_start > interval '200 ms'"
    )
    eventually(lambda: cluster.admin(old) == [(2,)])
    with client(gateway, "second") as otp:
        assert otp.execute("SELECT 1").fetchone() == (1,)
    writer.execute("ROLLBACK")
    with pytest.raises(psycopg.OperationalError) as lost:
        reader.execute("COMMIT")
    assert lost.value.sqlstate == "57P01"
    for connection in thinking:
        connection.close()


def test_a_statement_on_a_borrowed_place_is_cancelled_and_its_client_stays(gateway_with) -> None:
    gateway = gateway_with(2, {"lanes.otp": OTP})
    long = [client(gateway) for _ in range(2)]
    told: list[psycopg.Error] = []
    over = threading.Event()

    def run(connection: psycopg.Connection[Any]) -> None:
        with suppress(psycopg.OperationalError):  # the test cancels the other one
            try:
                connection.execute("SELECT pg_sleep(60)")
            except psycopg.errors.QueryCanceled as error:
                if not over.is_set():
                    told.append(error)

    threads = [threading.Thread(target=run, args=(connection,)) for connection in long]
    for thread in threads:
        thread.start()
    eventually(lambda: sum(int(row["sv_active"]) for row in gateway.show("POOLS")) == 2)
    with client(gateway, "second") as otp:
        assert otp.execute("SELECT 1").fetchone() == (1,)
    eventually(lambda: told)
    over.set()
    for connection in long:
        connection.cancel()
    for thread in threads:
        thread.join(30)
    (cancelled,) = told
    assert cancelled.sqlstate == "57014"
    assert "lane otp" in (cancelled.diag.message_detail or "")
    for connection in long:
        assert connection.execute("SELECT 2").fetchone() == (2,)
        connection.close()


@pytest.mark.parametrize("parameters", [None, [1]])
def test_who_is_refused_was_told_before_and_keeps_its_connection(gateway_with, parameters) -> None:
    gateway = gateway_with(1, {"clients": {"wait_ms_max": 1000}})
    text = "SELECT 1" if parameters is None else "SELECT %s::int"
    with client(gateway, name="patient") as waiting:
        (holder,) = in_transaction(gateway, 1)
        notices: list[str] = []
        waiting.add_notice_handler(
            lambda told: notices.append(f"{told.message_primary} {told.message_detail}")
        )
        with pytest.raises(psycopg.errors.TooManyConnections) as refused:
            waiting.execute(text, parameters)
        diagnostic = refused.value.diag
        assert "Lane transaction:app" in (diagnostic.message_detail or "")
        assert "Nothing was executed" in (diagnostic.message_detail or "")
        assert "Safe to retry" in (diagnostic.message_hint or "")
        (notice,) = notices
        assert "still waiting" in notice
        assert "place 1 of 1" in notice
        assert "1 idle in transaction" in notice
        assert "test for" in notice, "who of its own user holds one"
        eventually(lambda: "waits_long" in gateway.log())
        holder.execute("COMMIT")
        assert waiting.execute(text, parameters).fetchone() == (1,)
    holder.close()


def test_who_thinks_while_others_wait_is_named_at_once(gateway_with) -> None:
    """With its lane, what it does and since when; and who waits, and behind whom."""
    gateway = gateway_with(2, {})
    thinking = in_transaction(gateway, 2)
    ports = {_port_of(one) for one in thinking}

    def ask() -> None:
        with client(gateway, name="late") as late:
            late.execute("SELECT 1")

    waiting = threading.Thread(target=ask)
    waiting.start()
    eventually(lambda: gateway.show("QUEUE"))
    (queued,) = gateway.show("QUEUE")
    holders = gateway.show("HOLDERS")
    assert {row["port"] for row in holders} == ports
    assert {row["doing"] for row in holders} == {"idle in transaction"}
    assert {row["lane"] for row in holders} == {"transaction:app"}
    assert {row["waiting"] for row in holders} == {1}
    assert all(0 < row["doing_time"] <= row["held_time"] for row in holders)
    assert (queued["application_name"], queued["place"]) == ("late", 1)
    assert queued["reason"] == "no_server_free"
    assert "2 idle in transaction" in queued["held_by"]
    for one in thinking:
        one.execute("COMMIT")
        one.close()
    waiting.join(30)
    eventually(lambda: not gateway.show("HOLDERS") and not gateway.show("QUEUE"))
