import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pglane.postgres import postmaster

STUBBORN = "trap '' INT; echo ready; while :; do sleep 60 & wait; done"


@pytest.fixture
def process(tmp_path):
    """Starts a shell whose working directory is a data directory."""
    started = []

    def start(script):
        shell = subprocess.Popen(
            ["/bin/sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        started.append(shell)
        assert shell.stdout.readline() == "ready\n"
        return shell

    yield start
    for shell in started:
        shell.kill()
        shell.wait()
        shell.stdout.close()


@pytest.fixture(params=["by descriptor", "by asking"])
def way(request, monkeypatch):
    """Waiting for a stranger's end, with and without process descriptors."""
    if request.param == "by asking":
        monkeypatch.delattr(os, "pidfd_open", raising=False)


WAITS = "echo ready; exec sleep 600"


@pytest.mark.parametrize(
    ("text", "pid"),
    [("123\n/data\n", 123), ("-123\n", 123), ("", None), ("0\n", None), ("x\n", None)],
)
def test_recorded_pid(tmp_path, text, pid):
    (tmp_path / postmaster.PID_FILE).write_text(text)
    assert postmaster.recorded_pid(tmp_path) == pid


def test_no_file(tmp_path):
    assert postmaster.recorded_pid(tmp_path) is None


def test_alive_or_not(process, monkeypatch):
    shell = process(WAITS)
    assert postmaster.is_alive(shell.pid)
    shell.kill()
    shell.wait()
    assert not postmaster.is_alive(shell.pid)

    def foreign(_pid, _number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", foreign)
    assert postmaster.is_alive(1)


def test_a_postmaster_is_known_by_its_working_directory(process, tmp_path):
    shell = process(WAITS)
    assert postmaster.is_postmaster(shell.pid, tmp_path)
    assert not postmaster.is_postmaster(shell.pid, tmp_path / "other")
    shell.kill()
    shell.wait()
    assert not postmaster.is_postmaster(shell.pid, tmp_path)


def test_elsewhere_it_is_known_by_its_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(postmaster, "PROCESSES", tmp_path / "nothing")
    said = subprocess.CompletedProcess([], 0, "postgres -D /the/data -c port=1\n")
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_how: said)
    assert postmaster.is_postmaster(1, Path("/the/data"))
    assert not postmaster.is_postmaster(1, Path("/other"))


def reaped(shell):
    """Ends the zombie, so that asking for the number tells the truth."""
    threading.Thread(target=shell.wait, daemon=True).start()


@pytest.mark.usefixtures("way")
def test_end_by_a_fast_shutdown(process):
    shell = process(WAITS)
    reaped(shell)
    assert postmaster.end(shell.pid, 20, 0)
    assert shell.wait() == -signal.SIGINT


@pytest.mark.usefixtures("way")
def test_end_by_an_immediate_shutdown_when_the_fast_one_does_not_help(process):
    shell = process(STUBBORN)
    reaped(shell)
    assert postmaster.end(shell.pid, 0.1, 20)
    assert shell.wait() == -signal.SIGQUIT


@pytest.mark.usefixtures("way")
def test_end_gives_up_within_its_bound(process):
    shell = process("trap '' INT QUIT; " + WAITS)
    assert not postmaster.end(shell.pid, 0.05, 0.05)


def test_end_of_what_is_gone_already(process):
    shell = process(WAITS)
    shell.kill()
    shell.wait()
    assert postmaster.end(shell.pid, 1, 1)


@pytest.mark.parametrize(("error", "ended"), [(ProcessLookupError, True), (OSError, False)])
def test_no_descriptor_to_be_had(process, monkeypatch, error, ended):
    """Gone between the signal and the wait; or a kernel without descriptors, where we ask."""

    def fail(_pid):
        raise error

    monkeypatch.setattr(os, "pidfd_open", fail, raising=False)
    shell = process("trap '' INT QUIT; " + WAITS)
    assert postmaster.end(shell.pid, 0.01, 0.01) is ended


@pytest.mark.skipif(sys.platform != "linux", reason="survivors are found in /proc")
def test_survivors_are_waited_for(process, tmp_path):
    shell = process(WAITS)
    assert not postmaster.survivors_leave(tmp_path, 0.05)
    shell.kill()
    assert postmaster.survivors_leave(tmp_path, 20)
