"""What an attacker would try, with and without a password: nothing of it reaches anybody else.

SECURITY.md names the test beside each defence; floods and garbage are in test_hostile, handshakes
in test_tls, names of users in test_unknown_users.
"""

import itertools
import json
import string
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.target import PASSWORDS, Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]
MIB = 1 << 20
GROWTH_MAX = 16 * MIB
"""What the worker may grow by under attack: buffers, allocator, what is remembered."""
LONGEST_STARTUP = 10_000


@pytest.fixture(scope="module")
def attacked(cluster: PostgresCluster) -> Iterator[Gateway]:
    """Few server connections: who leaves something there leaves it to others."""
    settings = {"clients": {"stats_users": ["second"]}, "log": {"level": "debug"}}
    one = Gateway(cluster, ("--budget", "2"), settings)
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture
def one(attacked: Gateway) -> Iterator[Gateway]:
    """Whatever is tried, the worker stays and says nothing of an error of its own."""
    worker = attacked.worker_pid
    yield attacked
    assert attacked.worker_pid == worker, attacked.log()
    assert "Traceback" not in attacked.log()
    assert "internal_error" not in attacked.log()


@pytest.fixture
def canary(cluster: PostgresCluster) -> Iterator[str]:
    """A table that must be empty when the test is over."""
    cluster.admin("SET ROLE app; CREATE TABLE canary (id int)", database="app")
    yield "INSERT INTO canary VALUES (1)"
    left = cluster.admin("SELECT count(*) FROM canary", database="app")
    cluster.admin("DROP TABLE canary", database="app")
    assert left == [(0,)]


# ------------------------------------------------------------- before the login


def test_what_is_sent_before_the_login_is_over_never_runs(one: Gateway, canary: str) -> None:
    target = one.target("transaction")
    startup = p.startup({"user": "app", "database": "app"})
    for ahead in (startup, startup[:20], p.cancel_request(1, b"abcd"), p.gssenc_request()):
        client = ScriptedClient(target)
        client.send(ahead + p.query(canary))
        _to_the_end(client)
    client = ScriptedClient(target)
    client.send_startup()
    assert client.read_message().kind == "R"
    client.send(p.query(canary))
    assert errors(client.read_to_end()) == ["08P01"]


def _to_the_end(client: ScriptedClient) -> None:
    try:
        client.socket.shutdown(1)
        client.read_to_end()
    except OSError:
        pass
    finally:
        client.close()


class _Eager(ScriptedClient):
    """Sends a request in the packet with its proof."""

    request = b""

    def send(self, *parts: bytes) -> None:
        if parts[0][:1] == b"p" and parts[0][5:9] != b"SCRA":
            parts = (*parts, self.request)
        super().send(*parts)


def test_a_request_behind_a_wrong_proof_never_runs(one: Gateway, canary: str) -> None:
    wrong = {**PASSWORDS, "app": "wrong"}
    target = one.target("transaction")
    stranger = Target(**{**vars(target), "passwords": wrong})
    client = _Eager(stranger)
    client.request = p.query(canary)
    client.send_startup()
    with pytest.raises(LoginRefusedError):
        client.authenticate()
    _to_the_end(client)


def test_a_request_behind_a_right_proof_runs_once(one: Gateway) -> None:
    client = _Eager(one.target("transaction"))
    client.request = p.query("SELECT 'once'")
    client.send_startup()
    client.authenticate()
    assert rows(client.read_until()) == [("once",)]
    assert not client.has_unread(0.1)
    client.close()


def test_long_startup_packets_are_not_kept(one: Gateway) -> None:
    """Who has no password sends hundreds of different ones, each with thousands of names."""
    words = (a + b + c for a, b, c in itertools.product(string.ascii_letters, repeat=3))
    names = list(itertools.islice(words, 3000))
    target = one.target("transaction")
    before = one.worker_memory_bytes()
    for number in range(300):
        asked = dict.fromkeys(names[number : number + 1900], "")
        packet = p.startup({"user": f"nobody {number}", **asked})
        assert LONGEST_STARTUP * 0.9 < len(packet) <= LONGEST_STARTUP
        client = ScriptedClient(target)
        client.send(packet)
        assert client.read_message().kind == "R"
        client.close()
    assert one.worker_memory_bytes() - before < GROWTH_MAX


def test_databases_that_do_not_exist_are_not_kept(one: Gateway) -> None:
    """Who may log in asks for one after the other."""
    target = one.target("transaction")
    for number in range(110):
        with pytest.raises(LoginRefusedError) as refused:
            ScriptedClient.login(target.at_database(f"none {number}"))
        assert refused.value.sqlstate == "3D000"
    assert len(one.show("DATABASES")) < 50
    with ScriptedClient.login(target) as client:
        assert client.value("SELECT current_database()") == "app"


