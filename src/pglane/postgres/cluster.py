"""The embedded PostgreSQL: made once, started with pglane, stopped with it, data kept.

The server runs in a session of its own, so that a Ctrl-C at the terminal reaches pglane alone,
which closes the doors first. A postmaster that outlived a `kill -9` of pglane gets a fast shutdown
and the server is started anew: settings and socket are then ours. A data directory that initdb did
not finish lies under another name.

Readiness is what a client sees: an answer to a startup packet that is not "the database system is
starting up". Between two attempts we wait for the process, whose end is the other possible news.
"""

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from pglane.errors.catalogue import Refusal
from pglane.errors.embedded import (
    AccountDenied,
    ClusterDidNotStart,
    ClusterDidNotStop,
    ClusterEnded,
    FolderUnusable,
    InitdbFailed,
    PasswordChanged,
    VersionMismatch,
)
from pglane.errors.refused import RefusedError
from pglane.postgres import postmaster
from pglane.postgres.account import Account, choose_account
from pglane.postgres.binaries import runnable_binaries
from pglane.postgres.state import StateFolder

SUPERUSER = "postgres"
DATABASE = "postgres"
ACCOUNT = "nobody"
LOOPBACK = "127.0.0.1"
READY_S_MAX = 60.0
FAST_S_MAX = 20.0
IMMEDIATE_S_MAX = 10.0
POLL_S = 0.02
STARTS_MAX = 5
BUILTIN_LOCALE_SINCE = 17
LOG_LINES_SHOWN = 6
PORT_TAKEN = "could not create any TCP/IP sockets"
STARTING_UP = b"C57P03\0"
PROTOCOL_3_0 = 196608


