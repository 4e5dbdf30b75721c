"""Works that wait for each other are looked for, and the newest of them is told."""

from types import SimpleNamespace

from pglane.engine.standstills import QUIET_S, _others, _shown
from pglane.scheduler.request import Lease
from pglane.scheduler.work import Work
from pglane.wire.body import message
from tests.support.engine_rig import READY, query
from tests.unit.engine.test_database import DONE, desk

BEGUN = message(b"C", b"BEGIN\0") + message(b"Z", b"T")
TOLD = {"application_name": "checkout", "pglane.work": "cart"}


def begun(rig, **more):
    """A client of a work in a transaction, which has the only server connection."""
    holder, server = rig.pair(**{**TOLD, **more})
    holder.send(query("BEGIN"))
    server.gets(b"BEGIN")
    server.send(BEGUN)
    holder.gets(message(b"Z", b"T"))
    return holder, server


def asks(rig, **more):
    """Another client, which waits."""
    other = rig.client(**{**TOLD, **more})
    rig.turn(3)
    other.gets(READY)
    other.send(query("SELECT 2"))
    rig.turn(2)
    return other


def test_a_work_that_waits_for_itself_is_told_at_once(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = begun(rig)
    other = asks(rig)
    rig.later(QUIET_S / 2)
    rig.turn(2)
    assert not other.look()
    rig.later(QUIET_S)
    rig.later(QUIET_S)
    told = other.gets(READY)
    assert b"PGL0314" in told
    assert b"53300" in told
    assert b"POOL DEADLOCK" in told
    assert b"1 of 1 server connections of database app" in told
    assert b'Work "cart" of user anna has 1 ("checkout")' in told
    assert b"others: no other" in told
    assert b"say nested = 2" in told
    assert desk(rig).queue.works.waiting == 0
    holder.send(query("COMMIT"))
    server.gets(b"COMMIT")
    server.send(DONE)
    holder.gets(READY)
    other.send(query("SELECT 3"))
    server.gets(b"SELECT 3")


def test_nobody_is_told_while_something_happens(rigs) -> None:
    rig = rigs(budget=1)
    holder, server = begun(rig)
    other = asks(rig)
    holder.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    for _ in range(4):
        rig.later(QUIET_S)
    assert not other.look()
    server.send(message(b"C", b"SELECT 1\0") + message(b"Z", b"I"))
    holder.gets(READY)
    server.gets(b"SELECT 2")


def test_nobody_is_told_while_the_database_is_paused(rigs) -> None:
    rig = rigs(budget=1)
    begun(rig)
    other = asks(rig)
    desk(rig).paused = True
    for _ in range(4):
        rig.later(QUIET_S)
    assert not other.look()


def test_of_a_direct_door_nothing_is_known(rigs) -> None:
    rig = rigs(budget=1)
    holder = rig.client("direct", **TOLD)
    rig.accept_login()
    holder.gets(READY)
    other = rig.client(**TOLD)
    rig.turn(3)
    for _ in range(4):
        rig.later(QUIET_S)
    assert b"PGL0314" not in other.look()


def test_strangers_are_not_named() -> None:
    def work(user: str, name: str) -> Work:
        made = Work((user, name))
        client = SimpleNamespace(vector=SimpleNamespace(items={}))
        made.held[Lease(None, None, client)] = None
        return made

    works = [work("berta", "secret"), *(work("anna", name) for name in "abcd")]
    told = _others(works, "anna")
    assert told == '"a" has 1 (no name); "b" has 1 (no name); "c" has 1 (no name); 2 more'
    assert _shown("\x1b[2J" + "x" * 100) == '"?[2J' + "x" * 59 + '"'
