"""Asking for roles, with a session that answers as told."""

import asyncio
import io

import pytest

from pglane.config.settings import Settings, User
from pglane.control import role_lookups as module
from pglane.control.log import Log
from pglane.control.resolver import Resolver
from pglane.control.role_lookups import RIGHTS, RoleLookups
from pglane.control.server_session import QuestionRefusedError, SessionFailedError

SETTINGS = Settings(
    server_host="127.0.0.1",
    server_user="app",
    server_password="app-secret",
    server_database="shop",
    auth_user="asker",
    users=(User("asker", password="asker-secret"),),
)
ANNA = [b"anna", b"SCRAM-SHA-256$anna"]
RIGHT = [b"1", b"16400", b"t", b"-1", b"f", b"t"]


class Session:
    """Gives one row of rights, and the rows of each secret; failures first."""

    def __init__(self, secrets=([ANNA],), rights=(RIGHT,), failures=()):
        self.answers = {"rights": [list(rights)], "secrets": [list(rows) for rows in secrets]}
        self.failures = list(failures)
        self.asked = []
        self.closed = False
        self.role = "primary"

    async def ask(self, text, parameters):
        self.asked.append((text, parameters))
        if self.failures:
            raise self.failures.pop(0)
        return self.answers["rights" if text == RIGHTS else "secrets"]

    def close(self):
        self.closed = True


class Story:
    def __init__(self, monkeypatch, *sessions, settings=SETTINGS):
        self.sessions = list(sessions)
        self.opened = []
        self.sent = []
        self.stream = io.StringIO()
        self.settings = settings
        monkeypatch.setattr(module.ServerSession, "open", self.open)
        monkeypatch.setattr(module, "RETRY_S", 0.001)

    async def open(self, addresses, user, credentials, database, tls, wanted):
        self.opened.append((user, credentials.password, database))
        session = self.sessions.pop(0)
        if isinstance(session, Exception):
            raise session
        return session

    def play(self, *questions):
        """Asks one question after the other; the last answer."""

        async def run():
            self.lookups = RoleLookups(Log(self.stream), self.send, Resolver())
            self.lookups.configure(self.settings)
            for roles in questions:
                await self.lookups.answer({"id": "1", "roles": roles})
            self.lookups.close()

        asyncio.run(asyncio.wait_for(run(), 10))
        return self.sent[-1]

    def send(self, message):
        self.sent.append(message)
        return True

    def warnings(self):
        return self.stream.getvalue().count("roles_unreadable")


def test_who_is_asked_for_is_told_whole(monkeypatch):
    session = Session(secrets=([ANNA], []))
    told = Story(monkeypatch, session).play([["anna", "shop"], ["nobody", "shop"]])
    assert told == {
        "type": "roles",
        "id": "1",
        "failed": "",
        "found": [
            {
                "user": "anna",
                "database": "shop",
                "oid": "16400",
                "may_log_in": True,
                "connections_max": -1,
                "expired": False,
                "may_connect": True,
                "secret": "SCRAM-SHA-256$anna",
            },
            {"user": "nobody", "database": "shop", "secret": ""},
        ],
    }
    assert session.asked[0] == (SETTINGS.auth_query, [(b"anna",), (b"nobody",)])
    assert session.asked[1] == (RIGHTS, [(b'{"anna","nobody"}', b'{"shop","shop"}')])
    assert session.closed


def test_names_are_quoted(monkeypatch):
    session = Session(secrets=([],), rights=())
    Story(monkeypatch, session).play([['a"b\\c,{}', "NULL"]])
    assert session.asked[1][1] == [(b'{"a\\"b\\\\c,{}"}', b'{"NULL"}')]


def test_a_user_in_two_databases_has_one_secret(monkeypatch):
    session = Session()
    told = Story(monkeypatch, session).play([["anna", "shop"], ["anna", "other"]])
    assert session.asked[0][1] == [(b"anna",)]
    assert [role["secret"] for role in told["found"]] == ["SCRAM-SHA-256$anna"] * 2


def test_one_connection_serves_many_questions(monkeypatch):
    story = Story(monkeypatch, Session())
    story.play([["anna", "shop"]], [["anna", "shop"]])
    assert story.opened == [("asker", b"asker-secret", "shop")]
    assert len(story.sent) == 2


@pytest.mark.parametrize(
    ("changes", "login"),
    [
        ({"auth_user": "app"}, ("app", b"app-secret", "shop")),
        ({"auth_dbname": "roles"}, ("asker", b"asker-secret", "roles")),
        ({"auth_user": "stranger"}, ("stranger", b"", "shop")),
    ],
)
def test_who_asks_and_where(monkeypatch, changes, login):
    settings = module.Settings(**{**_values(SETTINGS), **changes})
    story = Story(monkeypatch, Session(), settings=settings)
    story.play([["anna", "shop"]])
    assert story.opened == [login]


def _values(settings):
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_a_lost_connection_is_opened_again(monkeypatch):
    lost = Session(failures=[SessionFailedError("gone")])
    story = Story(monkeypatch, lost, SessionFailedError("starting up"), Session())
    assert story.play([["anna", "shop"]])["failed"] == ""
    assert lost.closed
    assert story.warnings() == 0


def test_a_server_that_is_no_primary_any_more_is_left(monkeypatch):
    demoted = Session()
    story = Story(monkeypatch, demoted, Session())
    ask = demoted.ask

    async def ask_and_change(text, parameters):
        demoted.role = "a standby"
        return await ask(text, parameters)

    demoted.ask = ask_and_change
    assert story.play([["anna", "shop"]], [["anna", "shop"]])["failed"] == ""
    assert demoted.closed
    assert len(story.opened) == 2