def test_half_sent_passwords_take_bounded_memory(one: Gateway) -> None:
    """As many as may be there at once, each one byte short of the longest message."""
    target = one.target("transaction")
    before = one.worker_memory_bytes()
    clients = []
    for _ in range(150):
        client = ScriptedClient(target)
        client.send_startup()
        assert client.read_message().kind == "R"
        client.send(p.header(b"p", 65_536) + b"x" * 65_000)
        clients.append(client)
    with ScriptedClient.login(target) as bystander:
        assert bystander.value("SELECT 1") == "1"
    assert one.worker_memory_bytes() - before < GROWTH_MAX
    for client in clients:
        client.close()


# ------------------------------------------------- settings as a way to inject


NAMES = (
    'a.b"; DROP TABLE canary; --', "a.b'; DROP TABLE canary; --", "a.b\\'", "a.b c", "a.b\n",
    "work_mem; DROP TABLE canary", 'search_path"',
)  # fmt: skip
VALUES = (
    "'; DROP TABLE canary; --", "\\'; DROP TABLE canary; --", "\\\\'; DROP TABLE canary; --",
    "$$; DROP TABLE canary; --", "é\\'; DROP TABLE canary; --", "a\nb\rc", "\x1b[2J", "''", "\\",
    "z" * 20_000,
)  # fmt: skip
ASK = "SELECT coalesce(current_setting('app.v', true), '')"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_settings_are_data(one: Gateway, canary: str, name: str) -> None:
    """In the startup packet, in `options`, and by set_config: refused, or harmless."""
    assert canary
    target = one.target("transaction")
    escaped = name.replace("\\", "\\\\").replace(" ", "\\ ").replace("\n", "\\\n")
    for parameters in ({name: "v"}, {"options": f"-c {escaped}=v"}):
        with pytest.raises(LoginRefusedError):
            ScriptedClient.login(target, **parameters)
    with ScriptedClient.login(target) as client:
        told = client.extended(
            p.parse("SELECT set_config($1, 'v', false)") + p.bind((name.encode(),)) + p.execute()
        )
        assert errors(told)
        assert client.value("SELECT 1") == "1"


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "EUC_JP"])
@pytest.mark.parametrize("strings", ["on", "off"])
def test_values_of_settings_are_data(
    one: Gateway, canary: str, strings: str, encoding: str
) -> None:
    """They travel to another server connection and come back as they were."""
    assert canary
    target = one.target("transaction")
    with ScriptedClient.login(target) as client, ScriptedClient.login(target) as other:
        client.query(f"SET client_encoding = {encoding}")
        client.query(f"SET standard_conforming_strings = {strings}")
        for value in VALUES:
            raw = value.encode(encoding)
            sent = p.parse("SELECT set_config('app.v', $1, false)") + p.bind((raw,)) + p.execute()
            assert not errors(client.extended(sent))
            assert other.value(ASK) == ""
            answer = [one for one in client.query(ASK) if one.kind == "D"]
            assert answer[0].values == (raw,)


def test_settings_that_a_server_refuses_delay_nobody_else(cluster: PostgresCluster) -> None:
    """A misconfigured application that reconnects all the time is no failure of the server."""
    gateway = Gateway(cluster, ("--budget", "4"), {"clients": {"wait_ms_max": 2500}})
    try:
        target = gateway.start().target("transaction")
        for number in range(12):
            _misconfigured(target, number)
        assert any(_served(target.as_user(user)) for user in ("second", "third", "postgres"))
    finally:
        gateway.destroy()


def _misconfigured(target: Target, number: int) -> None:
    with pytest.raises(LoginRefusedError, match="work_mem"):
        ScriptedClient.login(target, work_mem=f"much {number}")


def _served(target: Target) -> bool:
    """In time: a server connection had to be opened."""
    try:
        with ScriptedClient.login(target) as client:
            return client.value("SELECT 1") == "1"
    except (LoginRefusedError, ConnectionEndedError, AssertionError):
        _misconfigured(target.as_user("app"), 99)
        return False


# --------------------------------------------------------- names that are ours


def test_nobody_takes_away_anothers_statement_by_its_name(one: Gateway) -> None:
    """What pglane calls it on the server connection can be read there."""
    target = one.target("transaction")
    with ScriptedClient.login(target) as owner, ScriptedClient.login(target) as thief:
        owner.extended(p.parse("SELECT 'mine'", "s") + p.bind((), "s") + p.execute())
        seen = rows(thief.query("SELECT name FROM pg_prepared_statements WHERE NOT from_sql"))
        assert seen
        for (name,) in seen:
            assert errors(thief.query(f'DEALLOCATE "{name}"')) == ["26000"]
            assert errors(thief.extended(p.bind((), str(name)) + p.execute())) == ["26000"]
            thief.extended(p.close("S", str(name)))
            assert not errors(thief.extended(p.parse("SELECT 'theirs'", str(name))))
        assert rows(owner.extended(p.bind((), "s") + p.execute())) == [("mine",)]


