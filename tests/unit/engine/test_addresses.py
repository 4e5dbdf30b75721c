"""Where the server listens."""

import pytest

from pglane.engine.addresses import LOOKUP_S_MAX, ServerAddresses, is_name
from pglane.engine.dialer import Address
from pglane.engine.loop import Loop, PollReadiness

TOLD = [{"family": "inet", "address": "127.0.0.1", "port": 5432}]
KNOWN = [Address("inet", "127.0.0.1", 5432)]


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("host", "expected"),
    [("db.example", True), ("127.0.0.1", False), ("::1", False), ("/run/postgresql", False)],
)
def test_what_a_name_is(host: str, expected: bool) -> None:
    assert is_name(host) is expected


def test_a_name_is_asked_for_once_and_again_when_the_answer_is_old() -> None:
    clock = Clock()
    loop = Loop(clock, PollReadiness())
    sent: list[dict] = []
    got: list[tuple] = []
    addresses = ServerAddresses(loop, sent.append)
    for _ in range(2):
        addresses.ask("db.example", 5432, lambda found, error: got.append((list(found), error)))
    assert sent == [{"type": "resolve", "host": "db.example", "port": 5432}]
    assert addresses.lookup_count() == 1
    addresses.resolved(TOLD, "")
    assert got == [(KNOWN, "")] * 2
    assert addresses.lookup_count() == 0
    addresses.ask("db.example", 5432, lambda found, error: got.append((list(found), error)))
    assert (len(sent), len(got)) == (1, 3)
    clock.now += LOOKUP_S_MAX
    loop.call_at(0.0, lambda: None)
    loop.turn()
    addresses.ask("db.example", 5432, lambda found, error: got.append((list(found), error)))
    assert len(sent) == 2
    addresses.resolved([], "no answer")
    assert got[-1] == (KNOWN, "no answer")


def test_one_name_among_several_is_looked_up_and_what_is_forgotten_too() -> None:
    clock = Clock()
    sent: list[dict] = []
    addresses = ServerAddresses(Loop(clock, PollReadiness()), sent.append)
    addresses.learn(TOLD)
    addresses.ask("127.0.0.1,::1", 5432, lambda *_: None)
    assert sent == []
    addresses.forget()
    addresses.ask("127.0.0.1,::1", 5432, lambda *_: None)
    addresses.resolved([{**TOLD[0], "host": "db1"}], "")
    assert addresses.known()[0][0].host == "db1"
    clock.now += LOOKUP_S_MAX
    addresses._loop.call_at(0.0, lambda: None)
    addresses._loop.turn()
    addresses.ask("127.0.0.1,db.example", 5432, lambda *_: None)
    assert len(sent) == 2


def test_an_address_is_never_asked_for_once_it_is_known() -> None:
    sent: list[dict] = []
    got: list[object] = []
    clock = Clock()
    addresses = ServerAddresses(Loop(clock, PollReadiness()), sent.append)
    addresses.learn(TOLD)
    clock.now += 1e6
    addresses.ask("127.0.0.1", 5432, lambda found, error: got.append(list(found)))
    assert (sent, got) == ([], [KNOWN])
