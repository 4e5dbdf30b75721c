"""All monitors together: which there are, and as whom they log in."""

import asyncio
import io

from pglane.config.settings import Settings
from pglane.control import monitor, monitors as module
from pglane.control.log import Log
from pglane.control.monitors import Monitors
from pglane.control.resolver import Resolver
from pglane.control.server_session import NotReachedError, SessionFailedError
from tests.support.monitored import FIRST, Session, Story


def test_other_servers_in_the_settings_are_looked_for():
    sessions = [Session(FIRST, host="db1"), Session(FIRST, host="db2")]

    async def run():
        story = Story(*sessions)
        monitors = Monitors(story.log, lambda told: story.sent.append(told) or True, Resolver())
        monitors.open = story.open
        monitors.configure(Settings(monitor_ms=1))
        monitors.watch("app")
        while not any(told.get("host") == "db1" for told in story.sent):
            await asyncio.sleep(0)
        monitors.configure(Settings(monitor_ms=1, server_host="db2"))
        while not any(told.get("host") == "db2" for told in story.sent):
            await asyncio.sleep(0)
        await monitors.close()

    asyncio.run(asyncio.wait_for(run(), 10))
    assert sessions[0].closed


class Fleet:
    """All monitors, with sessions that answer."""

    def __init__(self, monkeypatch, **changes):
        self.sent = []
        self.stream = io.StringIO()
        self.monitors = Monitors(Log(self.stream), self.send, Resolver())
        self.monitors.configure(Settings(server_host="127.0.0.1", monitor_ms=1, **changes))
        self.told = asyncio.Event()
        self.opened = []
        self.users = []
        self.refused = {}
        self.limits = [[b"-1"]]
        monkeypatch.setattr(module.ServerSession, "open", self.open)

    async def open(self, addresses, user, credentials, database, tls, wanted):
        self.opened.append(database)
        self.users.append(user)
        if user in self.refused:
            raise self.refused[user]
        session = Session(FIRST)
        session.limits = self.limits
        return session

    def send(self, message):
        self.sent.append(message)
        if message["type"] == "monitor":
            self.told.set()
        return True

    def lend(self, user, database="app", *, is_news=True):
        told = {"user": user, "keys": None, "md5": None}
        self.monitors.lend(database, told, is_news=is_news)

    async def until_watching(self):
        while not any(told.get("state") == "watching" for told in self.sent):
            await asyncio.sleep(0)

    def play(self, *steps):
        async def run():
            for step in steps:
                step()
                await asyncio.wait_for(self.told.wait(), 10)
                self.told.clear()
            await asyncio.wait_for(self.until_watching(), 10)
            await self.monitors.close()

        asyncio.run(run())
        return self.users


def refused(sqlstate):
    return SessionFailedError(f"refused with {sqlstate}", sqlstate=sqlstate)


def test_as_a_client_where_the_gateways_own_role_is_not_let_in(monkeypatch):
    fleet = Fleet(monkeypatch, server_user="app", server_password="x")
    fleet.refused = {"app": refused("42501")}

    def begin():
        fleet.monitors.watch("app")
        fleet.lend("anna")

    assert fleet.play(begin) == ["app", "anna"]
    assert not fleet.monitors._lent


def test_what_is_lent_is_tried_at_once(monkeypatch):
    """Not when the pause is over."""
    monkeypatch.setattr(monitor, "RETRY_S_MIN", 60)
    fleet = Fleet(monkeypatch)
    fleet.refused = {"anna": refused("28P01"), "bert": refused("53300")}

    def begin():
        fleet.monitors.watch("app")
        fleet.lend("anna")

    users = fleet.play(begin, lambda: fleet.lend("bert"), lambda: fleet.lend("carla"))
    assert users == ["anna", "bert", "carla"]


def test_what_is_told_once_more_waits_for_its_turn(monkeypatch):
    """Else a failure that is told, and answered with the same role, would be tried for ever."""
    fleet = Fleet(monkeypatch)
    fleet.refused = {"anna": refused("53300")}

    async def story():
        fleet.monitors.watch("app")
        fleet.lend("anna")
        await asyncio.wait_for(fleet.told.wait(), 10)
        (running, _) = fleet.monitors._running["app"]
        fleet.lend("bert", is_news=False)
        assert not running._woken.is_set()
        await asyncio.wait_for(fleet.until_watching(), 10)
        await fleet.monitors.close()

    asyncio.run(story())
    assert fleet.users == ["anna", "bert"]


