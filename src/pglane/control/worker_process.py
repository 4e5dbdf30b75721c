"""One worker process: spawned with one end of a socket pair, listened to, always reaped.

The worker leads a session of its own, so that the terminal's Ctrl-C and hang-up reach only the
supervisor, which then decides. When the supervisor dies in any way the kernel closes its end of
the pair: the worker reads end of stream and stops.

Sending never blocks and never fails: what the kernel does not take is kept, up to a bound, and
sent when there is room; a worker that leaves more unread is broken and is killed.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence

from pglane.engine.channel import ChannelError, ChannelReader, Message, encode, receive

CONTROL_FD_FLAG = "--control-fd"
UNREAD_BYTES_MAX = 64 * 1024 * 1024
LINGER_S = 2.0
"""How long a worker that closed its channel may take to end."""

Receiver = Callable[[Message, list[int]], None]


class WorkerProcess:
    """A running worker. Made by `spawn`.

    Attributes:
        ready: set when the worker said so.
        trouble: why we killed it, when we did.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, sock: socket.socket, receiver: Receiver
    ) -> None:
        self.ready = asyncio.Event()
        self.trouble = ""
        self._process = process
        self._sock = sock
        self._receiver = receiver
        self._reader = ChannelReader()
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._linger: asyncio.TimerHandle | None = None
        self._open = True
        self._loop.add_reader(sock, self._on_readable)

    @classmethod
    async def spawn(
        cls, command: Sequence[str], fds: Sequence[int], receiver: Receiver
    ) -> "WorkerProcess":
        """Starts `command --control-fd N` with `fds` inherited under their own numbers.

        Args:
            command: the program and its arguments.
            fds: descriptors the worker will be told of.
            receiver: called with every message and its descriptors, which are then its own.

        Raises:
            OSError: the program cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            ours.setblocking(False)
            process = await asyncio.create_subprocess_exec(
                *command,
                CONTROL_FD_FLAG,
                str(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *fds),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours, receiver)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Sends a message, at once or when there is room. Nothing happens once the end came."""
        if not self._open:
            return
        self._unsent += encode(message)
        if len(self._unsent) > UNREAD_BYTES_MAX:
            self.kill(f"it left {len(self._unsent)} bytes of commands unread")
            return
        self._flush()

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._unsent.clear()  # its end is told by the reader
            sent = 0
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._sock, self._flush)
        else:
            self._loop.remove_writer(self._sock)

    def kill(self, trouble: str) -> None:
        """SIGKILL; `trouble` says why, for the log."""
        self.trouble = self.trouble or trouble
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """Waits until the process is gone and everything it said has been heard.

        Returns:
            Its exit code; negative: the signal that ended it.
        """
        try:
            return await self._process.wait()
        finally:
            if self._process.returncode is not None:
                self._hear_the_rest()
                self._close()

    async def end(self) -> None:
        """Kills the process if it still runs, and reaps it."""
        if self._process.returncode is None:
            self.kill("the supervisor ends")
        await self.wait()

    def _on_readable(self) -> None:
        try:
            data, fds = receive(self._sock)
        except BlockingIOError:
            return
        except ChannelError as error:
            self.kill(str(error))
            self._close()
            return
        except OSError:
            data, fds = b"", []
        if not data:
            self._stop_listening()
            return
        self._reader.feed(data, fds)
        self._deliver()

    def _deliver(self) -> None:
        try:
            while (item := self._reader.next()) is not None:
                self._receiver(*item)
        except ChannelError as error:
            self.kill(f"it sent what the channel cannot carry: {error}")
            self._close()

    def _hear_the_rest(self) -> None:
        """What the worker said before it died, its last log lines above all."""
        while self._open and self._linger is None and not _nothing_to_read(self._sock):
            self._on_readable()

    def _stop_listening(self) -> None:
        """End of stream: the process is ending, or lives on without a channel, which is no use."""
        self._loop.remove_reader(self._sock)
        if self._linger is None:
            self._linger = self._loop.call_later(
                LINGER_S, self.kill, "it closed its channel and lived on"
            )

    def _close(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._reader.close_fds()


def _nothing_to_read(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


def describe_exit(code: int) -> str:
    """An exit code as people say it: `exit code 3`, `signal 9 (SIGKILL)`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


def close_all(fds: Sequence[int]) -> None:
    """Closes descriptors that came with a message nobody wants."""
    for fd in fds:
        os.close(fd)
