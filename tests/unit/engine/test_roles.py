"""What a worker knows of roles: one question at a time, remembered, and followed."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from pglane.connection.role import KnownRole, Role
from pglane.engine import roles as module
from pglane.wire.client_messages import SASLInitialResponse, SASLResponse
from pglane.wire.md5 import Md5Hash, md5_stored
from pglane.wire.scram import MECHANISM, ScramClient, Verifier
from tests.support.engine_rig import READY, Rig, query, startup
from tests.unit.engine.test_database import DONE

SECRET = Verifier.of_password(b"pw", b"salt", 1).format().decode()


def role(user: str = "anna", **more: Any) -> dict[str, Any]:
    return asdict(Role(**{"user": user, "database": "app", "oid": "1", "secret": SECRET, **more}))


def nobody(user: str) -> dict[str, Any]:
    return asdict(Role(user, "app"))


class Asking:
    """A rig whose worker asks for roles, and the questions so far."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.found: list[KnownRole | None] = []
        self.answered = 0

    def find(self, user: str, database: str = "app") -> None:
        self.rig.worker.roles.find(user, database, self.found.append)

    def question(self) -> list[list[Any]]:
        """The roles of the next question."""
        self.rig.until(lambda: len(self.rig.heard("roles")) > self.answered, "a question")
        self.told = self.rig.heard("roles")[self.answered]
        self.answered += 1
        return self.told["roles"]

    def answer(self, *found: dict[str, Any]) -> None:
        self.rig.say(type="roles", id=self.told["id"], found=found, failed="")
        self.rig.turn(3)

    def is_silent(self) -> bool:
        self.rig.turn(3)
        return len(self.rig.heard("roles")) == self.answered


@pytest.fixture
def asking(rigs) -> Asking:
    return Asking(rigs(auth_user="asker", auth_cache_ms_max=1000))


def test_all_that_want_the_same_role_wait_for_one_answer(asking: Asking) -> None:
    asking.find("anna")
    asking.find("anna")
    assert asking.question() == [["anna", "app"]]
    assert asking.found == []
    asking.answer(role())
    first, second = asking.found
    assert first is second
    assert first is not None
    assert first.role == Role(**role())
    assert asking.is_silent()


def test_an_answer_counts_for_a_while(asking: Asking) -> None:
    asking.find("anna")
    asking.question()
    asking.answer(role())
    asking.find("anna")
    assert len(asking.found) == 2
    asking.rig.later(1.1)
    asking.find("anna")
    assert len(asking.found) == 2
    assert asking.question() == [["anna", "app"]]


def test_names_that_nobody_has_are_remembered_too(asking: Asking) -> None:
    asking.find("nobody")
    asking.question()
    asking.answer(nobody("nobody"))
    asking.find("nobody")
    assert [known and known.role.oid for known in asking.found] == ["", ""]
    assert asking.is_silent()


