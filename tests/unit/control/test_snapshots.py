"""Questions to the worker: answered, late, too many, too large, or never."""

import asyncio

import pytest

from pglane.control import snapshots
from pglane.control.snapshots import Snapshots
from pglane.errors.refused import RefusedError


class Worker:
    """Answers what it is sent with the given chunks."""

    def __init__(self, *chunks, alive=True):
        self.chunks = chunks
        self.alive = alive
        self.sent = []
        self.snapshots = Snapshots(self.send, answer_ms_max=20)

    def send(self, message):
        self.sent.append(message)
        loop = asyncio.get_running_loop()
        for at, rows in enumerate(self.chunks, 1):
            last = at == len(self.chunks)
            loop.call_soon(
                self.snapshots.answer, {"id": message["id"], "rows": rows, "last": last}
            )
        return self.alive

    def asked(self, what="clients"):
        async def run():
            return await self.snapshots.ask(what)

        return asyncio.run(run())


def reason(worker):
    with pytest.raises(RefusedError) as caught:
        worker.asked()
    (refusal,) = caught.value.refusals
    assert refusal.code == "PGL0813"
    return refusal.detail_text


def test_chunks_are_put_together():
    worker = Worker([{"a": 1}], [], [{"a": 2}, {"a": 3}])
    assert worker.asked("pools") == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert worker.sent == [{"type": "snapshot", "id": 1, "what": "pools"}]


def test_every_question_has_its_own_number():
    worker = Worker([])
    worker.asked()
    worker.asked()
    assert [message["id"] for message in worker.sent] == [1, 2]


def test_no_answer():
    assert "no answer within 20 ms" in reason(Worker())


def test_no_worker():
    assert "no worker is running" in reason(Worker(alive=False))


def test_a_worker_that_ends():
    worker = Worker()

    async def run():
        asyncio.get_running_loop().call_soon(worker.snapshots.worker_ended)
        await worker.snapshots.ask("lists")

    with pytest.raises(RefusedError, match="it ended while it was asked"):
        asyncio.run(run())


def test_too_many_rows(monkeypatch):
    monkeypatch.setattr(snapshots, "ROWS_MAX", 2)
    assert "more than 2 rows" in reason(Worker([{}], [{}], [{}], [{}]))


def test_too_many_questions(monkeypatch):
    monkeypatch.setattr(snapshots, "QUESTIONS_MAX", 0)
    assert "0 questions to it are already open" in reason(Worker([]))


def test_what_comes_too_late_is_dropped():
    worker = Worker()
    assert reason(worker)
    worker.snapshots.answer({"id": 1, "rows": [{}], "last": True})
    worker.chunks = ([{"a": 1}],)
    assert worker.asked() == [{"a": 1}]
