"""SCRAM keys that the supervisor computes."""

from typing import Any

from pglane.engine import key_making
from pglane.engine.key_making import KeyMaking
from pglane.wire import login_messages as m
from pglane.wire.client_messages import SASLInitialResponse, SASLResponse
from pglane.wire.key_recipe import ITERATIONS_INLINE_MAX, KeyRecipe
from pglane.wire.scram import MECHANISM, ScramKeys, ScramServer, Verifier
from tests.support.engine_rig import LOGIN_ANSWER, READY, STARTUP, Peer, Rig, message, query

OFFER = m.AuthenticationSASL((MECHANISM,)).encode()
VERIFIER = Verifier.of_password(b"secret", b"salt" * 4, ITERATIONS_INLINE_MAX + 1)
ANSWER = message(b"C", b"SELECT 1\0") + READY
RECIPE = KeyRecipe(b"secret", b"salt", 3)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """As the supervisor gives it."""
    salt, password = bytes.fromhex(asked["salt"]), bytes.fromhex(asked["password"])
    keys = ScramKeys.of_recipe(KeyRecipe(password, salt, asked["iterations"]))
    return {"type": "keys", "id": asked["id"], "keys": keys.told()}


class Asked(KeyMaking):
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.got: list[ScramKeys] = []
        KeyMaking.__init__(self, self.sent.append)


def test_all_who_want_the_same_wait_for_one_answer() -> None:
    making = Asked()
    for _ in range(3):
        making.make(RECIPE, making.got.append)
    (asked,) = making.sent
    assert not making.got
    making.heard(answer(asked))
    assert making.got == [ScramKeys.of_recipe(RECIPE)] * 3


def test_different_ones_are_not_mixed_up() -> None:
    making = Asked()
    other = KeyRecipe(b"secret", b"tlas", 3)
    making.make(RECIPE, making.got.append)
    making.make(other, making.got.append)
    for asked in reversed(making.sent):
        making.heard(answer(asked))
    assert making.got == [ScramKeys.of_recipe(other), ScramKeys.of_recipe(RECIPE)]


def test_what_is_known_is_told_at_once() -> None:
    making = Asked()
    making.make(RECIPE, lambda _: None)
    making.heard(answer(making.sent[0]))
    making.make(RECIPE, making.got.append)
    assert making.got == [ScramKeys.of_recipe(RECIPE)]
    assert len(making.sent) == 1


def test_an_answer_to_another_worker_is_none() -> None:
    making = Asked()
    making.make(RECIPE, making.got.append)
    making.heard({**answer(making.sent[0]), "id": "1.1"})
    assert not making.got


def test_no_more_are_kept_than_so_many(monkeypatch) -> None:
    monkeypatch.setattr(key_making, "KEPT_MAX", 1)
    making = Asked()
    for recipe in (RECIPE, KeyRecipe(b"secret", b"tlas", 3), RECIPE):
        making.make(recipe, making.got.append)
        making.heard(answer(making.sent[-1]))
    assert len(making.sent) == 3


def challenged(server: Peer) -> ScramServer:
    """A server that asks for more iterations than a worker computes by itself."""
    server.gets(STARTUP)
    server.send(OFFER)
    scram = ScramServer(VERIFIER, b"servernonce0123456789")
    first = SASLInitialResponse.decode(server.gets(MECHANISM)[5:]).data or b""
    server.send(m.AuthenticationSASLContinue(scram.first(first)).encode())
    return scram


def lets_in(server: Peer, scram: ScramServer) -> None:
    proof = SASLResponse.decode(server.gets(b",p=")[5:]).data
    server.send(m.AuthenticationSASLFinal(scram.final(proof)).encode() + LOGIN_ANSWER)


def served(client: Peer, server: Peer) -> None:
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(ANSWER)
    client.gets(READY)


def test_others_are_served_while_the_keys_of_a_login_are_computed(rigs) -> None:
    rig: Rig = rigs()
    other, others = rig.pair()
    other.send(query("BEGIN"))
    others.gets(b"BEGIN")
    others.send(message(b"C", b"BEGIN\0") + message(b"Z", b"T"))
    client = rig.client(search_path="elsewhere")
    server = rig.accept()
    scram = challenged(server)
    rig.until(lambda: rig.heard("keys"))
    other.send(query("COMMIT"))
    others.gets(b"COMMIT")
    others.send(message(b"C", b"COMMIT\0") + READY)
    other.gets(READY)
    assert not server.look()
    rig.say(**answer(rig.heard("keys")[0]))
    lets_in(server, scram)
    rig.until(lambda: rig.worker._server_keys.get("anna") is not None)
    assert client.socket.fileno() >= 0


def test_keys_that_came_too_late_are_there_for_the_next_login(rigs) -> None:
    rig: Rig = rigs(connect_ms_max=1000)
    client = rig.client()
    challenged(rig.accept())
    rig.until(lambda: rig.heard("keys"))
    rig.later(1.1)
    rig.say(**answer(rig.heard("keys")[0]))
    rig.turn(3)
    rig.later(5.0)
    server = rig.accept()
    scram = challenged(server)
    lets_in(server, scram)
    client.gets(READY)
    served(client, server)
    assert len(rig.heard("keys")) == 1
