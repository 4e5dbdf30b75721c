"""The same steps on private connections and through a door, compared answer by answer.

Two databases of one server, made alike: in one, clients have private connections (the truth), in
the other they come through the door. A step goes through the door first. If it is refused there,
with a code of ours, the truth is told nothing (or, inside a transaction, something that fails), so
that both sides stay in the same state. So too where the door has no last value of a sequence.

Every answer is compared whole but for texts of errors: kinds of messages, columns, rows, tags,
SQLSTATEs, transaction status, and the reported settings after it. At the end of a sequence also
what a client would find out by asking: settings, prepared names, its notifications.
"""

import re
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support import protocol
from tests.support.protocol import Message
from tests.support.scripted_client import ConnectionEndedError, ScriptedClient
from tests.support.target import Target

REFUSAL = re.compile(r"PGL04\d\d")
"""The refusals of what a door cannot carry; any other code of ours is a difference."""
LISTED = re.compile(r"(?:currval|lastval)(?=.* is not yet defined in this session)")
"""PostgreSQL's own words for a difference that is listed: a client's last value of a sequence is
there in the transaction that drew it, and not in a later one."""
LAST_VALUES = re.compile(rb"currval\('public\.sq'\)|lastval\(\)")
Startups = Sequence[Mapping[str, str]]
FAILS = "SELECT 1/0"
OWN_OID = 16384
"""From here on numbers of types are given as they are made: other ones in each database."""
SETTINGS = (
    "search_path", "statement_timeout", "lock_timeout", "work_mem", "TimeZone", "DateStyle",
    "IntervalStyle", "bytea_output", "extra_float_digits", "row_security", "enable_seqscan",
    "standard_conforming_strings", "client_encoding", "application_name", "plan_cache_mode",
    "default_transaction_isolation", "default_transaction_read_only", "role",
    "session_authorization", "client_min_messages",
)  # fmt: skip
FINAL_LOOKS = (
    "SELECT " + ", ".join(f"current_setting('{name}')" for name in SETTINGS),
    "SELECT coalesce(current_setting('app.tenant', true), ''), current_user, session_user",
    (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    ),
)


@dataclass(frozen=True)
class Step:
    """One request that is answered by one ReadyForQuery.

    Attributes:
        parts: for the extended protocol, what is executed one by one before the Sync.
    """

    told: str
    octets: bytes
    parts: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return self.told


@dataclass(frozen=True)
class Seen:
    """What a client can see of an answer."""

    messages: tuple[object, ...]
    status: str
    parameters: dict[str, str]


class Client:
    """One connection, what it was told about others, and the answers it got.

    Attributes:
        heard: notifications in order: who sent it, channel, payload.
    """

    def __init__(self, target: Target, **startup: str) -> None:
        self.line = ScriptedClient.login(target, **startup)
        self.heard: list[tuple[int, str, str]] = []
        self.refused = ""

    def ask(self, octets: bytes) -> Seen:
        self.line.send(octets)
        self.refused = ""
        told = [self._note(one) for one in self.line.read_until() if self._is_answer(one)]
        parameters = {k: v for k, v in self.line.parameters.items() if k != "in_hot_standby"}
        return Seen(tuple(told), self.line.status, parameters)

    def query(self, text: str) -> Seen:
        return self.ask(protocol.query(text))

    def _is_answer(self, one: Message) -> bool:
        """Notices are not compared; notifications are, at the end."""
        if one.kind == "A":
            self.note_notification(one)
        return one.kind not in "AN"

    def note_notification(self, one: Message) -> None:
        channel, payload, _ = one.body[4:].split(b"\0")
        pid = int.from_bytes(one.body[:4], "big")
        self.heard.append((pid, channel.decode(), payload.decode()))

    def _note(self, one: Message) -> object:
        if one.kind == "E":
            found = REFUSAL.search(one.fields.get("D", "")) or LISTED.search(one.fields["M"])
            self.refused = self.refused or (found[0] if found else "")
            return ("E", one.sqlstate)
        if one.kind == "T":
            return ("T", tuple((name, min(oid, OWN_OID), kind) for name, oid, kind in one.columns))
        if one.kind == "t":
            oids = struct.iter_unpack("!I", one.body[2:])
            return ("t", tuple(min(oid, OWN_OID) for (oid,) in oids))
        return (one.kind, one.body)


@dataclass
class Tally:
    """What was compared so far."""

    sequences: int = 0
    steps: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Difference(AssertionError):
    """The door behaved otherwise than a private connection, and did not say so."""


