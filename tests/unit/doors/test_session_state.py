"""What a client of the transaction door may leave behind: nothing, or as many as may be pinned."""

from functools import reduce
from operator import or_

import pytest

from pglane.doors.session_state import (
    IMMOVABLE,
    KINDS,
    LASTING,
    PIN,
    REFUSE,
    SEQUENCE_READ,
    SEQUENCE_TOLD,
    ClientSessionState,
    SessionStatePolicy,
    client_session_state,
)
from pglane.errors import Refusal
from pglane.errors.stateful import PinnedMaxReached, SequenceOfOthers, SequenceReadRefused
from pglane.wire.server_messages import error_fields
from pglane.wire.statements import Effect

TEMP = int(Effect.TEMP)
PEER = b"\x02\x00somewhere"


class Door:
    """A policy and what its clients reported."""

    def __init__(self, session_state: str, pinned_max: int = 2, budget: int = 20) -> None:
        self.reported: list[Refusal] = []
        self.policy = SessionStatePolicy(lambda: "db.example:6544", self.report)
        self.policy.apply(session_state, pinned_max, budget)

    def report(self, peer: object, user: str, refusal: Refusal) -> None:
        assert (peer, user) == (PEER, "anna")
        self.reported.append(refusal)

    def client(self) -> ClientSessionState:
        return ClientSessionState(self.policy, PEER, "anna")


def ask(
    client: ClientSessionState,
    effects: int,
    text: bytes = b"X",
    *,
    drew: bool = False,
    strangers_drew: bool = False,
) -> str:
    """The SQLSTATE of the refusal; "" if the text may run."""
    answer = client.refusal(effects, text, drew=drew, strangers_drew=strangers_drew)
    return error_fields(answer[5:])["C"].decode() if answer else ""


@pytest.mark.parametrize(("effect", "kind"), [(each, kind) for each, kind, _ in KINDS])
def test_each_kind_has_its_own_refusal(effect: Effect, kind: type[Refusal]) -> None:
    door = Door(REFUSE)
    client = door.client()
    assert int(effect) & client.asked()
    effects = int(effect | Effect.SETTING)
    answer = client.refusal(effects, b"SELECT 1", drew=False, strangers_drew=False)
    assert client.standing_refusal(int(effect), b"SELECT 1")
    fields = error_fields(answer[5:])
    assert fields["C"] == b"55000"
    assert kind.code.encode() in fields["D"]
    assert b"db.example:6544" in fields["H"]
    assert [type(each) for each in door.reported] == [kind, kind]
    assert door.policy.refused == 2
    assert client.pinned_by == 0


def test_where_no_session_door_is_open_the_hint_says_so() -> None:
    told: list[object] = []
    policy = SessionStatePolicy(lambda: "", lambda *refused: told.append(refused))
    client = ClientSessionState(policy, PEER, "anna")
    assert b"not open here" in client.standing_refusal(TEMP, b"CREATE TEMP TABLE a ()")
    assert len(told) == 1


def test_what_can_be_moved_is_not_asked_about() -> None:
    client = Door(REFUSE).client()
    movable = reduce(or_, map(int, Effect)) & ~client.asked()
    assert movable & int(Effect.SETTING | Effect.ROLE | Effect.OPAQUE | Effect.SEQUENCE)
    assert ask(client, movable) == ""
    assert client.standing_refusal(movable, b"X") == b""


@pytest.mark.parametrize("session_state", [REFUSE, PIN])
def test_the_value_of_a_sequence_is_known_only_where_it_was_drawn(session_state: str) -> None:
    door = Door(session_state)
    client = door.client()
    assert client.is_timely(SEQUENCE_READ)
    assert not client.is_timely(IMMOVABLE)
    assert client.standing_refusal(SEQUENCE_READ, b"SELECT lastval()") == b""
    assert ask(client, SEQUENCE_READ, b"SELECT lastval()") == "55000"
    assert isinstance(door.reported[-1], SequenceReadRefused)
    assert "lastval" in door.reported[-1].detail_text
    assert ask(client, SEQUENCE_READ, drew=True) == ""
    assert not door.policy.asked


