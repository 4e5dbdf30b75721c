"""Commands to the worker."""

import asyncio

import pytest

from pglane.control import worker_commands as module
from pglane.control.actions import Action
from pglane.control.worker_commands import WorkerCommands
from pglane.errors.refused import RefusedError


class Worker:
    """Answers each command at once, with these problems in turn."""

    def __init__(self, *problems):
        self.sent = []
        self.problems = list(problems)
        self.commands = WorkerCommands(self.send)

    def send(self, message):
        self.sent.append(message)
        if self.problems:
            problem = self.problems.pop(0)
            told = {"id": message["id"], "problem": problem, "left": "3 are left"}
            asyncio.get_running_loop().call_soon(self.commands.answer, told)
        return True


def code(commands, action):
    with pytest.raises(RefusedError) as caught:
        asyncio.run(commands.run(action))
    (refusal,) = caught.value.refusals
    return refusal


def test_a_command_is_told_and_its_answer_awaited():
    worker = Worker("")
    asyncio.run(worker.commands.run(Action("PAUSE", "app")))
    assert worker.sent == [{"type": "command", "id": 1, "verb": "PAUSE", "database": "app"}]


@pytest.mark.parametrize(
    ("problem", "refusal", "text"),
    [
        ("unknown", "PGL0831", "app"),
        ("unfinished", "PGL0832", "3 are left"),
        ("resumed", "PGL0838", "ended by RESUME"),
    ],
)
def test_a_problem_is_told(problem, refusal, text):
    found = code(Worker(problem).commands, Action("PAUSE", "app"))
    assert found.code == refusal
    assert text in str(found)


def test_without_a_worker():
    assert code(WorkerCommands(lambda _: False), Action("PAUSE")).code == "PGL0813"


def test_a_worker_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S_MAX", 0.01)
    commands = WorkerCommands(lambda _: True)
    assert "no answer" in str(code(commands, Action("PAUSE")))
    commands.answer({"id": 1, "problem": "", "left": ""})


def test_a_worker_that_ends_meanwhile():
    commands = WorkerCommands(lambda _: True)

    async def scenario():
        running = asyncio.create_task(commands.run(Action("PAUSE")))
        done = asyncio.create_task(commands.run(Action("KILL")))
        while len(commands._done) < 2:
            await asyncio.wait([running, done], timeout=0)
        commands.answer({"id": 2, "problem": "", "left": ""})
        commands.worker_ended()
        with pytest.raises(RefusedError, match="ended"):
            await running
        await done

    asyncio.run(scenario())


def test_too_many_at_once(monkeypatch):
    monkeypatch.setattr(module, "COMMANDS_MAX", 0)
    assert "already" in str(code(WorkerCommands(lambda _: True), Action("PAUSE")))


def test_what_holds_is_kept_for_the_next_worker():
    commands = WorkerCommands(lambda _: True)
    assert commands.held() == {"paused": [], "disabled": []}
    assert not commands.everything_is_paused()
    commands.took_effect({"paused": ["", "b"], "disabled": ["c"]})
    assert commands.held() == {"paused": ["", "b"], "disabled": ["c"]}
    assert commands.everything_is_paused()
