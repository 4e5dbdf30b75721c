"""The embedded PostgreSQL with programs that only pretend; tests/integration has the real one."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest

from pglane.errors import RefusedError
from pglane.postgres import cluster as module, postmaster
from pglane.postgres.account import Account
from pglane.postgres.cluster import Cluster
from tests.support.waiting import eventually

OURSELVES = Account("me", os.geteuid(), os.getegid(), changed=False)
INITDB = """#!/bin/sh
[ "$1" = -D ] && echo 18 > "$2/PG_VERSION"
for word; do case "$word" in --pwfile=*) cp "${word#--pwfile=}" "$2/given" ;; esac; done
"""
SERVER = """#!/bin/sh
[ "$1" = --version ] && echo "postgres (PostgreSQL) 18.6" && exit
echo "$@" >> "$2/started"
"""
WAITS = "trap 'exit 0' INT QUIT; while :; do sleep 60 & wait; done\n"
STUBBORN = (
    "trap '' INT; trap 'exit 3' QUIT; touch \"$2/ready\"; while :; do sleep 60 & wait; done\n"
)


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Makes a cluster whose postgres is a shell script."""
    monkeypatch.setattr(module, "choose_account", lambda _wanted, _data: OURSELVES)
    programs = tmp_path / "bin"
    programs.mkdir()
    made = []

    def make(server, initdb=INITDB):
        for name, text in (("postgres", SERVER + server), ("initdb", initdb)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        notes, said = [], []
        cluster = Cluster(tmp_path / "state", programs, note=notes.append, say=said.append)
        cluster.notes, cluster.said = notes, said
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster._end_now()
        cluster.state.release()


@pytest.fixture
def answered(monkeypatch):
    """The server is said to answer at once."""
    monkeypatch.setattr(Cluster, "_answers", lambda _self: True)


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.refusals[0]


@pytest.mark.usefixtures("answered")
def test_start_and_stop(pretend):
    cluster = pretend(WAITS)
    assert (cluster.is_running, cluster.pid) == (False, None)
    cluster.start()
    assert cluster.is_running
    assert (cluster.state.data / "given").read_text().strip() == cluster.state.password()
    assert cluster.state.last_port() == cluster.port
    cluster.stop()
    cluster.stop()
    assert not cluster.is_running
    assert cluster.notes == []


@pytest.mark.usefixtures("answered")
def test_it_is_said_once_that_data_are_made_and_never_by_one_that_is_locked_out(pretend):
    cluster, other = pretend(WAITS), pretend(WAITS)
    other.state.take()
    assert refusal(cluster.start).code == "PGL0906"
    assert cluster.said == []
    other.state.release()
    for _ in range(2):
        cluster.start()
        cluster.stop()
    assert cluster.said == [f"making a PostgreSQL in {cluster.state.path} (only this once)"]


@pytest.mark.usefixtures("answered")
def test_a_stubborn_one_is_ended_at_once(pretend, monkeypatch):
    monkeypatch.setattr(module, "FAST_S_MAX", 0.1)
    cluster = pretend(STUBBORN)
    cluster.start()
    eventually((cluster.state.data / "ready").exists)
    cluster.stop()
    assert not cluster.is_running
    assert "ending it at once" in cluster.notes[0]


@pytest.mark.usefixtures("answered")
def test_one_that_never_ends_is_told_and_the_lock_given_back(pretend, monkeypatch):
    cluster = pretend(WAITS)
    cluster.start()
    monkeypatch.setattr(Cluster, "_ends", lambda *_words: False)
    assert refusal(cluster.stop).code == "PGL0910"
    monkeypatch.undo()
    other = Cluster(cluster.state.path, cluster.state.path)
    other.state.take()
    other.state.release()


def test_a_port_that_was_taken_meanwhile_is_tried_again_and_not_for_ever(pretend):
    cluster = pretend("echo 'FATAL: could not create any TCP/IP sockets' >&2; exit 1\n")
    found = refusal(cluster.start)
    assert "could not create any" in found.detail_text
    assert len((cluster.state.data / "started").read_text().splitlines()) == module.STARTS_MAX


def test_any_other_end_is_told_at_once(pretend):
    cluster = pretend("echo 'FATAL: no' >&2; exit 1\n")
    assert "FATAL: no" in refusal(cluster.start).detail_text
    assert len((cluster.state.data / "started").read_text().splitlines()) == 1


def test_one_that_is_never_ready_is_ended(pretend, monkeypatch):
    monkeypatch.setattr(module, "READY_S_MAX", 0.2)
    cluster = pretend(WAITS)
    assert "not ready within" in refusal(cluster.start).detail_text
    assert not cluster.is_running


def test_an_initdb_that_fails_leaves_nothing(pretend):
    cluster = pretend(WAITS, "#!/bin/sh\necho no space >&2\nexit 1\n")
    assert "no space" in refusal(cluster.start).detail_text
    assert not cluster.state.data.exists()
    assert not (cluster.state.path / "data.new").exists()
    assert not list(cluster.state.path.glob("socket/*"))


@pytest.mark.usefixtures("answered")
def test_data_of_another_version(pretend):
    cluster = pretend(WAITS)
    cluster.start()
    cluster.stop()
    (cluster.state.data / "PG_VERSION").write_text("17\n")
    assert "are of PostgreSQL 17, the programs of 18" in refusal(cluster.start).text


@pytest.fixture
def leftover(pretend, monkeypatch):
    """A cluster that finds the pid file of an earlier one; says what is known of that process."""
    cluster = pretend(WAITS)
    cluster.start()
    cluster.stop()
    file = cluster.state.data / postmaster.PID_FILE
    file.write_text("4194304\n")
    ended = []

    def know(*, alive, ours, ends=True):
        monkeypatch.setattr(postmaster, "is_alive", lambda _pid: alive)
        monkeypatch.setattr(postmaster, "is_postmaster", lambda _pid, _data: ours)
        monkeypatch.setattr(postmaster, "end", lambda pid, *_bounds: ended.append(pid) or ends)

    return cluster, file, ended, know


@pytest.mark.usefixtures("answered")
def test_a_stale_pid_file_is_left_to_postgresql(leftover):
    cluster, file, ended, know = leftover
    know(alive=False, ours=False)
    cluster.start()
    assert file.exists()
    assert "was not shut down (process 4194304 is gone)" in cluster.notes[0]
    assert ended == []


@pytest.mark.usefixtures("answered")
def test_a_pid_file_with_a_strangers_number_is_removed(leftover):
    cluster, file, ended, know = leftover
    know(alive=True, ours=False)
    cluster.start()
    assert not file.exists()
    assert "process 4194304 is not this PostgreSQL" in cluster.notes[0]
    assert ended == []


@pytest.mark.usefixtures("answered")
def test_a_server_left_running_is_ended_first(leftover):
    cluster, _file, ended, know = leftover
    know(alive=True, ours=True)
    cluster.start()
    assert ended == [4194304]
    know(alive=True, ours=True, ends=False)
    cluster.stop()
    assert refusal(cluster.start).code == "PGL0910"


def test_a_folder_the_account_cannot_enter(pretend, monkeypatch):
    monkeypatch.setattr(Account, "can_enter", lambda _self, _folder: False)
    assert "cannot enter it" in refusal(pretend(WAITS).start).detail_text


@pytest.mark.usefixtures("answered")
def test_an_account_we_may_not_become(pretend, monkeypatch):
    cluster = pretend(WAITS)
    cluster.start()
    cluster.stop()
    spawn = module.subprocess.Popen

    def denied(command, **how):
        if "--version" in command or command[0] == "/bin/sh":
            return spawn(command, **how)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.subprocess, "Popen", denied)
    assert refusal(cluster.start).code == "PGL0904"


