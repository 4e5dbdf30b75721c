"""`pglane up` as people run it, with a PostgreSQL of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from pglane.postgres import postmaster

DOORS = ("transaction", "session", "direct")
ANY_PORT = [word for door in DOORS for word in (f"--{door}-port", "0")]
LIMIT_S = 120


@pytest.fixture
def place():
    folder = Path(tempfile.mkdtemp(prefix="pgl", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def pglane():
    """Starts `pglane` with some words; whatever is left of it in the end is ended."""
    started = []

    def start(*words):
        clean = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
        clean.pop("DATABASE_URL", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "pglane", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean,
        )
        watchdog = threading.Timer(LIMIT_S, process.kill)
        watchdog.start()
        started.append((process, watchdog))
        return process

    yield start
    for process, watchdog in started:
        watchdog.cancel()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate()


def doors_of(process):
    """The connection strings it prints, once the doors are open."""
    found = {}
    for line in process.stdout:
        words = line.split()
        if words[0] in DOORS:
            found[words[0]] = words[1]
        if words[:2] == ["Ctrl-C", "stops"]:
            return found
    raise AssertionError(f"the doors did not open: {process.communicate()[1]}")


def ask(uri, question):
    with psycopg.connect(uri) as connection:
        return connection.execute(question).fetchone()[0]


def end(process, number):
    process.send_signal(number)
    error = process.communicate()[1]
    assert "Traceback" not in error
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_three_doors_before_a_postgresql_of_its_own(pglane, place, number):
    state = place / "state"
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    uris = doors_of(process)
    assert tuple(uris) == DOORS
    for door in DOORS:
        assert ask(uris[door], "SELECT current_user") == "postgres"
    with psycopg.connect(uris["direct"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert end(process, number) == 0
    assert postmaster.recorded_pid(state / "data") is None

    process = pglane("up", "--data-dir", state, *ANY_PORT)
    assert ask(doors_of(process)["transaction"], "SELECT number FROM kept") == 7
    assert end(process, number) == 0


def test_what_a_kill_leaves_is_taken_over(pglane, place):
    state = place / "state"
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    doors_of(process)
    left = postmaster.recorded_pid(state / "data")
    process.kill()
    process.communicate()
    assert postmaster.is_postmaster(left, state / "data")
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    assert ask(doors_of(process)["session"], "SELECT 1") == 1
    process.send_signal(signal.SIGINT)
    assert f"left PostgreSQL running (process {left})" in process.communicate()[1]
    assert not postmaster.is_postmaster(left, state / "data")


@pytest.mark.parametrize("door", DOORS)
def test_a_password_that_was_changed_behind_our_back_is_told_with_where_it_stands(
    pglane, place, door
):
    state = place / "state"
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    uris = doors_of(process)
    with psycopg.connect(uris["direct"]) as connection:
        connection.execute("ALTER ROLE postgres PASSWORD 'mine'")
    assert end(process, signal.SIGINT) == 0

    process = pglane("up", "--data-dir", state, *ANY_PORT)
    with pytest.raises(psycopg.OperationalError, match=r"said this to the gateway.*PGL0608"):
        ask(doors_of(process)[door], "SELECT 1")
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1]
    assert f"does not let pglane in with the password in {state / 'password'}" in error
    assert "PGL0913" in error

    (state / "password").write_text("mine")
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    assert ask(doors_of(process)[door], "SELECT 1") == 1
    assert end(process, signal.SIGINT) == 0


def test_a_postgresql_that_dies_is_told_and_ends_it(pglane, place):
    state = place / "state"
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    doors_of(process)
    os.kill(postmaster.recorded_pid(state / "data"), signal.SIGKILL)
    error = process.communicate()[1]
    assert process.returncode == 1
    assert "PGL0912" in error
    assert "signal 9" in error
    assert "Traceback" not in error
    process = pglane("up", "--data-dir", state, *ANY_PORT)
    assert ask(doors_of(process)["session"], "SELECT 1") == 1
    assert end(process, signal.SIGINT) == 0


def test_a_busy_port_is_told_and_nothing_is_left(pglane, place):
    state = place / "state"
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        words = ["--session-port", "0", "--direct-port", "0", "--transaction-port", port]
        process = pglane("up", "--data-dir", state, *words)
        error = process.communicate()[1]
    assert process.returncode == 1
    assert str(port) in error
    assert "--transaction-port" in error
    assert "Traceback" not in error
    assert postmaster.recorded_pid(state / "data") is None


def test_another_one_on_the_same_data_is_refused(pglane, place):
    first = pglane("up", "--data-dir", place / "state", *ANY_PORT)
    doors_of(first)
    second = pglane("up", "--data-dir", place / "state", *ANY_PORT)
    error = second.communicate()[1]
    assert second.returncode == 1
    assert f"another pglane holds it (process {first.pid})" in error


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["up", "mysql://h/d"], "mysql:// is not PostgreSQL"),
        (["up", "postgresql://u@h/d"], "--auth trust"),
        (["up", "postgresql://u:p@h/d?sslmode=sure"], "no mode of TLS"),
        (["up", "--config", "/nothing.toml"], "PGL0104"),
        (["up", "--embedded", "--postgres-bin", "/nothing"], "PGL0902"),
        (["up", "postgresql://u:p@h/d", "--budget", "0"], "1 to 10000"),
    ],
)
def test_what_can_be_foreseen_is_told_without_a_traceback(pglane, words, shown):
    process = pglane(*words)
    out, error = process.communicate()
    assert process.returncode == 1
    assert shown in error
    assert "Traceback" not in out + error
