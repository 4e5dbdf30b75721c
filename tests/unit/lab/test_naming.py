"""Who names those that hold everything and do nothing, and after what time."""

import asyncio
from collections.abc import Callable

import pytest

from pglane.lab import naming
from pglane.lab.naming import Inquiry, Naming, is_named
from pglane.lab.scores import NEVER
from tests.support.lab_server import READY, error, lab_server, table

TURNS_MAX = 2000


class Clients:
    """What `Traffic` knows of its clients, and a clock."""

    def __init__(self) -> None:
        self.clock = 10.0
        self.thinking = {7001: 8.0, 7002: 9.0}
        self.asked: float | None = 9.5

    def now(self) -> float:
        return self.clock

    def first_open(self, kind: str) -> float | None:
        return self.asked if kind == "otp" else None


def row(port: int, idle_s: float, doing: str = "idle in transaction", lane: str = "shop"):
    return {"port": str(port), "doing": doing, "lane": lane, "doing_time": f"{idle_s * 1e6:.0f}"}


def follow(clients: Clients, answer, steps: list[Callable[[], object]]) -> float | None:
    """Looks while steps are taken, one at a time, each after several looks."""

    async def whole() -> float | None:
        async with lab_server(lambda _text: answer()) as server:
            inquiry = Inquiry(server.place(), ("SHOW HOLDERS",)) if answer else None
            found = Naming(clients, 2, frozenset({"otp", "mail"}), inquiry)
            over = asyncio.Event()
            looking = asyncio.create_task(found.follow(over))
            for step in (*steps, lambda: None):
                seen = looks[0]
                for _ in range(TURNS_MAX):
                    if looks[0] >= seen + 3:
                        break
                    await asyncio.wait([looking], timeout=0.002)
                step()
            over.set()
            await looking
            return found.named_s

    looks = [0]
    asked = clients.first_open

    def counted(kind: str) -> float | None:
        looks[0] += 1
        return asked(kind)

    clients.first_open = counted
    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "LOOK_EVERY_S", 0.001)


def test_it_counts_from_the_last_of_who_thinks_and_who_waits() -> None:
    clients = Clients()

    def answer() -> bytes:
        return table(row(7001, 2.0), row(7002, 1.1))

    assert follow(clients, answer, []) == 0.5
    clients = Clients()
    clients.asked = 8.5
    assert follow(clients, answer, []) == 1.0


@pytest.mark.parametrize(
    "rows",
    [
        [row(7001, 2.0)],
        [row(7001, 2.0), row(7002, 1.0, doing="active")],
        [row(7001, 2.0), row(7002, 1.0, lane="")],
        [row(7001, 2.0), row(7002, 5.0)],
        [row(7001, 2.0), row(7003, 1.0)],
        [{"port": "7001", "state": "active"}, {"port": "7002", "state": "active"}],
    ],
    ids=["one alone", "busy", "no lane", "another clock", "another client", "states only"],
)
def test_less_than_all_of_it_is_not_named(rows) -> None:
    assert follow(Clients(), lambda: table(*rows), []) == NEVER


def test_whoever_has_no_console_or_refuses_names_nobody() -> None:
    assert follow(Clients(), None, []) == NEVER
    assert follow(Clients(), lambda: error("42501", "not you") + READY, []) == NEVER


def test_while_a_place_is_left_or_nobody_waits_there_is_nothing_to_name() -> None:
    clients = Clients()
    clients.asked = None
    assert follow(clients, None, []) is None
    clients = Clients()
    del clients.thinking[7001]
    assert follow(clients, None, []) is None


def test_the_longest_of_several_counts_and_what_ended_unnamed_too() -> None:
    clients = Clients()
    rows = [row(7001, 2.0), row(7002, 1.0)]

    def next_time() -> None:
        clients.thinking[7002] = 9.9
        clients.clock = 10.2
        rows[:] = []

    def over() -> None:
        clients.asked = None

    assert follow(clients, lambda: table(*rows), [next_time, over]) == 0.5
    clients = Clients()
    rows = [row(7001, 2.0), row(7002, 1.0)]

    def long() -> None:
        next_time()
        clients.clock = 13.0

    assert follow(clients, lambda: table(*rows), [long, over]) == pytest.approx(3.1)


def test_words_of_a_row() -> None:
    assert is_named(row(7001, 1.0))
    assert not is_named({"port": "x", "state": "idle in transaction", "lane": "shop"})
