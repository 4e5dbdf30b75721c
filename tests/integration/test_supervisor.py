"""The supervisor with a real process for a worker: spawn, crash, restart, signals, ends."""

import os
import pty
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from tests.support.supervised import Supervised, any_ports, wait_until_gone


@pytest.fixture
def supervised(tmp_path):
    with Supervised(tmp_path) as supervisor:
        yield supervisor.ready()


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_every_door_has_one_port_for_all_addresses(supervised):
    assert list(supervised.doors) == ["transaction", "session", "direct"]
    for addresses in supervised.doors.values():
        assert len({address.rsplit(":", 1)[1] for address in addresses}) == 1
        assert addresses[0].startswith("127.0.0.1:")


def test_the_worker_is_told_everything(supervised):
    start = supervised.tell("start")
    assert start["type"] == "start"
    assert start["settings"]["budget"] == supervised.settings.budget
    assert [each["door"] for each in start["listeners"]][:1] == ["transaction"]
    assert start["listeners"][0]["address"] == supervised.doors["transaction"][0]
    assert start["addresses"] == [{"family": "inet", "address": "127.0.0.1", "port": 5432}]


def test_the_worker_leads_its_own_session(supervised):
    worker = supervised.tell("pid")
    assert os.getsid(worker) == worker


def test_names_are_resolved_for_the_worker(supervised):
    answer = supervised.tell("resolve localhost 5433")
    assert {"family": "inet", "address": "127.0.0.1", "port": 5433} in answer["addresses"]
    assert answer["error"] is None
    assert (answer["host"], answer["port"]) == ("localhost", 5433)
    failed = supervised.tell("resolve no-such-name.invalid 1")
    assert failed["addresses"] == []
    assert "no-such-name.invalid" in failed["error"]


def test_the_workers_events_are_logged_on_one_line(supervised):
    supervised.tell("log")
    entry = supervised.logged("from_worker")
    assert (entry["level"], entry["text"], entry["number"]) == ("warning", "two\nlines", 1)
    assert entry["time"].endswith("Z")


def test_a_message_nobody_understands_is_told_and_costs_nothing(supervised):
    supervised.tell("odd")
    assert supervised.logged("worker_message_odd", 1)["kind"] == "unheard_of"
    assert supervised.logged("worker_message_odd", 2)["kind"] == "resolve"
    assert supervised.tell("pid")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("exit 3", "exit code 3"),
        ("exit 0", "exit code 0 without having been told"),
        ("kill 9", "signal 9 (SIGKILL)"),
        ("kill 11", "signal 11 (SIGSEGV)"),
        ("garbage", "the channel cannot carry"),
        ("hangup", "closed its channel and lived on"),
    ],
)
def test_a_crashed_worker_is_told_and_restarted(supervised, command, says):
    before = supervised.tell("pid")
    doors = supervised.doors
    supervised.tell(command)
    entry = supervised.logged("worker_crashed")
    assert entry["level"] == "error"
    assert says in entry["text"]
    assert "All client connections have ended" in entry["text"]
    assert "unknown to us" in entry["text"]
    assert entry["restart_in_s"] == 0.1
    after = supervised.tell("pid")  # the backlog holds us until the next worker accepts
    assert after != before
    assert supervised.doors == doors, "on_ready is called once"
    assert children(supervised.process.pid) == [str(after)], "the crashed one was reaped"


def test_crashes_leak_no_descriptors(tmp_path):
    with Supervised(tmp_path, environment={"PAUSE_S_MAX": "0.01"}) as supervised:
        supervised.ready()

        def after_crash(count):
            supervised.tell("exit 1")
            supervised.logged("worker_ready", count + 1)
            return len(list(Path(f"/proc/{supervised.process.pid}/fd").iterdir()))

        assert len({after_crash(count) for count in range(1, 7)}) == 1


def test_the_pause_doubles(supervised):
    for count in (1, 2, 3):
        supervised.tell("exit 1")
        assert supervised.logged("worker_crashed", count)["restart_in_s"] == 0.1 * 2 ** (count - 1)


def test_a_worker_that_keeps_crashing_is_given_up(tmp_path):
    with Supervised(tmp_path, environment={"PAUSE_S_MAX": "0.01"}) as supervised:
        supervised.ready()
        for count in range(1, 11):
            supervised.tell("exit 7")
            supervised.logged("worker_crashed", count)
        assert supervised.exit_code() == 1
    entry = supervised.logged("worker_given_up")
    assert "PGL0806" in entry["detail"]
    assert "exit code 7" in entry["detail"]


def test_a_first_worker_that_does_not_start_is_not_tried_again(tmp_path):
    with Supervised(tmp_path, environment={"FAKE_WORKER_START": "exit 5"}) as supervisor:
        assert supervisor.exit_code() == 2
        assert "PGL0805" in "".join(supervisor.text)
        assert "exit code 5" in "".join(supervisor.text)


def test_a_worker_program_that_does_not_exist_is_named(tmp_path):
    with Supervised(tmp_path, worker=["/no/such/program"]) as supervisor:
        assert supervisor.exit_code() == 2
        assert "/no/such/program: No such file" in "".join(supervisor.text)


def test_term_drains(supervised):
    worker = supervised.tell("pid")
    with supervised.connect() as lease:
        lease.sendall(b"hold\n")
        assert lease.recv(10) == b'"held"\n'
        supervised.send(signal.SIGTERM)
        supervised.logged("drain_started")
        assert os.getpgid(worker), "the worker waits for the lease"
        supervised.send(signal.SIGTERM)  # once more changes nothing
    assert supervised.exit_code() == 0
    assert len(supervised.events("drain_started")) == 1
    assert supervised.logged("worker_stopped")


