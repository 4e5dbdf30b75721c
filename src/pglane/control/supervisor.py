"""The supervisor: keeps one worker running behind the listening sockets, and ends it orderly.

It moves no client's bytes. It binds the sockets once, starts the worker with them, tells it its
settings, looks names up for it, writes its log, hands authenticated admin clients to the console,
and starts it again when it crashes. What it does at a signal:

======  ==============================================================================
TERM    drain: the worker accepts nobody, lets leases end, at most `drain_ms_max`
INT     stop at once; a second one kills the worker
HUP     read the settings again; from a terminal that has gone away: stop
======  ==============================================================================

A drain closes the listening sockets here too: otherwise the kernel would go on accepting clients
that nobody will ever answer.

One life of a worker is `_one_worker`; everything else is told to it by messages and by two flags:
`_ending` (somebody asked us to end) and `_worker`. If the supervisor is killed, the worker reads
end of stream and stops by itself; the sockets go with the two processes.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from pglane.config import rules
from pglane.config.settings import Settings, descriptions
from pglane.control.answers import Answers
from pglane.control.console import Console
from pglane.control.first_contact import FirstContact, LockedOut
from pglane.control.key_making import KeyMaking
from pglane.control.listeners import (
    Listener,
    addresses_by_door,
    bind_listeners,
    close_listeners,
)
from pglane.control.log import Log
from pglane.control.metrics import exposition
from pglane.control.metrics_server import MetricsServer
from pglane.control.monitors import SERVER, Monitors
from pglane.control.operator import Operator
from pglane.control.resolver import Resolver
from pglane.control.restarts import CRASHES_MAX, WINDOW_S, Restarts
from pglane.control.role_lookups import RoleLookups
from pglane.control.shared_lanes import SharedLanes
from pglane.control.snapshots import Snapshots
from pglane.control.statistics import PERIOD_S
from pglane.control.worker_commands import WorkerCommands
from pglane.control.worker_process import WorkerProcess, close_all, describe_exit
from pglane.doors import lane_plan
from pglane.engine.channel import Message
from pglane.errors.catalogue import Refusal
from pglane.errors.console import ConsoleReloadImpossible
from pglane.errors.processes import ReloadRefused, WorkerDidNotStart, WorkerKeepsCrashing
from pglane.errors.refused import RefusedError

READY_MS_MAX = 30_000
"""How long a worker may take to say that it is ready."""
STAYS = "; the previous configuration stays in force"
"""What stands behind each reason for which a reload was refused."""
STOP_MS_MAX = 5_000
"""How long a worker may take to stop before it is killed."""
LOOK_MS = 1_000
"""How often we look whether the embedded PostgreSQL still runs."""

OnReady = Callable[[dict[str, list[str]]], None]


class Supervisor:
    """Runs the gateway until it is told to end.

    Args:
        settings: what to start with.
        on_ready: called once, when the doors are open, with every door's addresses.
        worker_command: the worker's program; `python -m pglane worker` when None.
        reload: reads the settings again; None: HUP changes nothing.
        log: where events go; standard error when None.
        missing: asked every second whether what we cannot do without has gone; a refusal ends us.
        locked_out: what to say when PostgreSQL is our own and refuses our password.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_ready: OnReady,
        worker_command: Sequence[str] | None = None,
        reload: Callable[[], Settings] | None = None,
        log: Log | None = None,
        missing: Callable[[], Refusal | None] = lambda: None,
        locked_out: LockedOut | None = None,
    ) -> None:
        self._settings = settings
        self._missing = missing
        self._bereft = False
        self._on_ready = on_ready
        self._command = worker_command or (sys.executable, "-m", "pglane", "worker")
        self._reload = reload
        self._log = log or Log(sys.stderr, settings.log_format, settings.log_level)
        self._listeners: list[Listener] = []
        self._worker: WorkerProcess | None = None
        self._was_ready = False
        self._ending = asyncio.Event()
        self._stopping = False
        self._draining = False
        self._restarts = Restarts()
        self._resolver = Resolver()
        self._monitors = Monitors(self._log, self._send, self._resolver)
        self._monitors.configure(settings)
        self._contact = FirstContact(self._log, self._monitors.open, locked_out)
        self._roles = RoleLookups(self._log, self._send, self._resolver)
        self._keys = KeyMaking(self._send)
        self._roles.configure(settings)
        self._snapshots = Snapshots(self._send)
        self._commands = WorkerCommands(self._send)
        self._lanes = SharedLanes()
        self._answers = Answers(
            self._snapshots.ask,
            lambda: self._settings,
            self._process_ids,
            time.monotonic,
            self._commands.everything_is_paused,
            self._lanes.rows,
        )
        self._metrics = MetricsServer(lambda: exposition(self._answers.ask))
        self._console = Console(self._answers.ask, self._operator().act_for, self._log)
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._has_terminal = _has_terminal()
        self._receivers = self._receivers_by_type()

    def _receivers_by_type(self) -> dict[str, Callable[[Message, list[int]], None]]:
        """Who takes which message of the worker."""
        return {
            "ready": self._worker_ready,
            "resolve": self._worker_asks_for_addresses,
            "roles": lambda message, _: self._start_task(self._roles.answer(message)),
            "keys": lambda message, _: self._start_task(self._keys.answer(message)),
            "console": self._worker_hands_over_console,
            "snapshot_rows": lambda message, _: self._snapshots.answer(message),
            "command_done": lambda message, _: self._commands.answer(message),
            "command_held": lambda message, _: self._commands.took_effect(message),
            "log": self._worker_logs,
            "watch": self._worker_has_server,
            "look": lambda message, _: self._monitors.look(message["database"], message["look"]),
            "lend": lambda message, _: self._worker_lends(message, is_news=True),
            "lend_again": lambda message, _: self._worker_lends(message, is_news=False),
            "unwatch": lambda message, _: self._monitors.unwatch(message["database"]),
            "stopped": lambda _message, _fds: None,
        }

    def _operator(self) -> Operator:
        return Operator(
            self._commands,
            lambda: self._settings,
            self._change_settings,
            self._reload_settings,
            {
                "": self._stop,
                "WAIT_FOR_SERVERS": self._drain,
                "WAIT_FOR_CLIENTS": self._leave,
            },
            self._log,
        )

    async def run(self) -> int:
        """Opens the doors and serves until a signal says to end.

        Returns:
            0 after an orderly end, 1 when the worker could not be kept running or was killed.

        Raises:
            RefusedError: the doors could not be opened, or the first worker did not start.
        """
        self._listeners = bind_listeners(self._settings)
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: self._drain,
            signal.SIGINT: self._stop,
            signal.SIGHUP: self._hang_up,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            await self._metrics.open(self._settings.metrics_address, self._settings.metrics_port)
            self._look_for_missing()
            self._begin_period()
            code = await self._keep_running()
            return 1 if self._bereft else code
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)
            await self._clean_up()

    async def _clean_up(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        close_listeners(self._listeners)
        self._contact.end()
        await self._metrics.close()
        await self._monitors.close()
        self._roles.close()
        await self._console.close()
        if self._worker is not None:
            await self._worker.end()
        self._lanes.close()

    async def _keep_running(self) -> int:
        """Worker after worker, until somebody asks us to end or it makes no sense any more."""
        while True:
            reason = await self._one_worker()
            if self._ending.is_set():
                return 1 if reason else 0
            if not self._was_ready:
                raise RefusedError(WorkerDidNotStart(reason=reason))
            pause_s = self._restarts.crashed(asyncio.get_running_loop().time())
            self._tell_crash(reason, pause_s)
            if pause_s is None:
                return 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)
            if self._ending.is_set():
                return 0

    async def _one_worker(self) -> str:
        """The life of one worker. Returns how it crashed; empty when it ended as told."""
        settings = self._settings
        addresses, error = await self._resolver.resolve(settings.server_host, settings.server_port)
        if error and self._was_ready:  # at the start `first_contact` says so
            self._log.write("warning", "server_name_unresolved", error)
        if self._ending.is_set():
            return ""
        fds = [self._lanes.fd, *(listener.sock.fileno() for listener in self._listeners)]
        try:
            worker = await WorkerProcess.spawn(self._command, fds, self._receive)
        except OSError as failure:
            return f"{self._command[0]}: {failure.strerror or failure}"
        self._worker = worker
        came_too_late = self._ending.is_set()  # a signal came during the spawn
        self._send({"type": "stop"} if came_too_late else self._start_message(addresses))
        ready = asyncio.get_running_loop().call_later(
            READY_MS_MAX / 1000, self._expect_ready, worker
        )
        try:
            code = await worker.wait()
        finally:
            ready.cancel()
        self._worker = None
        self._snapshots.worker_ended()
        self._commands.worker_ended()
        await self._monitors.close()
        return self._judge_exit(worker, code)

    def _start_message(self, addresses: Sequence[Any]) -> Message:
        return {
            "type": "start",
            "settings": json.loads(self._settings.to_json()),
            "listeners": [
                {"door": each.door, "fd": each.sock.fileno(), "address": each.address}
                for each in self._listeners
            ],
            "addresses": addresses,
            "held": self._commands.held(),
            "lane_board": self._lanes.fd,
        }

    def _expect_ready(self, worker: WorkerProcess) -> None:
        if not worker.ready.is_set():
            worker.kill(f"it was not ready within {READY_MS_MAX} ms")

    def _judge_exit(self, worker: WorkerProcess, code: int) -> str:
        """How the worker crashed, in words; empty when it did what it was told."""
        if self._ending.is_set() and code == 0:
            self._log.write("info", "worker_stopped", "the worker has stopped", pid=worker.pid)
            return ""
        reason = describe_exit(code)
        if worker.trouble:
            reason += f": we killed it because {worker.trouble}"
        elif code == 0:
            reason += " without having been told to end"
        if self._ending.is_set():
            text = f"the worker ended by {reason}; connections it still had were cut"
            self._log.write("error", "worker_killed", text, pid=worker.pid)
        return reason

    def _tell_crash(self, reason: str, pause_s: float | None) -> None:
        self._log.write(
            "error",
            "worker_crashed",
            f"the worker crashed by {reason}. All client connections have ended. Transactions in "
            "flight: PostgreSQL rolled back those it had no COMMIT of; whether a COMMIT that was "
            "under way took effect is unknown to us, the application must check.",
            restart_in_s=pause_s,
        )
        if pause_s is None:
            refusal = WorkerKeepsCrashing(
                crashes=CRASHES_MAX, seconds=int(WINDOW_S), reason=reason
            )
            self._log.refusal("worker_given_up", refusal)

    # -- what the worker says

    def _send(self, message: Message) -> bool:
        if self._worker is None:
            return False
        self._worker.send(message)
        return True

    def _receive(self, message: Message, fds: list[int]) -> None:
        """One message of the worker; one we do not understand is told, and costs nothing else."""
        try:
            self._receivers[message["type"]](message, fds)
        except (LookupError, TypeError, ValueError, AttributeError, OSError) as error:
            close_all(fds)
            kind = str(message.get("type"))
            text = "the worker sent a message that the supervisor cannot use"
            self._log.write("error", "worker_message_odd", text, kind=kind, error=repr(error))

    def _worker_ready(self, _message: Message, _fds: list[int]) -> None:
        worker = self._worker
        if worker is None or worker.ready.is_set():
            return
        worker.ready.set()
        self._log.write("info", "worker_ready", "the worker serves the doors", pid=worker.pid)
        if not self._was_ready and not self._ending.is_set():
            self._was_ready = True
            self._contact.seek(self._settings)
            self._on_ready(addresses_by_door(self._listeners))

    def _worker_has_server(self, message: Message, _fds: list[int]) -> None:
        self._contact.end()
        self._monitors.watch(message["database"])
        self._worker_lends(message, is_news=True)

    def _worker_lends(self, message: Message, *, is_news: bool) -> None:
        self._monitors.lend(message["database"], message["login"], is_news=is_news)

    def _worker_logs(self, message: Message, _fds: list[int]) -> None:
        self._log.write_fields(
            message["level"], message["event"], message["text"], dict(message.get("fields", {}))
        )

    def _worker_hands_over_console(self, message: Message, fds: list[int]) -> None:
        self._start_task(self._console.serve(fds[0], message))

    def _worker_asks_for_addresses(self, message: Message, _fds: list[int]) -> None:
        self._start_task(self._resolve(str(message["host"]), int(message["port"])))

    async def _resolve(self, host: str, port: int) -> None:
        addresses, error = await self._resolver.resolve(host, port)
        answer = {"type": "resolved", "host": host, "port": port}
        self._send({**answer, "addresses": addresses, "error": error})

    def _process_ids(self) -> dict[str, int]:
        ids = {"supervisor": os.getpid()}
        if self._worker is not None:
            ids["worker"] = self._worker.pid
        return ids

    def _begin_period(self) -> None:
        """Averages are made over periods that begin and end here."""
        self._later(int(PERIOD_S * 1000), self._end_period)

    def _end_period(self) -> None:
        self._begin_period()
        self._start_task(self._take_reading())

    async def _take_reading(self) -> None:
        with contextlib.suppress(RefusedError):  # no worker, no reading: the period goes on
            await self._answers.period_ends()

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            text = "a request of the worker failed in the supervisor"
            self._log.write("error", "worker_request_failed", text, error=repr(error))

    # -- signals

    def _drain(self) -> None:
        """TERM."""
        if self._draining or self._stopping:
            return
        self._draining = True
        self._ending.set()
        bound_ms = self._settings.drain_ms_max
        text = "draining: nobody new is let in, what runs may end"
        self._log.write("info", "drain_started", text, bound_ms=bound_ms)
        close_listeners(self._listeners)
        self._send({"type": "drain"})
        self._later(bound_ms, self._drain_expired)

    def _leave(self) -> None:
        """SHUTDOWN WAIT_FOR_CLIENTS at the console; no bound but what signals set."""
        if self._ending.is_set():
            return
        self._ending.set()
        text = "nobody new is let in; the gateway ends when the last client has left"
        self._log.write("info", "leave_started", text)
        close_listeners(self._listeners)
        self._send({"type": "leave"})

    def _drain_expired(self) -> None:
        if not self._stopping:
            text = "what has not ended until now is cut"
            self._log.write("warning", "drain_bound_reached", text)
            self._stop()

    def _stop(self) -> None:
        """INT, or the end of a drain's time."""
        self._ending.set()
        if self._stopping:
            self._kill("it was told twice")
            return
        self._stopping = True
        self._log.write("info", "stop_started", "stopping: every connection is closed now")
        close_listeners(self._listeners)
        self._send({"type": "stop"})
        self._later(STOP_MS_MAX, self._kill, f"it did not stop within {STOP_MS_MAX} ms")

    def _look_for_missing(self) -> None:
        """Ends us when there is nothing left to stand before: the embedded PostgreSQL died."""
        if self._ending.is_set():
            return
        refusal = self._missing()
        if refusal is None:
            self._later(LOOK_MS, self._look_for_missing)
            return
        self._bereft = True
        self._log.refusal("database_gone", refusal)
        self._stop()

    def _hang_up(self) -> None:
        """HUP: a request to reload, or the news that our terminal is gone."""
        if self._has_terminal and not _has_terminal():
            self._log.write("info", "terminal_gone", "the terminal was closed")
            if not self._stopping:
                self._stop()
            return
        self._reload_settings()

    def _kill(self, why: str) -> None:
        if self._worker is not None:
            self._worker.kill(why)

    def _later(self, delay_ms: int, call: Callable[..., None], *args: object) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if timer.when() > loop.time()]
        self._timers.append(loop.call_later(delay_ms / 1000, call, *args))

    def _reload_settings(self) -> list[Refusal]:
        """Reads the configuration again; what is wrong with it, in which case nothing changes."""
        if self._reload is None:
            text = "there is no configuration file to read again"
            self._log.write("info", "reload_ignored", text)
            return [ConsoleReloadImpossible()]
        try:
            seen = self._reload()
        except RefusedError as error:
            return self._refuse_reload(*error.refusals)
        except (OSError, ValueError) as error:
            return self._refuse_reload(ReloadRefused(reason=error))
        fixed = _fixed_changes(self._settings, seen)
        self._put_in_force(seen, fixed)
        for each in descriptions():
            if each.name in fixed:
                key = each.place
                text = f"{key} has changed in the configuration; it takes effect at the next start"
                self._log.write("warning", "reload_needs_restart", text, setting=key)
        self._log.write("info", "reloaded", "the configuration was read again")
        return []

    def _refuse_reload(self, *refusals: Refusal) -> list[Refusal]:
        for refusal in refusals:
            behind = "" if isinstance(refusal, ReloadRefused) else STAYS
            self._log.refusal("reload_refused", refusal, behind)
        return list(refusals)

    def _change_settings(self, changes: dict[str, Any]) -> None:
        """SET at the console."""
        places = dict(self._settings.places) | dict.fromkeys(changes, "SET at the console")
        changes = {**changes, "places": tuple(sorted(places.items()))}
        seen = dataclasses.replace(self._settings, **changes)
        if refusals := rules.objections(seen, {}) + lane_plan.objections(seen, {}):
            raise RefusedError(*refusals)
        self._put_in_force(seen, [])

    def _put_in_force(self, seen: Settings, fixed: Sequence[str]) -> None:
        kept = {name: getattr(self._settings, name) for name in fixed}
        before = self._settings
        self._settings = dataclasses.replace(seen, **kept)
        self._log.configure(self._settings.log_format, self._settings.log_level)
        self._monitors.configure(self._settings)
        self._roles.configure(self._settings)
        moved = any(getattr(before, key) != getattr(self._settings, key) for key in SERVER)
        if moved and self._was_ready:
            self._contact.seek(self._settings)
        self._send({"type": "reload", "settings": json.loads(self._settings.to_json())})


def _fixed_changes(now: Settings, seen: Settings) -> list[str]:
    """Settings that differ and cannot change while the gateway runs."""
    return [
        each.name
        for each in descriptions()
        if not each.reloadable and getattr(now, each.name) != getattr(seen, each.name)
    ]


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal that is alive."""
    try:
        os.close(os.open(Path("/dev/tty"), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
