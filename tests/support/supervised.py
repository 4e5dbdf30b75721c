"""A supervisor process under test: start it, talk to its worker, read its log, wait for it."""

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from pglane.config.settings import Settings

PROGRAM = Path(__file__).with_name("supervisor_program.py")
SOURCE = Path(__file__).parents[2] / "src"
DEADLINE_S = 30

ANY_PORTS = {"transaction_port": 0, "session_port": 0, "direct_port": 0}


def any_ports(**changes):
    """Settings on loopback with free ports and a log for machines."""
    base = Settings(server_host="127.0.0.1", log_format="json", **ANY_PORTS)
    return dataclasses.replace(base, **changes)


class Supervised:
    """One supervisor process; a context manager that leaves nothing behind."""

    def __init__(
        self, folder, settings=None, *, worker=(), via=(sys.executable,), environment=None, **popen
    ):
        self.settings_file = folder / "settings.json"
        self.settings = settings or any_ports()
        self.write(self.settings)
        self.log = []
        self.text = []
        self.heard = threading.Condition()
        self.process = subprocess.Popen(
            [*via, str(PROGRAM), str(self.settings_file), *worker],
            env={**os.environ, "PYTHONPATH": str(SOURCE), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )
        self.doors = {}
        self.threads = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(DEADLINE_S)
        for thread in self.threads:
            thread.join(DEADLINE_S)
        self.process.stdout.close()
        self.process.stderr.close()

    def _read_stdout(self):
        for line in self.process.stdout:
            with self.heard:
                self.doors = json.loads(line)
                self.heard.notify_all()

    def _read_stderr(self):
        for line in self.process.stderr:
            with self.heard:
                self.text.append(line)
                with contextlib.suppress(ValueError):
                    self.log.append(json.loads(line))
                self.heard.notify_all()

    def write(self, settings):
        self.settings_file.write_text(settings.to_json())

    def wait_for(self, condition):
        """Waits until something printed or logged makes `condition()` true; returns its value."""
        with self.heard:
            assert self.heard.wait_for(condition, DEADLINE_S), "".join(self.text)
            return condition()

    def ready(self):
        self.wait_for(lambda: self.doors)
        return self

    def events(self, event):
        return [entry for entry in self.log if entry["event"] == event]

    def logged(self, event, count=1):
        """The `count`-th log entry of this event."""
        return self.wait_for(lambda: self.events(event)[count - 1 :])[0]

    def send(self, number):
        self.process.send_signal(number)

    def exit_code(self):
        code = self.process.wait(DEADLINE_S)
        for thread in self.threads:
            thread.join(DEADLINE_S)
        return code

    def ended_by(self, number=signal.SIGTERM):
        self.send(number)
        return self.exit_code()

    def address(self, door="transaction", at=0):
        host, port = self.doors[door][at].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def connect(self, door="transaction"):
        return socket.create_connection(self.address(door), timeout=DEADLINE_S)

    def tell(self, line):
        """One command to the fake worker; its answer, None when it ends instead."""
        with self.connect() as sock:
            sock.sendall(line.encode() + b"\n")
            with contextlib.suppress(ConnectionResetError):
                answer = sock.makefile("rb").readline()
                return json.loads(answer) if answer else None
        return None


def wait_until_gone(pid):
    """Waits until a process that is not our child has ended."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert poll.poll(DEADLINE_S * 1000), f"process {pid} lives on"
        finally:
            os.close(fd)
