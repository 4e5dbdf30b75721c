"""Situations in which connection poolers have gone wrong, each in our own words.

Which situations: those that PgBouncer's own tests are about and that no other file here has. All
of it must be so on a private connection too (PGLANE_TEST_THROUGH=server).
"""

import select
import signal
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, kinds, rows
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

BUFFERS = (1, 4095, 4096, 16_384, 65_536, 262_144, 1_000_000)
"""Sizes around those of buffers that somebody may have."""


# ------------------------------------------------------------- beginnings


def test_an_empty_name_of_the_application(crowded_target: Target) -> None:
    """Nobody else's name is seen in its place, also later on the same server connection."""
    with (
        ScriptedClient.login(crowded_target, application_name="somebody") as named,
        ScriptedClient.login(crowded_target, application_name="") as nameless,
    ):
        for _ in range(3):
            assert named.value("SHOW application_name") == "somebody"
            assert nameless.value("SHOW application_name") == ""
        assert nameless.parameters["application_name"] == ""


@pytest.mark.parametrize("value", ["ISO, MDY", "ISO,MDY", "iso, mdy", "ISO, US", "SQL, DMY"])
def test_values_that_are_written_otherwise_and_mean_the_same(
    crowded_target: Target, value: str
) -> None:
    with (
        ScriptedClient.login(crowded_target, DateStyle=value) as one,
        ScriptedClient.login(crowded_target) as other,
    ):
        shown = "SQL, DMY" if value.startswith("SQL") else "ISO, MDY"
        for _ in range(2):
            assert one.value("SHOW datestyle") == shown
            assert other.value("SHOW datestyle") == "ISO, MDY"
        assert one.parameters["DateStyle"] == shown


def test_a_startup_packet_as_long_as_may_be(crowded_target: Target) -> None:
    known = p.startup({"user": "app", "database": "app", "app.long": ""})
    with ScriptedClient.login(crowded_target, **{"app.long": "x" * (10_000 - len(known))}) as one:
        assert one.value("SELECT length(current_setting('app.long'))") == str(10_000 - len(known))


def test_a_server_that_says_much_at_its_login(cluster: PostgresCluster, request) -> None:
    """A role's defaults that are reported, longer than any buffer."""
    long = "y" * 60_000
    cluster.admin(f"ALTER ROLE third SET search_path = '{long}'")
    try:
        target = request.getfixturevalue("transaction_door").as_user("third")
        with ScriptedClient.login(target) as client:
            assert client.value("SHOW search_path") == long
    finally:
        cluster.admin("ALTER ROLE third RESET search_path")


def test_a_database_that_is_not_there_is_told_after_the_password(target: Target) -> None:
    nowhere = target.at_database("nowhere")
    with pytest.raises(LoginRefusedError) as told:
        ScriptedClient.login(nowhere)
    assert told.value.sqlstate == "3D000"
    wrong = Target(**{**vars(nowhere), "passwords": {"app": "wrong"}})
    with pytest.raises(LoginRefusedError) as told:
        ScriptedClient.login(wrong)
    assert told.value.sqlstate == "28P01"


# ----------------------------------------------------- sizes and pipelines


@pytest.mark.parametrize("size", BUFFERS)
def test_texts_and_values_of_every_size(crowded_target: Target, size: int) -> None:
    """Also while the server connection changes from one client's settings to another's."""
    padding = "/*" + "x" * size + "*/"
    with (
        ScriptedClient.login(crowded_target, work_mem="7MB") as one,
        ScriptedClient.login(crowded_target, work_mem="9MB") as other,
    ):
        for client, memory in ((one, "7MB"), (other, "9MB"), (one, "7MB")):
            text = f"SELECT current_setting('work_mem'), length($1::text) {padding}"
            unit = p.parse(text) + p.bind((b"v" * size,)) + p.execute()
            assert rows(client.extended(unit)) == [(memory, str(size))]