def test_the_uri_is_quoted(tmp_path):
    cluster = Cluster(Path("/s t"), tmp_path)
    cluster.port = 6000
    cluster.state.password = lambda: "p/w"
    assert cluster.uri == "postgresql://postgres:p%2Fw@%2Fs%20t%2Fsocket:6000/postgres"
    long = Cluster(Path("/" + "x" * 90), tmp_path)
    long.state.password = lambda: "p"
    assert long.uri == "postgresql://postgres:p@127.0.0.1:0/postgres"


def test_where_the_password_stands_is_told(tmp_path):
    told = Cluster(tmp_path / "it", tmp_path / "bin").locked_out("no")
    assert told.text.endswith(f"in {tmp_path / 'it' / 'password'}")
    assert (
        f"{tmp_path / 'bin' / 'postgres'} --single -D {tmp_path / 'it' / 'data'}" in told.hint_text
    )
    assert told.detail_text == "no (PGL0913)"
    command = told.hint_text.split("`")[1]
    assert json.dumps(command)[1:-1] == command, "it can be pasted from the log, which escapes"


@pytest.mark.parametrize(
    ("answer", "ready"),
    [(b"R\0\0\0\x08\0\0\0\0", True), (b"E\0\0\0\x0fC57P03\0\0", False), (b"", False)],
)
def test_ready_is_what_a_client_sees(tmp_path, answer, ready):
    cluster = Cluster(Path("/" + "x" * 90), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        cluster.port = server.getsockname()[1]

        def serve():
            peer = server.accept()[0]
            with peer:
                assert b"user\0postgres\0" in peer.recv(1000)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert cluster._answers() is ready
        thread.join()
    assert not cluster._answers()


def test_a_free_port_is_kept_and_a_taken_one_is_not():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert module._free_port(port) != port
    assert module._free_port(port) == port
    assert module._free_port(70_000) > 0


def test_folders_in_a_list_setting():
    assert module._quoted(None) == ""
    assert module._quoted(Path('/a, "b"')) == '"/a, ""b"""'


def test_one_that_ends_without_a_word_is_told_with_what_is_known(pretend):
    told = refusal(pretend("exit 5\n").start)
    assert "it ended by exit code 5 and wrote nothing" in told.detail_text
    assert "KiB are free on its disk" in told.detail_text
