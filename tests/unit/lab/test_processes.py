"""Starting, awaiting, stopping."""

import os
import resource
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from pglane.lab import processes


def spawned(tmp_path: Path, script: str):
    log = tmp_path / "log"
    return processes.spawn(
        ["/bin/sh", "-c", script], log=log, environment={"GREETING": "hello"}, demoted=True
    ), log


def test_one_that_is_ready_is_stopped(tmp_path: Path) -> None:
    process, log = spawned(tmp_path, "echo $GREETING; exec sleep 60")
    processes.await_start(process, lambda: "hello" in log.read_text(), log, "it")
    processes.stop(process)
    assert process.returncode == -signal.SIGINT
    processes.stop(process)


def test_one_that_ends_tells_its_last_words(tmp_path: Path) -> None:
    process, log = spawned(tmp_path, "echo no room; echo; exit 3")
    with pytest.raises(processes.CannotStartError, match="it ended with 3: no room"):
        processes.await_start(process, lambda: False, log, "it")
    log.write_text("")
    assert processes.last_words(log) == "it said nothing"


def test_one_that_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START_S_MAX", 0.01)
    process, log = spawned(tmp_path, "exec sleep 60")
    with pytest.raises(processes.CannotStartError, match="it not ready"):
        processes.await_start(process, lambda: False, log, "it")
    processes.stop(process, signal.SIGKILL)


def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_S_MAX", 0.05)
    process, log = spawned(tmp_path, "trap '' INT; echo deaf; while :; do sleep 60; done")
    processes.await_start(process, lambda: "deaf" in log.read_text(), log, "it")
    processes.stop(process)
    assert process.returncode == -signal.SIGKILL


def test_who_cleans_up_is_not_interrupted() -> None:
    before = signal.getsignal(signal.SIGINT)
    with processes.uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    seen: list[object] = []

    def elsewhere() -> None:
        with processes.uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(processes.CannotStartError, match="nothing: "):
        processes.spawn(
            [tmp_path / "nothing"], log=tmp_path / "log", environment={}, demoted=False
        )


def test_ports(tmp_path: Path) -> None:
    processes.give_away(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert processes.accepts(server.getsockname()[1])
    assert not processes.accepts(processes.free_port())


def test_more_files_as_far_as_one_may() -> None:
    now = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert processes.raise_file_limit(1) == now[0]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now[0] - 1, now[1]))
        assert processes.raise_file_limit(now[0]) == now[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, now)


def test_a_term_is_an_exit() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        processes.end_on_sigterm()
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert sys.exc_info() == (None, None, None)