@pytest.mark.parametrize("session_state", [REFUSE, PIN])
def test_what_others_drew_is_not_shown(session_state: str) -> None:
    door = Door(session_state)
    told = SEQUENCE_READ | SEQUENCE_TOLD
    text = b"SELECT lastval()"
    assert ask(door.client(), told, text, drew=True) == ""
    assert door.policy.asked
    assert ask(door.client(), told, text, drew=True, strangers_drew=True) == "55000"
    assert isinstance(door.reported[-1], SequenceOfOthers)
    assert "lastval" in door.reported[-1].detail_text


def test_to_prepare_it_is_to_ask() -> None:
    door = Door(REFUSE)
    assert door.client().standing_refusal(SEQUENCE_TOLD, b"SELECT lastval()") == b""
    assert door.policy.asked


def test_as_many_are_pinned_as_may() -> None:
    door = Door(PIN, pinned_max=2)
    one, other, third = door.client(), door.client(), door.client()
    assert one.standing_refusal(TEMP, b"X") == b""
    assert ask(one, TEMP) == ask(one, TEMP) == ask(one, int(Effect.HOLD)) == ""
    assert one.reasons() == "temporary table, cursor WITH HOLD"
    assert door.policy.pinned == 1
    assert ask(other, TEMP | int(Effect.SETTING)) == ""
    assert ask(third, TEMP, b"CREATE TEMP TABLE a ()") == "53400"
    assert isinstance(door.reported[-1], PinnedMaxReached)
    assert "2 clients are pinned, 2 may be" in door.reported[-1].detail_text
    one.release()
    one.release()
    assert door.policy.pinned == 1
    assert one.reasons() == ""
    assert ask(third, TEMP) == ""


@pytest.mark.parametrize(
    ("pinned_max", "budget", "limit"), [(5, 20, 5), (5, 4, 3), (5, 1, 1), (0, 4, 0)]
)
def test_a_server_connection_is_left_for_the_others(
    pinned_max: int, budget: int, limit: int
) -> None:
    assert Door(PIN, pinned_max, budget).policy.limit == limit


def test_who_is_pinned_stays_so_when_the_policy_changes() -> None:
    door = Door(PIN)
    client = door.client()
    assert ask(client, TEMP) == ""
    door.policy.apply(REFUSE, 2, 20)
    assert ask(client, TEMP) == ""
    assert client.standing_refusal(TEMP, b"X") == b""
    assert ask(door.client(), TEMP) == "55000"


def test_what_no_text_showed_pins_over_the_limit() -> None:
    door = Door(REFUSE, pinned_max=0)
    client = door.client()
    client.has(int(Effect.SETTING))
    assert door.policy.pinned == 0
    client.has(TEMP | int(Effect.SETTING))
    client.has(int(Effect.ADVISORY))
    assert client.reasons() == "advisory lock, temporary table"
    assert door.policy.pinned == 1
    assert ask(client, TEMP) == ""
    client.release()
    assert door.policy.pinned == 0


@pytest.mark.parametrize("effect", [each for each, _, _ in KINDS])
def test_what_cannot_be_cleaned_is_known(effect: Effect) -> None:
    client = Door(PIN).client()
    assert ask(client, int(effect)) == ""
    assert client.outlasts_cleaning() == bool(int(effect) & LASTING)


def test_who_wants_to_know_of_sequences_is_told_once() -> None:
    told: list[str] = []
    policy = SessionStatePolicy(lambda: "", lambda *_: None, lambda: told.append("asked"))
    for _ in range(2):
        policy.is_asked()
    assert policy.asked
    assert told == ["asked"]


def test_one_that_no_class_was_called_for_is_the_same() -> None:
    door = Door(PIN)
    client = client_session_state(door.policy, PEER, "anna")
    assert client.refusal(TEMP, b"", drew=False, strangers_drew=False) == b""
    assert (client.pinned_by, door.policy.pinned) == (TEMP, 1)
    client.release()
    assert door.policy.pinned == 0