def test_what_comes_while_a_question_is_under_way_is_the_next(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKED_MAX", 2)
    asking.find("a")
    assert asking.question() == [["a", "app"]]
    for name in "bcd":
        asking.find(name)
    assert asking.is_silent()
    asking.answer(nobody("a"))
    assert [each[0] for each in asking.question()] == ["b", "c"]
    asking.answer(nobody("b"), nobody("c"))
    assert [each[0] for each in asking.question()] == ["d"]


def test_too_many_that_wait_are_told_so(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 1)
    for name in "abc":
        asking.find(name)
    assert asking.found == [None]


def test_without_an_answer_they_are_told_so(asking: Asking) -> None:
    asking.find("anna")
    asking.question()
    asking.answer()
    assert asking.found == [None]


def test_an_answer_to_another_worker_is_none(asking: Asking) -> None:
    asking.find("anna")
    asking.question()
    asking.rig.say(type="roles", id="1.1", found=[role()], failed="")
    asking.rig.turn(3)
    assert asking.found == []
    asking.answer(role())
    assert len(asking.found) == 1


@pytest.mark.parametrize("name", ["x" * 64, "\udce9", ""])
def test_names_that_cannot_be_are_not_asked_for(asking: Asking, name: str) -> None:
    asking.find(name)
    (known,) = asking.found
    assert known is not None
    assert known.role == Role(name, "app")
    assert asking.is_silent()


def test_a_flood_of_names_drives_out_names_of_its_kind(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNKNOWN_MAX", 2)
    asking.find("anna")
    asking.question()
    asking.answer(role())
    for name in "abc":
        asking.find(name)
        asking.question()
        asking.answer(nobody(name))
    table = asking.rig.worker.roles
    assert list(table._unknown) == [("b", "app"), ("c", "app")]
    assert list(table._known) == [("anna", "app")]


def test_what_is_not_used_is_forgotten(asking: Asking) -> None:
    asking.find("anna")
    asking.question()
    asking.answer(role())
    worker: Any = asking.rig.worker
    worker._client_keys["anna"] = object()
    asking.rig.later(0.9)
    assert worker.roles._known
    asking.rig.later(0.3)
    assert worker.roles._known == {}
    assert worker._client_keys == {}
    assert asking.found[0] is not None
    assert not asking.found[0].fresh
    assert asking.is_silent()


def test_a_password_that_does_not_fit_lets_an_answer_be_doubted(asking: Asking) -> None:
    asking.rig.say(
        type="reload", settings=asdict(replace(asking.rig.settings, auth_cache_ms_max=30_000))
    )
    asking.find("anna")
    asking.question()
    asking.answer(role())
    (known,) = asking.found
    assert known is not None
    asking.rig.worker.roles.doubt(known)
    assert known.fresh, "it is too young"
    asking.rig.later(1.1)
    asking.rig.worker.roles.doubt(known)
    assert not known.fresh
    asking.find("anna")
    assert asking.question() == [["anna", "app"]]
    asking.answer(role(secret="new"))
    assert known.fresh
    assert known.role.secret == "new"


def entered(asking: Asking, **more: Any) -> KnownRole:
    asking.find("anna")
    asking.question()
    asking.answer(role(**more))
    known = asking.found[0]
    assert known is not None
    asking.rig.worker.roles.entered(known)
    return known


def test_what_has_clients_is_asked_for_again(asking: Asking) -> None:
    known = entered(asking)
    asking.rig.later(0.4)
    assert asking.is_silent()
    asking.rig.later(0.3)
    assert asking.question() == [["anna", "app"]]
    asking.rig.later(0.6)
    assert not known.fresh
    assert asking.is_silent(), "not while it is asked for"
    asking.answer(role())
    asking.rig.later(0.3)
    assert known.fresh
    asking.rig.worker.roles.left(known)
    asking.rig.later(1.1)
    assert asking.rig.worker.roles._known == {}


def test_one_that_was_forgotten_while_its_client_logged_in_is_asked_for(asking: Asking) -> None:
    asking.find("anna")
    asking.question()
    asking.answer(role())
    asking.rig.later(1.2)
    (known,) = asking.found
    assert known is not None
    asking.rig.worker.roles.entered(known)
    asking.rig.later(0.3)
    assert asking.question() == [["anna", "app"]]


def test_who_came_in_by_what_is_not_true_any_more_is_refused(asking: Asking) -> None:
    known = entered(asking)
    seen = known.role
    table = asking.rig.worker.roles
    assert table.objection(known, seen) is None
    known.learn(replace(seen, connections_max=1), 1.0)
    assert "too many" in str(table.objection(known, seen))
    known.learn(replace(seen, secret="another"), 1.0)
    assert "another password" in str(table.objection(known, seen))


def test_md5_hashes_are_kept_as_long_as_their_roles(asking: Asking) -> None:
    stored = md5_stored(b"anna", b"pw").decode()
    known = entered(asking, secret=stored)
    worker = asking.rig.worker
    assert worker.roles.hashes == {"anna": Md5Hash.parse(stored.encode())}
    worker.roles.left(known)
    asking.rig.later(1.2)
    assert worker.roles.hashes == {}


def test_nothing_is_asked_without_a_user_to_ask(rigs) -> None:
    rig = rigs(auth_user="asker", auth_cache_ms_max=1000)
    rig.say(type="reload", settings=asdict(replace(rig.settings, auth_user="")))
    rig.until(lambda: not rig.worker.roles.active)
    assert rig.worker.roles._timer is None
    rig.client()
    rig.accept_login()
    rig.later(2.0)
    assert rig.heard("roles") == []


def test_a_role_with_server_connections_is_followed(asking: Asking) -> None:
    """Its clients came in by trust, and are not asked for; it may be locked all the same."""
    rig = asking.rig
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    asking.find("anna")
    asking.question()
    asking.answer(role())
    rig.later(0.6)
    asking.question()
    asking.answer(role(may_log_in=False))
    assert b"is not permitted to log in any more" in client.ends()
    server.gets(b"X\x00\x00\x00\x04")
    (line,) = [each for each in rig.logged("refused") if each["fields"]["code"] == "PGL0234"]
    assert line["level"] == "info"


def login(rig: Rig, user: str = "stranger") -> Any:
    peer = rig.connect()
    peer.send(startup(user=user, database="app"))
    rig.turn(3)
    return peer


def test_a_client_whose_role_cannot_be_asked_for_is_refused(rigs) -> None:
    rig = rigs(auth="scram", auth_user="asker")
    asking = Asking(rig)
    peer, gone = login(rig), login(rig, "another")
    gone.socket.close()
    rig.until(lambda: rig.worker.login_count() == 1)
    asking.question()
    asking.answer()
    rig.turn(3)
    if not peer.look():
        asking.question()
        asking.answer()
    assert b"PGL0233" in peer.ends()


def test_who_asks_for_a_lane_that_is_not_there_is_no_client_of_its_role(rigs) -> None:
    """It would be counted for ever, and the role's connection limit be used up by nobody."""
    rig = rigs(auth="scram", auth_user="asker")
    asking = Asking(rig)
    asking.find("anna")
    asking.question()
    asking.answer(role(connections_max=1))
    (known,) = asking.found
    assert known is not None
    for _ in range(2):
        shown_password(rig, lane="nowhere").gets(b"PGL0240")
        assert known.clients == 0
    shown_password(rig).gets(b"v=")
    assert known.clients == 1


def shown_password(rig: Rig, lane: str = "") -> Any:
    """A client that has shown to know the password of `SECRET`."""
    peer = rig.connect()
    wish = {"pglane.lane": lane} if lane else {}
    peer.send(startup(user="anna", database="app", **wish))
    peer.gets(MECHANISM)
    client = ScramClient(b"pw", b"nonce")
    peer.send(SASLInitialResponse(MECHANISM, client.first()).encode())
    peer.send(SASLResponse(client.final(peer.gets(b",i=1")[9:])).encode())
    return peer