def test_a_name_longer_than_any_buffer(crowded_target: Target) -> None:
    name = "n" * 30_000
    with (
        ScriptedClient.login(crowded_target) as one,
        ScriptedClient.login(crowded_target) as other,
    ):
        for client, value in ((one, "1"), (other, "2")):
            assert not errors(client.extended(p.parse(f"SELECT {value}", name)))
        for client, value in ((one, "1"), (other, "2"), (one, "1")):
            assert rows(client.extended(p.bind((), name) + p.execute())) == [(value,)]


def test_an_error_in_the_middle_of_a_pipeline(crowded_target: Target) -> None:
    """What is behind it up to the Sync is skipped, with the statements it would have made."""
    with ScriptedClient.login(crowded_target) as client:
        unit = b"".join(
            p.parse(f"SELECT {number} / {number - 3}", f"s{number}")
            + p.bind((), f"s{number}")
            + p.execute()
            for number in range(1, 6)
        )
        assert errors(client.extended(unit)) == ["22012"]
        assert rows(client.extended(p.bind((), "s2") + p.execute())) == [("-2",)]
        assert errors(client.extended(p.bind((), "s3") + p.execute())) == ["22012"]
        for name in ("s4", "s5"):
            assert errors(client.extended(p.bind((), name) + p.execute())) == ["26000"]
        assert not errors(client.extended(p.parse("SELECT 5", "s5")))


def test_a_sync_that_comes_late_behind_an_error(crowded_target: Target) -> None:
    """Others are served meanwhile where the server connection is not in the client's hands."""
    with (
        ScriptedClient.login(crowded_target) as client,
        ScriptedClient.login(crowded_target) as other,
    ):
        client.send(p.parse("SELECT broken", "a") + p.bind((), "a") + p.execute() + p.flush())
        assert errors(client.read_until("E")) == ["42703"]
        client.send(p.parse("SELECT 1", "a"))
        assert not client.has_unread(0.05)
        client.send(p.sync())
        assert kinds(client.read_until()) == "Z"
        assert other.value("SELECT 2") == "2"
        assert errors(client.extended(p.bind((), "a") + p.execute())) == ["26000"]


def test_a_long_pipeline_over_more_statements_than_are_kept(crowded_target: Target) -> None:
    """Behind the transaction door 16 are kept; each of 60 answers is its own."""
    with ScriptedClient.login(crowded_target) as client:
        for _ in range(2):
            unit = b"".join(
                p.parse(f"SELECT {number}", f"s{number}")
                + p.bind((), f"s{number}")
                + p.execute()
                + (p.sync() if number % 7 == 6 else b"")
                for number in range(60)
            )
            client.send(unit + p.sync())
            answers = [row for _ in range(9) for row in rows(client.read_until())]
            assert answers == [(str(number),) for number in range(60)]
            closing = b"".join(p.close("S", f"s{number}") for number in range(60))
            assert not errors(client.extended(closing))


def test_an_answer_is_not_held_back_until_the_next(crowded_target: Target) -> None:
    """The first of two units is answered while the second one runs."""
    with ScriptedClient.login(crowded_target) as client:
        first = p.parse("SELECT 'soon'") + p.bind() + p.execute() + p.sync()
        second = p.parse("SELECT pg_sleep(20)") + p.bind() + p.execute() + p.sync()
        client.send(first + second)
        assert rows(client.read_until()) == [("soon",)]

        def told() -> bool:
            client.cancel()  # PostgreSQL ignores one that comes before the second has begun
            return bool(select.select([client.socket], [], [], 0.1)[0])

        eventually(told, what="the second unit is cancelled")
        assert errors(client.read_until()) == ["57014"]


def test_what_describes_a_statement_that_is_not_there(crowded_target: Target) -> None:
    with ScriptedClient.login(crowded_target) as client:
        assert errors(client.extended(p.describe("S", "nothing"))) == ["26000"]
        assert errors(client.extended(p.describe("P", "nothing"))) == ["34000"]
        assert not errors(client.extended(p.close("S", "nothing") + p.close("P", "nothing")))
        assert client.value("SELECT 1") == "1"


# ----------------------------------------------------------------- COPY


def sent(table: str, way: str) -> bytes:
    text = f"COPY {table} FROM STDIN"
    if way == "simple":
        return p.query(text)
    name = "c" if way == "prepared" else ""
    return p.parse(text, name) + p.bind((), name) + p.execute() + p.sync()