def test_what_cannot_be_reached_is_told_with_why(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S_MAX", 0.05)
    story = Story(monkeypatch, *[SessionFailedError("no way in")] * 1000)
    told = story.play([["anna", "shop"]], [["anna", "shop"]])
    assert told == {"type": "roles", "id": "1", "found": [], "failed": "no way in"}
    assert story.warnings() == 1, "once for the same reason"


def test_a_server_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S_MAX", 0.01)
    story = Story(monkeypatch)

    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(module.ServerSession, "open", never)
    assert "no answer within" in story.play([["anna", "shop"]])["failed"]


def test_an_error_of_the_question_is_not_tried_again(monkeypatch):
    session = Session(failures=[QuestionRefusedError("permission denied")] * 2)
    story = Story(monkeypatch, session)
    told = story.play([["anna", "shop"]], [["anna", "shop"]], [["anna", "shop"]])
    assert story.sent[0] == {
        "type": "roles",
        "id": "1",
        "found": [],
        "failed": "permission denied",
    }
    assert told["found"]
    assert story.warnings() == 1


class Narrow(Session):
    """Its database cannot hold one character."""

    async def ask(self, text, parameters):
        self.asked.append((text, parameters))
        if any("Ж".encode() in value for values in parameters for value in values):
            raise QuestionRefusedError("no equivalent", sqlstate="22P05")
        if text != RIGHTS:
            return [[[name, b"SCRAM-SHA-256$x"]] for (name,) in parameters]
        users = parameters[0][0].decode()[2:-2].split('","')
        return [[[b"%d" % at, *RIGHT[1:]] for at, _ in enumerate(users, 1)]]


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("pair", [["Ж", "shop"], ["bert", "Ж"]])
def test_a_name_that_the_database_cannot_hold_fails_nobody_else(monkeypatch, at, pair):
    asked = [["anna", "shop"], ["carl", "shop"], ["dora", "shop"]]
    asked.insert(at, pair)
    session = Narrow()
    story = Story(monkeypatch, session)
    told = story.play(asked)
    assert told["failed"] == ""
    assert [[found["user"], found["database"]] for found in told["found"]] == asked
    assert ["oid" in found for found in told["found"]] == [each != pair for each in asked]
    secrets = ["" if user == "Ж" else "SCRAM-SHA-256$x" for user, _ in asked]
    assert [found["secret"] for found in told["found"]] == secrets
    assert len(session.asked) <= 10, "halves, not each"
    assert story.warnings() == 1
    assert "Ж" not in story.stream.getvalue()


@pytest.mark.parametrize("rows", [[ANNA, ANNA], [[b"anna"]], [[b"other", b"SCRAM-SHA-256$x"]]])
def test_an_answer_that_makes_no_sense_lets_nobody_in(monkeypatch, rows):
    story = Story(monkeypatch, Session(secrets=(rows,)))
    assert story.play([["anna", "shop"]])["found"][0]["secret"] == ""
    assert story.warnings() == 1
    assert "SCRAM" not in story.stream.getvalue()


@pytest.mark.parametrize("row", [[b"anna", None], [None, None]])
def test_no_password_is_none(monkeypatch, row):
    """A function with OUT parameters says by NULLs that there is no such role."""
    story = Story(monkeypatch, Session(secrets=([row],)))
    assert story.play([["anna", "shop"]])["found"][0]["secret"] == ""
    assert story.warnings() == 0


def test_another_login_is_another_connection(monkeypatch):
    async def run():
        first, second = Session(), Session()
        story = Story(monkeypatch, first, second)
        lookups = RoleLookups(Log(story.stream), story.send, Resolver())
        lookups.configure(SETTINGS)
        await lookups.answer({"id": "1", "roles": [["anna", "shop"]]})
        lookups.configure(SETTINGS)
        assert not first.closed
        changed = {**_values(SETTINGS), "users": (User("asker", password="new"),)}
        lookups.configure(Settings(**changed))
        assert first.closed
        await lookups.answer({"id": "1", "roles": [["anna", "shop"]]})
        assert story.opened[-1] == ("asker", b"new", "shop")
        lookups.close()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_an_idle_connection_is_closed(monkeypatch):
    monkeypatch.setattr(module, "IDLE_S", 0.001)

    async def run():
        session = Session()
        story = Story(monkeypatch, session)
        lookups = RoleLookups(Log(story.stream), story.send, Resolver())
        lookups.configure(SETTINGS)
        await lookups.answer({"id": "1", "roles": [["anna", "shop"]]})
        while not session.closed:
            await asyncio.sleep(0)
        lookups.close()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_name_without_address_and_tls_without_files_are_told(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S_MAX", 0.05)

    class Nowhere:
        async def resolve(self, host, port):
            return [], f"{host} is not known"

    async def run(resolver, **changes):
        story = Story(monkeypatch)
        lookups = RoleLookups(Log(story.stream), story.send, resolver)
        lookups.configure(Settings(**{**_values(SETTINGS), **changes}))
        await lookups.answer({"id": "1", "roles": [["anna", "shop"]]})
        return story.sent[-1]["failed"]

    assert "is not known" in asyncio.run(run(Nowhere()))
    broken = {"server_tls_sslmode": "verify-full", "server_tls_ca_file": "/nowhere"}
    assert "/nowhere" in asyncio.run(run(Resolver(), **broken))