# -------------------------------------------------------------------- the log

NASTY = (
    "x\n2026-01-01T00:00:00.000Z error forged: all is lost",
    "x\r\nforged", "x\x1b[2J\x1b]0;title\x07", "x\x9b31m", "\u202ereversed", "x\x7f\x08\x08y",
    'x" code="PGL9999',
)  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_cannot_be_forged(cluster: PostgresCluster, form: str) -> None:
    """Line breaks and a terminal's controls in whatever a client may send."""
    gateway = Gateway(cluster, (), {"log": {"format": form, "level": "debug"}})
    try:
        target = gateway.start().target("transaction")
        for nasty in NASTY:
            for parameters in (
                {"user": nasty}, {"database": nasty}, {"application_name": nasty},
                {"work_mem": nasty}, {"options": f"-c {nasty}"},
            ):  # fmt: skip
                _try_to_log(target, parameters, nasty)
        eventually(lambda: gateway.log().count("PGL0201") >= len(NASTY))
        written = gateway.log_path.read_bytes().decode()
    finally:
        gateway.destroy()
    assert all(one.isprintable() or one == "\n" for one in written)
    for line in written.splitlines():
        if form == "json":
            assert json.loads(line)["event"] != "forged"
        else:
            assert line[:2] == "20", line
            assert line.split()[2] != "forged:", line


def _try_to_log(target: Target, parameters: dict[str, str], nasty: str) -> None:
    client = ScriptedClient(target)
    try:
        client.send_startup(**parameters)
        client.authenticate()
        client.query(f"SELECT 1/0 -- {nasty}")
        client.query(f'LISTEN "{nasty}"')
    except (LoginRefusedError, ConnectionEndedError, OSError):
        pass
    finally:
        client.close()


# ----------------------------------------------------------------- the console

COMMANDS = (
    "SHUTDOWN", "/* x */ SHUTDOWN", "-- x\nSHUTDOWN", "shutdown;", " ;;SHUTDOWN",
    "SHUTDOWN WAIT_FOR_CLIENTS", 'PAUSE "app"', "RESUME", "KILL app", "RECONNECT", "RELOAD",
    "DISABLE app", "ENABLE app", "WAIT_CLOSE", "SET server.budget TO 1",
)  # fmt: skip


@pytest.mark.parametrize("text", COMMANDS)
def test_who_may_only_look_finds_no_way_around(one: Gateway, text: str) -> None:
    """Behind a SHOW, in a comment, by the extended protocol: it stays forbidden."""
    target = one.target("transaction", "second", "pglane")
    with ScriptedClient.login(target) as client:
        assert errors(client.query(text)) == ["42501"]
        assert errors(client.query(f"SHOW VERSION; {text}")) == ["42501"]
        assert errors(client.extended(p.parse(text) + p.bind() + p.execute())) == ["42501"]
        assert not errors(client.query("SHOW STATS"))
        assert {row["paused"] for row in one.show("DATABASES")} == {0}


# -------------------------------------------------------------------- secrets


def test_no_process_shows_a_secret(one: Gateway) -> None:
    """In its command line, which everybody on the machine can read."""
    for process in one.processes():
        words = " ".join(process.cmdline())
        assert not [secret for secret in PASSWORDS.values() if secret in words], words
    assert not [secret for secret in PASSWORDS.values() if secret in one.log()]


def test_a_password_in_the_command_line_is_told(cluster: PostgresCluster) -> None:
    """It cannot be taken out of there; whoever wrote it should know."""
    uri = cluster.uri_without_secret().replace("app@", f"app:{PASSWORDS['app']}@")
    gateway = Gateway(cluster, uri=uri)
    try:
        gateway.start()
        assert "command line" in gateway.log()
        assert PASSWORDS["app"] not in gateway.log()
        supervisor, worker = gateway.processes()
        assert PASSWORDS["app"] not in " ".join(worker.cmdline())
    finally:
        gateway.destroy()


def test_sockets_of_the_file_system_ask_for_a_password(
    cluster: PostgresCluster, tmp_path: Path
) -> None:
    """Everybody on the machine can reach them, as PostgreSQL's."""
    tmp_path.chmod(0o755)
    folder = str(tmp_path)
    gateway = Gateway(cluster, settings={"listen": {"unix_socket_directory": folder}})
    try:
        gateway.start()
        port = gateway.ports["transaction"]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=folder, port=port, user="app", dbname="app", password="x")
    finally:
        gateway.destroy()