def test_a_drain_refuses_new_clients(supervised):
    address = supervised.address()
    with supervised.connect() as lease:
        lease.sendall(b"hold\n")
        assert lease.recv(10)
        supervised.send(signal.SIGTERM)
        supervised.logged("drain_started")
        while True:  # the worker closes its copy a moment after us
            try:
                socket.create_connection(address, timeout=30).close()
            except ConnectionResetError:
                continue
            except ConnectionRefusedError:
                break
    assert supervised.exit_code() == 0


def test_a_drain_is_bounded(tmp_path):
    with Supervised(tmp_path, any_ports(drain_ms_max=50)) as supervisor:
        supervisor.ready()
        with supervisor.connect() as lease:
            lease.sendall(b"hold\n")
            assert lease.recv(10)
            assert supervisor.ended_by(signal.SIGTERM) == 0
        assert supervisor.logged("drain_bound_reached")


def test_int_stops_at_once(supervised):
    with supervised.connect() as lease:
        lease.sendall(b"hold\n")
        assert lease.recv(10)
        assert supervised.ended_by(signal.SIGINT) == 0
    assert supervised.logged("stop_started")
    assert not supervised.events("drain_started")


def test_a_second_int_kills(supervised):
    worker = supervised.tell("pid")
    supervised.tell("deaf")
    supervised.send(signal.SIGINT)
    supervised.logged("stop_started")
    assert supervised.ended_by(signal.SIGINT) == 1
    assert "it was told twice" in supervised.logged("worker_killed")["text"]
    wait_until_gone(worker)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_pause_between_crashes(tmp_path, number):
    an_hour = {"FIRST_PAUSE_S": "3600", "PAUSE_S_MAX": "3600"}
    with Supervised(tmp_path, environment=an_hour) as supervised:
        supervised.ready().tell("exit 1")
        supervised.logged("worker_crashed")
        assert supervised.ended_by(number) == 0


def test_hup_reloads_and_tells_what_cannot_change(supervised):
    changed = any_ports(budget=33, transaction_port=1, log_format="text")
    supervised.write(changed)
    supervised.send(signal.SIGHUP)
    supervised.wait_for(lambda: any("reloaded" in line for line in supervised.text))
    told = [line for line in supervised.text if "reload_needs_restart" in line]
    assert len(told) == 1
    assert "transaction_port" in told[0]
    while (settings := supervised.tell("settings"))["budget"] != 33:
        assert settings["budget"] == supervised.settings.budget, "the worker has not read it yet"
    assert settings["transaction_port"] == 0


def test_a_reload_that_fails_changes_nothing(supervised):
    supervised.settings_file.write_text("{nonsense")
    supervised.send(signal.SIGHUP)
    assert "PGL0807" in supervised.logged("reload_refused")["detail"]
    assert supervised.tell("settings")["budget"] == supervised.settings.budget


def test_a_restarted_worker_gets_the_newest_settings(supervised):
    supervised.write(any_ports(budget=44))
    supervised.send(signal.SIGHUP)
    supervised.logged("reloaded")
    supervised.tell("exit 1")
    supervised.logged("worker_crashed")
    assert supervised.tell("start")["settings"]["budget"] == 44


def test_kill_9_of_the_supervisor_leaves_nothing(supervised):
    worker = supervised.tell("pid")
    addresses = [supervised.address(door) for door in supervised.doors]
    supervised.send(signal.SIGKILL)
    supervised.process.wait(30)
    wait_until_gone(worker)
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=30)


def test_an_end_leaves_no_listening_socket(supervised):
    addresses = [supervised.address(door) for door in supervised.doors]
    assert supervised.ended_by() == 0
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=30)


def test_a_busy_port_is_refused_by_name(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Supervised(tmp_path, any_ports(session_port=port)) as supervisor:
            assert supervisor.exit_code() == 2
            text = "".join(supervisor.text)
            assert f"127.0.0.1:{port} is in use" in text
            assert "session door" in text
            assert "PGL0801" in text


def test_a_unix_socket_comes_and_goes_with_the_supervisor(tmp_path):
    settings = any_ports(listen_addresses=(), unix_socket_directory=str(tmp_path))
    with Supervised(tmp_path, settings) as supervisor:
        supervisor.ready()
        paths = [Path(addresses[0]) for addresses in supervisor.doors.values()]
        assert all(stat.S_ISSOCK(path.stat().st_mode) for path in paths)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(paths[0]))
            client.sendall(b"pid\n")
            assert int(client.recv(100))
        assert supervisor.ended_by() == 0
        assert not any(path.exists() for path in paths)


def test_a_terminal_that_goes_away_stops_it(tmp_path):
    """The kernel sends HUP then; it must not be taken for a reload."""
    controlling, terminal = pty.openpty()
    adopt = (
        "import fcntl,os,sys,termios\n"
        f"fcntl.ioctl({terminal}, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    program = [sys.executable, "-c", adopt]
    supervisor = Supervised(tmp_path, via=program, start_new_session=True, pass_fds=[terminal])
    os.close(terminal)
    with supervisor:
        supervisor.ready()
        worker = supervisor.tell("pid")
        os.close(controlling)
        assert supervisor.exit_code() == 0
        assert supervisor.logged("terminal_gone")
        wait_until_gone(worker)