def test_a_role_with_few_connections_keeps_them(monkeypatch):
    fleet = Fleet(monkeypatch)
    fleet.limits = [[b"2"]]

    async def story():
        fleet.monitors.watch("app")
        fleet.lend("anna")
        await asyncio.wait_for(fleet.told.wait(), 10)
        await fleet.monitors.close()

    asyncio.run(story())
    (told,) = [told["state"] for told in fleet.sent if told["type"] == "monitor"]
    assert told == "role anna may have no more than 2 connections"


def test_a_server_that_does_not_answer_is_asked_by_nobody_else(monkeypatch):
    fleet = Fleet(monkeypatch, server_user="app", server_password="x")
    fleet.refused = {"app": NotReachedError("no route")}

    async def story():
        fleet.monitors.watch("app")
        fleet.lend("anna")
        await asyncio.wait_for(fleet.told.wait(), 10)
        await fleet.monitors.close()

    asyncio.run(story())
    assert set(fleet.users) == {"app"}


def test_what_is_lent_is_kept_where_a_monitor_wants_it_only(monkeypatch):
    fleet = Fleet(monkeypatch)

    async def story():
        fleet.lend("anna")
        fleet.monitors.watch("app")
        fleet.lend("anna")
        await asyncio.wait_for(fleet.until_watching(), 10)
        fleet.lend("bert")
        assert not fleet.monitors._lent
        fleet.monitors.watch("other")
        fleet.lend("anna", "other")
        fleet.monitors.unwatch("other")
        await fleet.monitors.close()

    asyncio.run(story())
    assert not fleet.monitors._lent


def test_a_database_is_watched_once_and_told_again(monkeypatch):
    async def story():
        fleet = Fleet(monkeypatch)
        fleet.monitors.watch("app")
        await asyncio.wait_for(fleet.told.wait(), 10)
        before = len(fleet.sent)
        fleet.monitors.watch("app")
        fleet.monitors.configure(Settings(server_host="127.0.0.1", monitor_ms=5))
        again = fleet.sent[before:]
        fleet.monitors.unwatch("app")
        fleet.monitors.unwatch("app")
        await fleet.monitors.close()
        return fleet, again

    fleet, again = asyncio.run(story())
    assert fleet.opened == ["app"]
    assert again == fleet.sent[:4]


def test_there_is_a_limit_and_an_off(monkeypatch):
    monkeypatch.setattr(module, "MONITORS_MAX", 1)

    async def story():
        fleet = Fleet(monkeypatch)
        fleet.monitors.watch("app")
        fleet.monitors.watch("other")
        await asyncio.wait_for(fleet.told.wait(), 10)
        await fleet.monitors.close()
        fleet.monitors.configure(Settings(server_host="127.0.0.1", monitor_ms=0))
        fleet.monitors.watch("third")
        await fleet.monitors.close()
        return fleet

    fleet = asyncio.run(story())
    assert fleet.opened == ["app"]
    assert "monitor_limit" in fleet.stream.getvalue()


def test_a_name_without_an_address_is_a_failure(monkeypatch):
    async def story():
        fleet = Fleet(monkeypatch)
        fleet.monitors.configure(Settings(server_host="", monitor_ms=1))
        fleet.monitors.watch("app")
        await asyncio.wait_for(fleet.told.wait(), 10)
        await fleet.monitors.close()
        return fleet

    fleet = asyncio.run(story())
    assert "no server is configured" in fleet.sent[0]["state"]


def test_an_error_of_ours_ends_a_monitor_and_is_told(monkeypatch):
    async def story():
        fleet = Fleet(monkeypatch)
        monkeypatch.setattr(monitor, "epoch_of", None)
        fleet.monitors.watch("app")
        _, task = fleet.monitors._running["app"]
        await asyncio.wait({task}, timeout=10)
        await asyncio.wait({asyncio.get_running_loop().create_task(fleet.monitors.close())})
        return fleet

    fleet = asyncio.run(story())
    assert "monitor_broken" in fleet.stream.getvalue()
