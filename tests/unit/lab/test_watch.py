"""A console is read again and again, and lanes are changed meanwhile."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from pglane.lab import watch
from pglane.lab.scenario import Change
from pglane.lab.watch import Watch, look
from pglane.wire.server_messages import DataRow, FieldDescription, RowDescription
from tests.support.lab_server import DONE, READY, error, lab_server

LANES = ("lane", "reserve")
WAITS = ("lane", "kind", "reason", "count")
Rows = list[tuple[str, ...]]


def table(names: tuple[str, ...], rows: Rows) -> bytes:
    fields = tuple(FieldDescription(name.encode(), 0, 0, 25, -1, -1, 0) for name in names)
    texts = [DataRow(tuple(value.encode() for value in row)).encode() for row in rows]
    return RowDescription(fields).encode() + b"".join(texts) + DONE


class Console:
    """Shows what the last change says, and one set of counts after the other."""

    def __init__(self, counts: list[Rows]) -> None:
        self.reserves: dict[str, int] = {}
        self.counts = counts

    def answer(self, text: str) -> bytes:
        if text == "SHOW LANES":
            return table(LANES, [(name, str(each)) for name, each in self.reserves.items()])
        if text == "SHOW WAITS":
            return table(WAITS, self.counts.pop(0) if len(self.counts) > 1 else self.counts[0])
        return DONE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BOARD_S_MAX", 0.01)
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.001)


def test_what_a_lane_counted_is_not_lost_with_it() -> None:
    broken, late = ("otp", "violation", "opening"), ("otp", "refused", "expired")
    other = ("mail", "violation", "opening")
    console = Console(
        [
            [(*broken, "2"), (*late, "1"), ("otp", "refused", "shed", "7")],
            [(*broken, "3"), (*late, "1"), ("otp", "wait", "paused", "5")],
            [(*other, "1")],
            [(*other, "1"), (*broken, "1")],
        ]
    )

    async def seen() -> tuple[int, int]:
        async with lab_server(console.answer) as server:
            one = Watch(server.place())
            asking = await watch.connect(server.place())
            for _ in range(4):
                await one.look(asking)
            asking.close()
            return one.violations, one.missed

    assert asyncio.run(seen()) == (3 + 1 + 1, 1)


def test_each_change_is_made_when_the_one_before_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A signal for the first, RELOAD for the second; lanes that reserve nothing may be left."""
    console = Console([[]])
    made: list[str] = []
    over = asyncio.Event()

    def rewrite(change: Change) -> Path:
        made.append(change.told)
        console.reserves = {"transaction:app": 0, **change.reserves}
        if len(made) == 2:
            over.set()
        return Path()

    monkeypatch.setattr(os, "kill", lambda pid, how: made.append(f"{pid} {how}"))
    changes = [
        Change("first", 4, "[lanes.otp]\nreserve = 1"),
        Change("second", 4, '[lanes.mail]\ndoor = "session"'),
    ]

    async def followed() -> tuple[int, list[str]]:
        async with lab_server(console.answer) as server:
            one = Watch(server.place(), 7, rewrite)
            following = asyncio.create_task(one.follow(changes, 0.0, asyncio.Event()))
            while one.changes < 2:
                await asyncio.wait([following], timeout=0.001)
            following.cancel()
            return one.changes, server.asked

    count, asked = asyncio.run(followed())
    assert count == 2
    assert made == ["first", f"7 {signal.SIGHUP}", "second"]
    assert asked.count("RELOAD") == 1


def test_a_change_that_is_not_seen_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that is gone still reserves something: this is not what was wanted."""
    monkeypatch.setattr(watch, "SEEN_S_MAX", 0.05)
    console = Console([[]])
    console.reserves = {"otp": 1, "mail": 1}

    async def followed() -> int:
        async with lab_server(console.answer) as server:
            over = asyncio.Event()
            one = Watch(server.place(), os.getpid(), lambda _change: over.set() or Path())
            one.changes = 1  # told by RELOAD
            await one.follow([Change("x", 4, "[lanes.otp]\nreserve = 1")], 0.0, over)
            return one.changes

    assert asyncio.run(followed()) == 1


def test_a_look_at_what_was_counted_by_now() -> None:
    async def seen(answer: bytes) -> Watch | None:
        async with lab_server(lambda _text: answer) as server:
            return await look(server.place())

    told = asyncio.run(seen(table(WAITS, [("otp", "violation", "opening", "2")])))
    assert told is not None
    assert told.violations == 2
    assert asyncio.run(seen(table(("other",), [("x",)]))) is None
    assert asyncio.run(seen(error("42601", "what?") + READY)) is None