class Cluster:
    """One embedded PostgreSQL; `start` and `stop` block.

    Args:
        data_dir: its folder (`state.StateFolder`); created when it does not exist.
        bin_dir: the folder of initdb and postgres (`binaries.find_binaries`).
        account: name of the account to run as when we are root and there are no data yet.
        note: is told, in one sentence, about what was found and mended on the way.
        say: is told that data are made, which takes its time.
        more: further settings of the server, by name.

    Raises:
        RefusedError: by `start` and `stop`; every cause is a class of `errors.embedded`.
    """

    def __init__(
        self,
        data_dir: Path,
        bin_dir: Path,
        account: str = ACCOUNT,
        note: Callable[[str], None] = lambda _said: None,
        more: Mapping[str, str] = MappingProxyType({}),
        say: Callable[[str], None] = lambda _said: None,
    ) -> None:
        self.state = StateFolder(data_dir)
        self.port = 0
        self._bin_dir = bin_dir
        self._wanted_account = account
        self._note = note
        self._say = say
        self._more = dict(more)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """True from the end of `start` until the server ends, by `stop` or by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster; None before `start`."""
        return self._process.pid if self._process is not None else None

    def ended(self) -> Refusal | None:
        """Why it does not run any more although nobody stopped it; None while it runs."""
        if self._process is None or self.is_running:
            return None
        code = self._process.returncode
        seen = f"signal {-code}" if code < 0 else f"exit code {code}"
        return ClusterEnded(process=self.pid, seen=seen, log=self.state.log)

    def locked_out(self, reason: str) -> Refusal:
        """What to say when it refuses the password that it was made with; `reason`: its words."""
        state, program = self.state, self._bin_dir / "postgres"
        told = {"file": state.password_file, "data": state.data, "postgres": program}
        return PasswordChanged(reason=reason, **told)

    @property
    def uri(self) -> str:
        """The superuser's URI, **with the password**; by Unix socket where there is one."""
        folder = self.state.socket_folder
        host = LOOPBACK if folder is None else quote(str(folder), safe="")
        password = quote(self.state.password(), safe="")
        return f"postgresql://{SUPERUSER}:{password}@{host}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Makes the data directory if there is none, starts the server, waits for its answer."""
        self.state.take()
        try:
            account = choose_account(self._wanted_account, self.state.data)
            if not account.can_enter(self.state.path):
                seen = f"{account.name}, whom PostgreSQL runs as, cannot enter it"
                self._refuse_folder(seen)
            programs, major = runnable_binaries(self._bin_dir, account, self.state.path)
            self._end_leftover()
            self.state.make_socket_folder(account)
            self._make_data(account, programs, major)
            self._start_server(account, programs)
        except BaseException:
            self._end_now()
            self.state.release()
            raise

    def stop(self) -> None:
        """Fast shutdown (clients are disconnected, data are safe); immediate after 20 s."""
        try:
            if not self._ends(postmaster.FAST, FAST_S_MAX):
                self._note("PostgreSQL does not end by a fast shutdown; ending it at once")
                if not self._ends(postmaster.IMMEDIATE, IMMEDIATE_S_MAX):
                    self._refuse_stop(self.pid)
        finally:
            self.state.release()

    def _ends(self, wanted: int, seconds: float) -> bool:
        """Sends a signal; True when the server has ended within the time."""
        if self._process is None or self._process.poll() is not None:
            return True
        self._process.send_signal(wanted)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _end_now(self) -> None:
        """Ends a server that was started and is not wanted any more."""
        self._ends(postmaster.IMMEDIATE, IMMEDIATE_S_MAX)

    def _refuse_folder(self, seen: str) -> None:
        raise RefusedError(FolderUnusable(folder=self.state.path, seen=seen))

    def _refuse_stop(self, pid: int | None) -> None:
        seconds = int(FAST_S_MAX + IMMEDIATE_S_MAX)
        raise RefusedError(ClusterDidNotStop(process=pid, seconds=seconds, log=self.state.log))

    # --- what an earlier pglane left

    def _end_leftover(self) -> None:
        """Ends a postmaster of these data that runs without a pglane; tells a stale pid file."""
        data = self.state.data
        pid = postmaster.recorded_pid(data)
        if pid is None:
            return
        if not postmaster.is_alive(pid):
            # PostgreSQL removes the file itself. It refuses to start beside surviving backends.
            postmaster.survivors_leave(data, IMMEDIATE_S_MAX)
            self._note(f"PostgreSQL was not shut down (process {pid} is gone); it recovers now")
        elif not postmaster.is_postmaster(pid, data):
            self._note(f"removed a stale postmaster.pid: process {pid} is not this PostgreSQL")
            (data / postmaster.PID_FILE).unlink()
        else:
            self._note(f"an earlier pglane left PostgreSQL running (process {pid}); restarting it")
            if not postmaster.end(pid, FAST_S_MAX, IMMEDIATE_S_MAX):
                self._refuse_stop(pid)

    # --- the data directory

    def _make_data(self, account: Account, programs: Path, major: int) -> None:
        if not self.state.data.exists():
            self._say(f"making a PostgreSQL in {self.state.path} (only this once)")
            self._initdb(account, programs, major)
        told = (self.state.data / "PG_VERSION").read_text().strip()
        if told != str(major):
            refusal = VersionMismatch(folder=self.state.path, data=told, programs=major)
            raise RefusedError(refusal)
        self.state.password()

    def _initdb(self, account: Account, programs: Path, major: int) -> None:
        """Runs initdb under another name; the data directory appears when it is whole."""
        fresh = self.state.path / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir()
        account.own(fresh, 0o700)
        handed = self.state.new_password(account)
        locale = ["--locale=C"]
        if major >= BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            answer = account.run(
                *(programs / "initdb", "-D", fresh, "-U", SUPERUSER, f"--pwfile={handed}"),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8"),
                *locale,
            )
        finally:
            handed.unlink()
        if answer.returncode != 0:
            seen = _last_lines(answer.stderr) or f"status {answer.returncode}"
            shutil.rmtree(fresh)
            raise RefusedError(InitdbFailed(folder=self.state.path, seen=seen))
        fresh.rename(self.state.data)

    # --- the server

    def _start_server(self, account: Account, programs: Path) -> None:
        """Starts it; again on another port when somebody was quicker to take ours."""
        self.state.turn_log()
        deadline = time.monotonic() + READY_S_MAX
        said = ""
        for _attempt in range(STARTS_MAX):
            self.port = _free_port(self.state.last_port())
            self._process = self._spawn(account, programs)
            if self._answers_before(self._process, deadline):
                self.state.keep_port(self.port)
                return
            said = self.state.log.read_text(errors="replace")
            if self.is_running:
                self._end_now()
                said += f"\nit was not ready within {READY_S_MAX:.0f} s"
                break
            if PORT_TAKEN not in said:
                break
            self.state.log.unlink()
        seen = _last_lines(said) or self._silent_end()
        raise RefusedError(ClusterDidNotStart(seen=seen, log=self.state.log))

    def _silent_end(self) -> str:
        """What is known of a server that could not even write its log."""
        code = self._process.returncode if self._process is not None else 0
        free = shutil.disk_usage(self.state.path).free // 1024
        return f"it ended by exit code {code} and wrote nothing; {free} KiB are free on its disk"

    def _spawn(self, account: Account, programs: Path) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": _quoted(self.state.socket_folder),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_destination": "stderr",
            **self._more,
        }
        command = [str(programs / "postgres"), "-D", str(self.state.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = os.open(self.state.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        how: dict[str, Any] = {"stdout": log, "stderr": log, "start_new_session": True}
        how |= account.options
        try:
            return subprocess.Popen(command, **how)  # noqa: S603 - a fixed program, no shell
        except PermissionError as error:
            refusal = AccountDenied(account=account.name, seen=error.strerror)
            raise RefusedError(refusal) from error
        finally:
            os.close(log)

    def _answers_before(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """True once the server answers; False when it has ended or the time is over."""
        while time.monotonic() < deadline:
            if self._answers():
                return True
            try:
                process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def _answers(self) -> bool:
        """Sends a startup packet; any answer but "starting up" means it takes connections."""
        parameters = f"user\0{SUPERUSER}\0database\0{DATABASE}\0\0".encode()
        packet = struct.pack("!ii", 8 + len(parameters), PROTOCOL_3_0) + parameters
        folder = self.state.socket_folder
        family = socket.AF_INET if folder is None else socket.AF_UNIX
        name = f"{folder}/.s.PGSQL.{self.port}"
        try:
            with socket.socket(family) as probe:
                probe.settimeout(1)
                probe.connect((LOOPBACK, self.port) if folder is None else name)
                probe.sendall(packet)
                answer = probe.recv(1000)
        except OSError:
            return False
        return bool(answer) and STARTING_UP not in answer


def _free_port(wanted: int) -> int:
    """The wanted TCP port of the loopback address if it is free, else any free one."""
    with socket.socket() as probe:
        # As PostgreSQL does: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except (OSError, OverflowError):
            probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _quoted(folder: Path | None) -> str:
    """A folder as an entry of a list setting: commas and spaces in it are its own."""
    if folder is None:
        return ""
    return '"' + str(folder).replace('"', '""') + '"'


def _last_lines(text: str) -> str:
    """The end of a program's output, for people."""
    return "\n".join(text.strip().splitlines()[-LOG_LINES_SHOWN:])