@pytest.mark.parametrize("way", ["simple", "extended", "prepared"])
@pytest.mark.parametrize("when", ["before its end", "at its end", "never"])
def test_a_copy_that_fails(crowded_target: Target, table: str, way: str, when: str) -> None:
    """The data behind the failure belong to it; the next statement and the next client do not."""
    bad = {"before its end": b"x\ta\n", "at its end": b"1\tagain\n", "never": b"3\tc\n"}[when]
    with (
        ScriptedClient.login(crowded_target) as client,
        ScriptedClient.login(crowded_target) as other,
    ):
        client.send(sent(table, way))
        assert client.read_until("G")[-1].kind == "G"
        lines = b"1\ta\n2\tb\n" + bad + b"".join(b"%d\tz\n" % row for row in range(10, 2000))
        data = b"".join(p.copy_data(lines[at : at + 500]) for at in range(0, len(lines), 500))
        end = p.copy_done() + (b"" if way == "simple" else p.sync())
        client.send(data + end)
        told = client.read_until()
        failed = {"before its end": ["22P02"], "at its end": ["23505"], "never": []}[when]
        assert errors(told) == failed
        count = "0" if failed else "1993"
        assert client.value(f"SELECT count(*) FROM {table}") == count
        assert other.value(f"SELECT count(*) FROM {table}") == count


# ------------------------------------------------------------- operations


@pytest.fixture
def own(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, ("--budget", "2"))
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.mark.gateway
def test_an_interrupt_ends_a_drain(own: Gateway) -> None:
    """TERM waits for a transaction that does not end; whoever presses Ctrl-C does not wait."""
    with ScriptedClient.login(own.target("transaction")) as client:
        client.query("BEGIN")
        assert own.process is not None
        own.process.send_signal(signal.SIGTERM)
        eventually(lambda: not _lets_in(own.target("transaction")), what="nobody else comes in")
        assert own.process.poll() is None
        own.process.send_signal(signal.SIGINT)
        own.process.wait(timeout=15)


def _lets_in(target: Target) -> bool:
    try:
        ScriptedClient.login(target).close()
    except (LoginRefusedError, ConnectionEndedError, OSError):
        return False
    return True


@pytest.mark.gateway
def test_a_pause_in_the_middle_of_a_unit(own: Gateway) -> None:
    """The unit is finished first; what comes behind it waits for RESUME."""
    with ScriptedClient.login(own.target("transaction")) as client:
        client.send(p.parse("SELECT 'begun'") + p.bind() + p.execute() + p.flush())
        assert rows(client.read_until("C")) == [("begun",)]
        with psycopg.connect(
            own.target("transaction", database="pglane").uri(), autocommit=True
        ) as console:
            pausing = console.pgconn
            pausing.send_query(b"PAUSE")
            pausing.flush()
            client.send(p.sync())
            assert kinds(client.read_until()) == "Z"
            _read(pausing)
            client.send(p.query("SELECT 'later'"))
            assert not client.has_unread(0.1)
            pausing.send_query(b"RESUME")
            pausing.flush()
            _read(pausing)
        assert rows(client.read_until()) == [("later",)]


def _read(connection: psycopg.pq.PGconn) -> None:
    """Takes the answer of a command."""
    while connection.is_busy():
        select.select([connection.socket], [], [], 20)
        connection.consume_input()
    while connection.get_result() is not None:
        pass


@pytest.mark.gateway
def test_descriptors_come_back(own: Gateway) -> None:
    """Connections of every sort of end, a hundred times; nothing stays open."""
    target = own.target("transaction")
    with ScriptedClient.login(target) as client:
        client.value("SELECT 1")
    worker = psutil.Process(own.worker_pid)
    eventually(lambda: len(own.show("CLIENTS")) <= 1)
    before = worker.num_fds()
    for number in range(100):
        client = ScriptedClient(target)
        if number % 4:
            client.send_startup()
        if number % 4 > 1:
            client.authenticate()
        if number % 4 > 2:
            client.query("BEGIN")
        client.reset() if number % 2 else client.close()
    eventually(lambda: worker.num_fds() <= before + 2, what="all are closed again")
