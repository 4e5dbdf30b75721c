"""Names to addresses, within a stated time."""

import asyncio
import socket
import threading

import pytest

from pglane.control import resolver
from pglane.control.resolver import Resolver


def resolve(host, port=5432, **arguments):
    async def run():
        return await Resolver(**arguments).resolve(host, port)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", {"family": "inet", "address": "192.0.2.1", "port": 5432}),
        ("::1", {"family": "inet6", "address": "::1", "port": 5432}),
        ("/tmp", {"family": "unix", "address": "/tmp", "port": 5432}),
        ("@pg", {"family": "unix", "address": "@pg", "port": 5432}),
    ],
)
def test_what_needs_no_look_up(host, expected, monkeypatch):
    monkeypatch.delattr(socket, "getaddrinfo")
    assert resolve(host) == ([expected], None)


def test_a_name_of_this_machine():
    addresses, error = resolve("localhost", 1)
    assert {"family": "inet", "address": "127.0.0.1", "port": 1} in addresses
    assert error is None


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 300, "\udcff"])
def test_a_name_that_is_wrong_is_an_answer(host):
    addresses, error = resolve(host)
    assert addresses == []
    assert "cannot be resolved" in error


def test_no_name_at_all():
    assert resolve("") == ([], "no server is configured (server.host is empty)")


def test_other_families_and_doubles_are_left_out(monkeypatch):
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.9", 1))
    found = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/x"), entry, entry]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    assert resolve("name", 1) == ([{"family": "inet", "address": "192.0.2.9", "port": 1}], None)


def test_several_hosts_are_looked_up_and_those_that_cannot_be_found_left_out():
    found, error = resolve("192.0.2.1,no-such-name.invalid,/tmp:7", 5432)
    assert found == [
        {"family": "inet", "address": "192.0.2.1", "port": 5432, "host": "192.0.2.1"},
        {"family": "unix", "address": "/tmp", "port": 7, "host": "/tmp"},
    ]
    assert error is None
    found, error = resolve("no-such-name.invalid,nor-this.invalid")
    assert found == []
    assert error.count("cannot be resolved") == 2


def test_one_host_may_have_its_port_behind_it():
    assert resolve("192.0.2.1:7")[0] == [{"family": "inet", "address": "192.0.2.1", "port": 7}]


class Questions:
    """What the name server was asked."""

    def __init__(self):
        self.names = []
        self.first = threading.Event()

    def add(self, name):
        self.names.append(name)
        self.first.set()


@pytest.fixture
def slow(monkeypatch):
    """A name server that answers when `release` is set; counts the questions."""
    release = threading.Event()
    asked = Questions()

    def getaddrinfo(host, port, **_more):
        asked.add(host)
        release.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield release, asked
    release.set()
    for thread in threading.enumerate():
        if thread.name == "pglane-resolve":
            thread.join(30)


def test_a_look_up_is_bounded(slow):
    assert resolve("slow", timeout_ms=1) == ([], "the name slow was not resolved within 1 ms")


def test_who_asks_for_the_same_name_joins_in(slow):
    release, asked = slow

    async def run():
        resolve_names = Resolver()
        both = asyncio.gather(*(resolve_names.resolve("same", 1) for _ in range(2)))
        await asyncio.to_thread(asked.first.wait, 30)
        release.set()
        return await both

    first, second = asyncio.run(run())
    assert first == second
    assert asked.names == ["same"]


def test_threads_are_few(slow, monkeypatch):
    monkeypatch.setattr(resolver, "LOOKUPS_MAX", 1)

    async def run():
        names = Resolver(timeout_ms=1)
        await names.resolve("one", 1)
        return await names.resolve("two", 1)

    assert resolve_error(asyncio.run(run())).endswith(
        "1 look-ups are already waiting for the name server"
    )


def resolve_error(answer):
    addresses, error = answer
    assert addresses == []
    return error


def test_an_answer_after_the_end_is_nobodys(slow):
    release, _asked = slow
    resolve("late", timeout_ms=1)  # its loop is closed by now
    release.set()