class Worlds:
    """Clients on both sides.

    Args:
        truth: where clients have private connections.
        door: where they come through the door, to a database made alike.
        startups: parameters of the startup packet of each client.
        clean: a text that makes the tables as they were, for each side.
    """

    def __init__(self, truth: Target, door: Target, startups: Startups, clean: str) -> None:
        self._targets = (truth, door)
        self._clean = clean
        self.tally = Tally()
        self._startups = startups
        self._pairs = [self._pair(startup) for startup in startups]
        self._judges = self._pair({})
        self._clean_both()

    def _pair(self, startup: Mapping[str, str]) -> tuple[Client, Client]:
        truth, door = self._targets
        return Client(truth, **startup), Client(door, **startup)

    def close(self) -> None:
        for truth, door in [*self._pairs, self._judges]:
            truth.line.close()
            door.line.close()

    def run(self, steps: Sequence[tuple[int, Step]]) -> None:
        """One sequence: (client, step) in order.

        Raises:
            Difference: with everything that led to it.
        """
        self.tally.sequences += 1
        try:
            done: list[str] = []
            for number, step in steps:
                done.append(f"{number}: {step.told}")
                self._compare(self._pairs[number], step, done)
            self._finish(done)
        except (Difference, ConnectionEndedError, TimeoutError) as error:
            self._renew()
            if isinstance(error, Difference):
                raise
            raise Difference(f"{error!r} after\n  " + "\n  ".join(done)) from error
        self._reset()

    def _compare(self, pair: tuple[Client, Client], step: Step, done: list[str]) -> None:
        truth, door = pair
        self.tally.steps += 1
        inside = door.line.status != "I"
        got = door.ask(step.octets)
        if door.refused:
            self.tally.refused[door.refused] += 1
            if step.parts:
                truth.ask(_failing(step, got))
            elif not REFUSAL.match(door.refused):
                truth.ask(_without_last_values(step))
            elif inside:
                truth.query(FAILS)
            if truth.line.status != door.line.status:
                raise Difference(
                    f"refused ({door.refused}), status {door.line.status}, "
                    f"not {truth.line.status}, after\n  " + "\n  ".join(done)
                )
            return
        expected = truth.ask(step.octets)
        if got != expected:
            raise Difference(
                f"{step.told}:\n{_unlike(expected, got)}\nafter\n  " + "\n  ".join(done)
            )

    def _finish(self, done: list[str]) -> None:
        for number, pair in enumerate(self._pairs):
            done.append(f"{number}: end")
            for text in ("ROLLBACK", *FINAL_LOOKS):
                self._compare(pair, Step(text, protocol.query(text)), done)
        self._compare_notifications(done)

    def _compare_notifications(self, done: list[str]) -> None:
        """A last one on both channels shows that all before it have come."""
        for judge in self._judges:
            judge.query("NOTIFY a, 'last'; NOTIFY b, 'last'")
        names = [
            {pair[side].line.backend_pid: n for n, pair in enumerate(self._pairs)}
            for side in (0, 1)
        ]
        for number, (truth, door) in enumerate(self._pairs):
            truth.query("SELECT 1")
            while len(door.heard) < len(truth.heard):
                one = door.line.read_message()
                if one.kind == "A":
                    door.note_notification(one)
            door.query("SELECT 1")
            heard = [
                [(names[side].get(pid), channel, payload) for pid, channel, payload in one.heard]
                for side, one in enumerate((truth, door))
            ]
            if heard[0] != heard[1]:
                raise Difference(
                    f"client {number} heard {heard[1]}, not {heard[0]}, after\n  "
                    + "\n  ".join(done)
                )

    def _reset(self) -> None:
        for pair in self._pairs:
            for one in pair:
                one.query("DISCARD ALL")
                one.heard.clear()
        self._clean_both()

    def _clean_both(self) -> None:
        for judge in self._judges:
            seen = judge.query(self._clean)
            assert not any(one[0] == "E" for one in seen.messages), seen  # type: ignore[index]

    def _renew(self) -> None:
        """Nobody knows what state they are in."""
        for truth, door in self._pairs:
            truth.line.close()
            door.line.close()
        self._pairs = [self._pair(startup) for startup in self._startups]
        self._clean_both()


def _failing(step: Step, got: Seen) -> bytes:
    """The same unit, but what was refused fails: as far as it was executed, it was."""
    executed = sum(isinstance(one, tuple) and one[0] in "CIs" for one in got.messages)
    fails = protocol.parse(FAILS) + protocol.bind() + protocol.execute()
    return b"".join(step.parts[:executed]) + fails + protocol.sync()


def _without_last_values(step: Step) -> bytes:
    """The same text, which fails where it asks for the last value of a sequence."""
    return LAST_VALUES.sub(lambda found: b"1/0".ljust(len(found[0])), step.octets)


def _unlike(expected: Seen, got: Seen) -> str:
    lines = [f"  private: {expected.messages} {expected.status}"]
    lines += [f"  door:    {got.messages} {got.status}"]
    for name in sorted(expected.parameters.keys() | got.parameters.keys()):
        one, other = expected.parameters.get(name), got.parameters.get(name)
        if one != other:
            lines.append(f"  {name}: private {one!r}, door {other!r}")
    return "\n".join(lines)
