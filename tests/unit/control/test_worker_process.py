"""One worker process: heard to the end, never blocked on, always reaped."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from pglane.control import worker_process
from pglane.control.worker_process import WorkerProcess, close_all, describe_exit
from pglane.engine.channel import ChannelError

SOURCE = Path(__file__).parents[3] / "src"
PRELUDE = f"""
import os, signal, socket, sys, time
sys.path.insert(0, {str(SOURCE)!r})
from pglane.engine.channel import *
control = socket.socket(fileno=int(sys.argv[-1]))
control.setblocking(True)
"""


class Heard(list):
    """What the worker said."""

    def __init__(self):
        super().__init__()
        self.first = asyncio.Event()

    def hear(self, message, fds):
        self.append((message, fds))
        self.first.set()


def run(program, scenario):
    """Runs a Python program as the worker; `scenario(worker, heard)` is awaited."""

    async def main():
        heard = Heard()
        command = [sys.executable, "-c", PRELUDE + program]
        worker = await WorkerProcess.spawn(command, [], heard.hear)
        try:
            async with asyncio.timeout(30):
                return await scenario(worker, heard)
        finally:
            await worker.end()
            with pytest.raises(ChildProcessError):
                os.waitpid(worker.pid, os.WNOHANG)

    return asyncio.run(main())


async def exit_code(worker, _heard):
    return await worker.wait()


def test_everything_said_before_the_end_is_heard():
    program = "for n in range(2000): send_message(control, {'n': n})\nos.kill(os.getpid(), 9)"

    async def scenario(worker, heard):
        assert await worker.wait() == -9
        return heard

    heard = run(program, scenario)
    assert [message["n"] for message, _ in heard] == list(range(2000))


def test_a_conversation():
    program = """
reader = ChannelReader()
while (item := reader.next()) is None:
    reader.feed(*receive(control))
end, own = os.pipe()
send_message(control, {'type': 'answer', **item[0]}, [own])
"""

    async def scenario(worker, heard):
        worker.send({"x": 1})
        assert await worker.wait() == 0
        ((message, (fd,)),) = heard
        assert message == {"type": "answer", "x": 1, "fds": 1}
        assert not os.get_inheritable(fd)
        close_all([fd])

    run(program, scenario)


def test_sending_never_blocks_and_large_messages_arrive():
    program = """
reader = ChannelReader()
while (item := reader.next()) is None:
    reader.feed(*receive(control))
sys.exit(len(item[0]['text']) // 1_000_000)
"""

    async def scenario(worker, _heard):
        worker.send({"text": "x" * 5_000_000})
        return await worker.wait()

    assert run(program, scenario) == 5


def test_a_worker_that_reads_nothing_is_killed(monkeypatch):
    monkeypatch.setattr(worker_process, "UNREAD_BYTES_MAX", 1000)

    async def scenario(worker, _heard):
        worker.send({"text": "x" * 2_000_000})
        assert await worker.wait() == -9
        assert "commands unread" in worker.trouble

    run("signal.pause()", scenario)


def test_a_worker_that_sends_garbage_is_killed():
    async def scenario(worker, _heard):
        assert await worker.wait() == -9
        assert "cannot carry" in worker.trouble

    run("control.sendall(b'\\xff' * 4); signal.pause()", scenario)


def test_a_worker_that_lives_on_without_its_channel_is_killed(monkeypatch):
    monkeypatch.setattr(worker_process, "LINGER_S", 0.01)

    async def scenario(worker, _heard):
        assert await worker.wait() == -9
        assert "closed its channel" in worker.trouble

    run("control.shutdown(socket.SHUT_RDWR); signal.pause()", scenario)


def test_sending_to_one_that_is_gone_is_nothing():
    async def scenario(worker, _heard):
        await worker.wait()
        worker.send({"x": 1})
        worker.kill("too late")
        return True

    assert run("", scenario)


def test_sending_to_one_that_closed_its_end_is_nothing():
    async def scenario(worker, heard):
        await heard.first.wait()
        worker.send({"x": "x" * 1_000_000})
        return await worker.wait()

    program = """
send_message(control, {'type': 'closing'})
control.close()
"""
    assert run(program, scenario) == 0


def test_descriptors_that_were_lost_end_it(monkeypatch):
    def receive(_sock):
        raise ChannelError("descriptors were lost")

    async def scenario(worker, _heard):
        assert await worker.wait() == -9
        assert worker.trouble == "descriptors were lost"

    monkeypatch.setattr(worker_process, "receive", receive)
    run("send_message(control, {}); signal.pause()", scenario)


@pytest.mark.parametrize("error", [BlockingIOError, ConnectionResetError])
def test_what_a_socket_may_say(monkeypatch, error):
    """Nothing to read after all, and a peer that closed with our bytes unread."""
    said = []

    def receive(sock):
        if not said:
            said.append(error)
            raise error
        return real(sock)

    real = worker_process.receive
    monkeypatch.setattr(worker_process, "receive", receive)
    assert run("send_message(control, {})", exit_code) == 0
    assert said == [error]


def test_the_end_kills():
    async def scenario(worker, _heard):
        return worker

    assert "the supervisor ends" in run("signal.pause()", scenario).trouble


def test_a_program_that_does_not_exist():
    async def main():
        await WorkerProcess.spawn(["/no/such/program"], [], lambda _message, _fds: None)

    with pytest.raises(FileNotFoundError):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "signal 9 (SIGKILL)"),
        (-11, "signal 11 (SIGSEGV)"),
        (-63, "signal 63"),
    ],
)
def test_exit_codes_as_people_say_them(code, words):
    assert describe_exit(code) == words
