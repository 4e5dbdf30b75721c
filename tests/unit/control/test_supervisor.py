"""The supervisor's decisions, in this process; its worker is a real process."""

import asyncio
import contextlib
import dataclasses
import io
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from pglane.config.settings import Settings
from pglane.control import restarts, supervisor as module
from pglane.control.actions import Action
from pglane.control.listeners import close_listeners
from pglane.control.log import Log
from pglane.control.supervisor import Supervisor
from pglane.errors.processes import NowhereToListen
from pglane.errors.refused import RefusedError
from pglane.wire.client_messages import Query

FAKE_WORKER = Path(__file__).parents[2] / "support" / "fake_worker.py"
SETTINGS = Settings(
    listen_addresses=("127.0.0.1",),
    transaction_port=0,
    session_port=0,
    direct_port=0,
    server_host="127.0.0.1",
    log_format="json",
)


@pytest.fixture(autouse=True)
def _find_the_package(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3] / "src"))


class Lines(io.StringIO):
    """A log that can be waited for."""

    def __init__(self):
        super().__init__()
        self.grown = asyncio.Event()

    def write(self, text):
        self.grown.set()
        return super().write(text)


class Run:
    """One run; `then(run)` is called when the doors are open."""

    def __init__(self, then=None, settings=SETTINGS, command=None, reload=None):
        self.stream = Lines()
        self.doors = {}
        self.opened = asyncio.Event()
        self.then = then
        self.supervisor = Supervisor(
            settings,
            on_ready=self.ready,
            worker_command=command or [sys.executable, str(FAKE_WORKER)],
            reload=reload,
            log=Log(self.stream, "json"),
        )

    def ready(self, doors):
        assert not self.doors, "on_ready is called once"
        self.doors = doors
        self.opened.set()

    def events(self):
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def event(self, name):
        return next(entry for entry in self.events() if entry["event"] == name)

    async def tell(self, line):
        host, port = self.doors["transaction"][0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line.encode() + b"\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = await reader.readline()
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()
        return json.loads(answer) if answer else None

    async def logged(self, name, count=1):
        while sum(entry["event"] == name for entry in self.events()) < count:
            self.stream.grown.clear()
            await self.stream.grown.wait()

    async def main(self):
        async with asyncio.timeout(30):
            running = asyncio.create_task(self.supervisor.run())
            waiting = asyncio.create_task(self.opened.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self.opened.is_set() and self.then:
                await self.then(self)
            return await running


def run(then=None, **arguments):
    async def main():
        one = Run(then, **arguments)
        return one, await one.main()

    return asyncio.run(main())


def send(number):
    async def then(_run):
        os.kill(os.getpid(), number)

    return then


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(number):
    one, code = run(send(number))
    assert code == 0
    assert one.event("worker_stopped")
    assert list(one.doors) == ["transaction", "session", "direct"]
    assert signal.getsignal(number) in {signal.default_int_handler, signal.SIG_DFL}


def test_a_first_worker_that_is_never_ready_is_given_up(monkeypatch):
    monkeypatch.setenv("FAKE_WORKER_START", "never_ready")
    monkeypatch.setattr(module, "READY_MS_MAX", 1)
    with pytest.raises(RefusedError, match="not ready within 1 ms"):
        run()


def test_a_first_worker_that_cannot_be_started_is_given_up():
    with pytest.raises(RefusedError, match="/no/such/program: No such file"):
        run(command=["/no/such/program"])


def test_doors_that_cannot_open_are_refused():
    with pytest.raises(RefusedError) as caught:
        run(settings=dataclasses.replace(SETTINGS, listen_addresses=()))
    assert isinstance(caught.value.refusals[0], NowhereToListen)


def test_a_worker_that_does_not_stop_is_killed(monkeypatch):
    monkeypatch.setattr(module, "STOP_MS_MAX", 1)

    async def then(one):
        await one.tell("deaf")
        os.kill(os.getpid(), signal.SIGINT)

    one, code = run(then)
    assert code == 1
    assert "did not stop within 1 ms" in one.event("worker_killed")["text"]


def test_a_drain_that_ends_too_late_is_cut():
    settings = dataclasses.replace(SETTINGS, drain_ms_max=1)

    async def then(one):
        host, port = one.doors["session"][0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hold\n")
        await reader.readline()
        os.kill(os.getpid(), signal.SIGTERM)
        await reader.read()
        writer.close()

    one, code = run(then, settings=settings)
    assert code == 0
    assert one.event("drain_bound_reached")
    assert one.event("stop_started")


def test_a_stop_during_a_drain_outruns_its_bound():
    async def then(one):
        host, port = one.doors["session"][0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hold\n")
        await reader.readline()
        os.kill(os.getpid(), signal.SIGTERM)
        await one.logged("drain_started")
        os.kill(os.getpid(), signal.SIGINT)
        await reader.read()
        writer.close()

    one, code = run(then)
    assert code == 0
    assert "drain_bound_reached" not in [entry["event"] for entry in one.events()]


def test_a_crash_during_a_drain_is_not_restarted():
    async def then(one):
        await one.tell("deaf")
        os.kill(os.getpid(), signal.SIGTERM)
        await one.logged("drain_started")
        one.supervisor._worker.kill("the test says so")

    one, code = run(then)
    assert code == 1
    assert "the test says so" in one.event("worker_killed")["text"]


def test_hup_without_a_file_changes_nothing():
    async def then(one):
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reload_ignored")
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(then)[1] == 0


@pytest.mark.parametrize(
    "error", [RefusedError(NowhereToListen()), OSError("gone"), ValueError("odd")]
)
def test_hup_with_settings_that_cannot_be_read_keeps_the_old_ones(error):
    def reload():
        raise error

    async def then(one):
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reload_refused")
        assert (await one.tell("settings"))["budget"] == SETTINGS.budget
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(then, reload=reload)[1] == 0


def test_hup_when_our_terminal_has_gone_is_a_stop(monkeypatch):
    async def then(one):
        one.supervisor._has_terminal = True
        monkeypatch.setattr(module, "_has_terminal", lambda: False)
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("terminal_gone")
        one.supervisor._hang_up()

    one, code = run(then)
    assert code == 0
    assert one.event("stop_started")


def test_settings_that_can_change_are_told_to_the_worker():
    changed = dataclasses.replace(SETTINGS, budget=5, session_port=1)

    async def then(one):
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reloaded")
        while (settings := await one.tell("settings"))["budget"] != 5:
            assert settings == json.loads(SETTINGS.to_json()), "the worker has not read it yet"
        assert settings["session_port"] == 0
        os.kill(os.getpid(), signal.SIGTERM)

    one, _ = run(then, reload=lambda: changed)
    assert one.event("reload_needs_restart")["setting"] == "listen.session_port"


def test_no_secret_is_logged():
    settings = dataclasses.replace(SETTINGS, server_password="sesame")

    async def then(one):
        await one.tell("exit 1")
        await one.logged("worker_ready", 2)
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reloaded")
        os.kill(os.getpid(), signal.SIGTERM)

    one, _ = run(then, settings=settings, reload=lambda: settings)
    assert "sesame" not in one.stream.getvalue()


def test_a_server_name_that_is_wrong_does_not_keep_the_doors_shut():
    settings = dataclasses.replace(SETTINGS, server_host="no-such-name.invalid")

    async def then(one):
        assert (await one.tell("start"))["addresses"] == []
        await one.logged("server_not_there")
        await one.tell("exit 1")
        await one.logged("server_name_unresolved")
        os.kill(os.getpid(), signal.SIGTERM)

    one, code = run(then, settings=settings)
    assert code == 0
    assert "worker_crashed" in one.stream.getvalue().split("server_name_unresolved")[0]


def test_a_cancelled_run_leaves_nothing():
    async def main():
        one = Run()
        running = asyncio.create_task(one.supervisor.run())
        async with asyncio.timeout(30):
            await one.opened.wait()
            pid = await one.tell("pid")
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        host, port = one.doors["transaction"][0].split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), 30)

    asyncio.run(main())


def test_a_console_descriptor_that_is_no_socket_is_told():
    async def main():
        one = Run()
        end, own = os.pipe()
        one.supervisor._receive({"type": "console", "fds": 1}, [own])
        one.supervisor._receive({"type": "console"}, [])
        await asyncio.gather(*one.supervisor._tasks, return_exceptions=True)
        os.close(end)
        return one

    one = asyncio.run(main())
    assert {entry["event"] for entry in one.events()} == {
        "worker_request_failed",
        "worker_message_odd",
    }


def test_a_crash_is_told_and_another_worker_serves_the_same_doors():
    async def then(one):
        before = await one.tell("pid")
        await one.tell("kill 9")
        await one.logged("worker_ready", 2)
        assert await one.tell("pid") != before
        os.kill(os.getpid(), signal.SIGTERM)

    one, code = run(then)
    assert code == 0
    crash = one.event("worker_crashed")
    assert "signal 9 (SIGKILL)" in crash["text"]
    assert crash["restart_in_s"] == 0.1


def test_too_many_crashes_are_the_end(monkeypatch):
    monkeypatch.setattr(restarts, "CRASHES_MAX", 2)

    async def then(one):
        await one.tell("exit 4")
        await one.logged("worker_ready", 2)
        await one.tell("exit 0")

    one, code = run(then)
    assert code == 1
    assert "exit code 0 without having been told to end" in one.event("worker_given_up")["detail"]


def test_a_signal_ends_the_pause_between_crashes(monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE_S", 3600)
    monkeypatch.setattr(restarts, "PAUSE_S_MAX", 3600)

    async def then(one):
        await one.tell("exit 4")
        await one.logged("worker_crashed")
        assert not one.supervisor._send({"type": "drain"}), "there is no worker"
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(then)[1] == 0


def test_what_the_worker_says_and_asks():
    async def then(one):
        answer = await one.tell("resolve 192.0.2.7 5433")
        assert answer["addresses"] == [{"family": "inet", "address": "192.0.2.7", "port": 5433}]
        await one.tell("log")
        await one.tell("odd")
        await one.logged("worker_message_odd", 2)
        os.kill(os.getpid(), signal.SIGTERM)

    one, _ = run(then)
    assert one.event("from_worker")["number"] == 1
    assert one.event("worker_message_odd")["kind"] == "unheard_of"


def test_a_console_is_served_and_told_of_the_end():
    async def then(one):
        host, port = one.doors["direct"][0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\0\0\0\x09\0\3\0\0\0" + Query(b"SHOW LISTS").encode())
        said = await reader.readuntil(b"C\0\0\0\x09SHOW\0")
        assert b"users" in said
        os.kill(os.getpid(), signal.SIGTERM)
        assert b"57P01" in await reader.read()
        writer.close()

    assert run(then)[1] == 0


@pytest.fixture
def heard(monkeypatch):
    """Set once a signal has been acted on."""
    event = asyncio.Event()

    def close(opened):
        event.set()
        close_listeners(opened)

    monkeypatch.setattr(module, "close_listeners", close)
    return event


def test_a_signal_while_the_first_worker_is_being_made(monkeypatch, heard):
    async def spawn(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        await heard.wait()
        return await real(*arguments)

    real = module.WorkerProcess.spawn
    monkeypatch.setattr(module.WorkerProcess, "spawn", spawn)
    one, code = run()
    assert code == 0
    assert not one.doors


def test_a_signal_while_a_name_is_looked_up(monkeypatch, heard):
    async def resolve(*_arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        await heard.wait()
        return [], None

    monkeypatch.setattr(module.Resolver, "resolve", resolve)
    one, code = run(command=["/never/started"])
    assert code == 0
    assert [entry["event"] for entry in one.events()] == ["drain_started"]


def test_a_worker_that_is_ready_too_late_is_not_announced(monkeypatch):
    async def main():
        one = Run()
        started = asyncio.Event()

        async def spawn(*arguments):
            started.set()
            return await real(*arguments)

        real = module.WorkerProcess.spawn
        monkeypatch.setattr(module.WorkerProcess, "spawn", spawn)
        monkeypatch.setenv("FAKE_WORKER_START", "never_ready")
        running = asyncio.create_task(one.supervisor.run())
        await started.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await one.logged("stop_started")
        one.supervisor._receive({"type": "ready"}, [])
        return one, await running

    one, code = asyncio.run(main())
    assert (one.doors, code) == ({}, 0)


def test_a_worker_says_ready_once():
    async def then(one):
        one.supervisor._receive({"type": "ready"}, [])
        os.kill(os.getpid(), signal.SIGTERM)

    one, _ = run(then)
    assert sum(entry["event"] == "worker_ready" for entry in one.events()) == 1
    one.supervisor._receive({"type": "ready"}, [])  # from the dead: nobody cares


def test_an_announcement_that_fails_stops_nothing():
    async def then(one):
        one.supervisor._was_ready = False
        one.supervisor._worker.ready.clear()
        one.supervisor._on_ready = no_terminal
        one.supervisor._receive({"type": "ready"}, [])
        os.kill(os.getpid(), signal.SIGTERM)

    def no_terminal(_doors):
        raise BrokenPipeError

    one, code = run(then)
    assert code == 0
    assert one.event("worker_message_odd")["error"] == "BrokenPipeError()"


def test_a_process_without_a_terminal_knows(monkeypatch):
    monkeypatch.setattr(os, "open", lambda *_arguments: os.dup(0))
    assert module._has_terminal()


def test_what_is_typed_at_the_console_reaches_the_worker_and_the_next_one():
    async def then(one):
        act = one.supervisor._operator().act_for("boss")
        await act(Action("SET", "server.budget", "7"))
        await act(Action("PAUSE", "app"))  # its answer comes behind the settings
        assert (await one.tell("settings"))["budget"] == 7
        await one.tell("kill 9")
        await one.logged("worker_ready", 2)
        assert await one.tell("held") == {"paused": ["app"], "disabled": []}
        with pytest.raises(RefusedError, match="PGL0835"):
            await act(Action("RELOAD"))
        os.kill(os.getpid(), signal.SIGTERM)

    whole = {"server_user": "boss", "server_password": "x", "server_database": "app"}
    settings = dataclasses.replace(SETTINGS, admin_users=("boss",), **whole)
    assert run(then, settings=settings)[1] == 0


def test_settings_that_do_not_fit_together_are_not_put_in_force():
    one = Run(settings=dataclasses.replace(SETTINGS, auth="trust"))
    with pytest.raises(RefusedError):
        one.supervisor._change_settings({"listen_addresses": ("0.0.0.0",)})
    assert one.supervisor._settings.listen_addresses == SETTINGS.listen_addresses


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("", "stop_started"),
        ("WAIT_FOR_SERVERS", "drain_started"),
        ("WAIT_FOR_CLIENTS", "leave_started"),
    ],
)
def test_a_shutdown_at_the_console_ends_it_in_good_order(word, event):
    async def then(one):
        await one.supervisor._operator().act_for("boss")(Action("SHUTDOWN", word))
        one.supervisor._leave()  # it ends already

    settings = dataclasses.replace(SETTINGS, admin_users=("boss",))
    one, code = run(then, settings=settings)
    assert code == 0
    assert [entry["event"] for entry in one.events()].count(event) == 1


def test_a_drain_cuts_a_wait_for_clients_short():
    async def then(one):
        await one.tell("deaf")
        one.supervisor._leave()
        os.kill(os.getpid(), signal.SIGTERM)
        await one.logged("drain_started")
        os.kill(os.getpid(), signal.SIGINT)
        await one.logged("stop_started")
        os.kill(os.getpid(), signal.SIGINT)

    one, code = run(then)
    assert code == 1
    assert one.event("worker_killed")


def test_the_periods_reading_needs_a_worker():
    async def main():
        one = Run()
        await one.supervisor._take_reading()
        one.supervisor._end_period()
        await asyncio.gather(*one.supervisor._tasks)
        for timer in one.supervisor._timers:
            timer.cancel()
        return one

    assert asyncio.run(main()).events() == []


def test_processes_are_told_with_their_ids():
    async def then(one):
        assert set(one.supervisor._process_ids()) == {"supervisor", "worker"}
        os.kill(os.getpid(), signal.SIGTERM)

    one, _ = run(then)
    assert one.supervisor._process_ids() == {"supervisor": os.getpid()}


def test_a_server_that_is_not_there_is_told_before_any_client_comes():
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def then(run):
            await run.logged("server_not_there")
            os.kill(os.getpid(), signal.SIGINT)

        settings = dataclasses.replace(SETTINGS, server_port=port)
        one, code = run(then, settings=settings)
    assert code == 0
    events = [entry["event"] for entry in one.events()]
    assert events.index("worker_ready") < events.index("server_not_there")
    told = one.event("server_not_there")
    assert f"127.0.0.1:{port}" in told["text"]
    assert told["level"] == "warning"


def test_a_reload_that_names_another_server_looks_for_it():
    changed = dataclasses.replace(SETTINGS, server_host="no-such-name.invalid")
    settings = dataclasses.replace(SETTINGS, server_host="")

    async def then(run):
        os.kill(os.getpid(), signal.SIGHUP)
        await run.logged("server_not_there")
        os.kill(os.getpid(), signal.SIGINT)

    one, code = run(then, settings=settings, reload=lambda: changed)
    assert code == 0
    assert "no-such-name.invalid" in one.event("server_not_there")["detail"]
