"""Starting, awaiting and stopping the servers and gateways that are compared.

Each runs in a process group of its own and writes to a log. What was started is stopped, and what
does not stop is killed: nothing outlives whoever compares.
"""

import os
import pwd
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

UNPRIVILEGED_USER = "nobody"
START_S_MAX = 30.0
STOP_S_MAX = 15.0
POLL_S = 0.02


class CannotStartError(Exception):
    """A process did not come up; the message says which, and its last words."""


def spawn(
    argv: Sequence[str | Path], *, log: Path, environment: Mapping[str, str], demoted: bool
) -> subprocess.Popen[bytes]:
    """Starts a process that writes to `log`; `demoted`: not as root, should we be root."""
    account = pwd.getpwnam(UNPRIVILEGED_USER) if demoted and os.geteuid() == 0 else None
    with log.open("ab") as output:
        try:
            return subprocess.Popen(  # noqa: S603 -- programs that the caller chose, no shell
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotStartError(f"{Path(argv[0]).name}: {error.strerror or error}") from error


def give_away(folder: Path) -> None:
    """Hands a folder or file of ours to the user that demoted processes run as."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        os.chown(folder, account.pw_uid, account.pw_gid)


def await_start(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, name: str
) -> None:
    """Returns when `ready` says so.

    Raises:
        CannotStartError: the process ended, or was not ready after `START_S_MAX` seconds.
    """
    deadline = time.monotonic() + START_S_MAX
    while not ready():
        if time.monotonic() > deadline:
            raise CannotStartError(
                f"{name} not ready after {START_S_MAX:.0f} s: {last_words(log)}"
            )
        try:
            process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            continue
        raise CannotStartError(f"{name} ended with {process.returncode}: {last_words(log)}")


def last_words(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGINT) -> None:
    """A signal, then SIGKILL to its process group when it does not end."""
    with uninterrupted():
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C does nothing meanwhile: who is impatient must not leave half of it behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted, and may say so
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether somebody listens on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_on_sigterm() -> None:
    """Makes SIGTERM an exit that cleans up: what we started must not outlive us."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def raise_file_limit(wanted: int) -> int:
    """Raises the limit of open files for us and our children; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        hard = max(hard, wanted) if os.geteuid() == 0 else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
