"""What is told about a server that is not there, or lets nobody in, before any client comes."""

import asyncio
import dataclasses
import io
import json

import pytest

from pglane.config.settings import Settings
from pglane.control import first_contact as module
from pglane.control.first_contact import FirstContact
from pglane.control.log import Log
from pglane.control.server_session import NotReachedError, SessionFailedError
from pglane.errors.embedded import PasswordChanged

SETTINGS = Settings(
    server_host="db", server_user="app", server_password="secret", server_database="shop"
)
ABSENT = NotReachedError("db:5432: Connection refused")
NO_NAME = NotReachedError("the name db cannot be resolved")
STARTING = SessionFailedError("the database system is starting up", sqlstate="57P03")
WRONG = SessionFailedError("password authentication failed", sqlstate="28P01")
NO_DATABASE = SessionFailedError('database "shop" does not exist', sqlstate="3D000")
UNANSWERED = SessionFailedError("the server asks for a password, and none is known")


class Session:
    closed = False

    def __init__(self, connections=b"97"):
        self.connections = connections

    async def rows(self, text):
        assert "max_connections" in text
        if isinstance(self.connections, Exception):
            raise self.connections
        return [[self.connections]]

    def close(self):
        self.closed = True


class Story:
    """Attempts that end as told; the last one is the end of it."""

    def __init__(self, *ends, settings=SETTINGS, locked_out=None):
        self.ends = list(ends)
        self.settings = settings
        self.asked = []
        self.stream = io.StringIO()
        self.contact = FirstContact(Log(self.stream, "json"), self.open, locked_out)

    async def open(self, database):
        self.asked.append(database)
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        if end == "silence":
            await asyncio.sleep(60)
        return end

    def play(self):
        async def run():
            self.contact.seek(self.settings)
            await asyncio.wait_for(self.contact._task, 10)

        asyncio.run(run())
        return self.told()

    def told(self):
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [(line["event"], line.get("code")) for line in lines]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S_MIN", 0.001)
    monkeypatch.setattr(module, "RETRY_S_MAX", 0.002)


def test_a_server_that_is_there_is_not_worth_a_word():
    session = Session()
    story = Story(session)
    assert story.play() == []
    assert story.asked == ["shop"]
    assert session.closed


@pytest.mark.parametrize(("budget", "events"), [(97, []), (98, [("budget_too_large", None)])])
def test_a_budget_that_it_cannot_keep_is_told(budget, events):
    session = Session(b"97")
    story = Story(session, settings=dataclasses.replace(SETTINGS, budget=budget))
    assert story.play() == events
    assert session.closed
    if events:
        assert "PostgreSQL at db:5432 has 97 connections" in story.stream.getvalue()


@pytest.mark.parametrize("answer", [SessionFailedError("no"), TimeoutError(), b"many", None])
def test_one_that_does_not_say_how_many_is_let_be(answer):
    session = Session(answer)
    assert Story(session).play() == []
    assert session.closed


def test_an_absent_one_is_told_once_for_each_reason_and_when_it_comes():
    story = Story(NO_NAME, ABSENT, ABSENT, ABSENT, Session())
    absent = ("server_not_there", "PGL0808")
    assert story.play() == [absent, absent, ("server_reached", None)]
    told = json.loads(story.stream.getvalue().splitlines()[1])
    assert told["text"].startswith("PostgreSQL at db:5432 cannot be reached")
    assert "Connection refused" in told["detail"]
    assert "secret" not in story.stream.getvalue()


def test_one_that_says_nothing_is_absent(monkeypatch):
    monkeypatch.setattr(module, "CONTACT_S_MAX", 0.01)
    story = Story("silence", Session())
    assert story.play() == [("server_not_there", "PGL0808"), ("server_reached", None)]


@pytest.mark.parametrize("answer", [WRONG, NO_DATABASE, UNANSWERED])
def test_one_that_lets_nobody_in_is_told_and_asked_no_more(answer):
    story = Story(answer)
    assert story.play() == [("server_login_refused", "PGL0809")]


@pytest.mark.parametrize(("answer", "code"), [(WRONG, "PGL0913"), (NO_DATABASE, "PGL0809")])
def test_one_of_our_own_is_told_where_its_password_stands(answer, code):
    def locked_out(reason):
        return PasswordChanged(reason=reason, file="/d/password", data="/d/data", postgres="pg")

    story = Story(answer, locked_out=locked_out)
    assert story.play() == [("server_login_refused", code)]


def test_one_that_is_starting_is_asked_again():
    story = Story(STARTING, STARTING, Session())
    assert story.play() == [("server_login_refused", "PGL0809"), ("server_reached", None)]


@pytest.mark.parametrize("answer", [WRONG, UNANSWERED])
def test_without_a_password_of_ours_a_refused_login_says_nothing(answer):
    story = Story(answer, settings=Settings(server_host="db", server_database="shop"))
    assert story.play() == []


def test_without_a_password_a_missing_database_is_told():
    story = Story(NO_DATABASE, settings=Settings(server_host="db", server_database="shop"))
    assert story.play() == [("server_login_refused", "PGL0809")]


def test_nothing_is_sought_where_no_server_is_configured():
    async def run():
        story = Story()
        story.contact.seek(Settings())
        assert story.contact._task is None
        story.contact.end()

    asyncio.run(run())


def test_a_new_search_and_an_end_give_up_the_one_before():
    async def run():
        story = Story("silence", "silence")
        story.contact.seek(SETTINGS)
        await asyncio.sleep(0)
        first = story.contact._task
        story.contact.seek(SETTINGS)
        second = story.contact._task
        await asyncio.sleep(0)
        story.contact.end()
        await asyncio.gather(first, second, return_exceptions=True)
        assert first.cancelled()
        assert second.cancelled()
        assert story.told() == []

    asyncio.run(run())


def test_an_end_during_a_pause_is_an_end(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S_MIN", 60)

    async def run():
        story = Story(ABSENT)  # another attempt would have nothing to give
        story.contact.seek(SETTINGS)
        task = story.contact._task
        while not story.told():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        story.contact.end()
        await asyncio.gather(task, return_exceptions=True)
        assert story.asked == ["shop"]
        assert task.cancelled() or task.exception() is None

    asyncio.run(asyncio.wait_for(run(), 10))
