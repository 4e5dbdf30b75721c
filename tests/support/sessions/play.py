"""One play: who does what is drawn from a seed, and after each step all must be as it must be.

Each play has habits of its own, drawn first: what some do often others never do. Searches of this
kind find more so than with one mixture for all ("swarm testing"), for what hides a fault is often
that something else happens too.

In the end everybody finishes what it has begun and goes, the server answers all, and nothing may
be left of anybody. One thread, one clock that is told, Unix sockets: a seed gives the same play
wherever it runs.
"""

import random
import socket
from collections import Counter, deque
from dataclasses import asdict, replace

from pglane.wire import unseen
from pglane.wire.mentions import Names
from tests.support.engine_rig import CANCEL, Peer, Rig
from tests.support.sessions import worker_books
from tests.support.sessions.client import RandomClient
from tests.support.sessions.habits import (
    LANES,
    LIMITS,
    habits_of,
    manners_of,
    rates_of,
    settings_of,
    sharing_of,
)
from tests.support.sessions.owed import REFUSED
from tests.support.sessions.server import Server
from tests.support.sessions.session import FAULT, Violation

STEPS = 120
CLIENTS_MAX = 6
TRACE_MAX = 60
QUIET_ROUNDS_MAX = 150
"""In which the server took nothing and no client got anything."""
SETTLING_ROUNDS_MAX = 5000
UNDOUBTED = Names((), (), (b"set_config", b"rpad")).with_runs(())


class FoundSomething(AssertionError):
    """A play went wrong: its seed, what was wrong, and what happened last."""


def play(seed: int, steps: int = STEPS, *, shared: bool = True) -> Counter[str]:
    """Plays once; what it did, counted. `shared`: reads may follow others' in some plays.

    Raises:
        FoundSomething: with a trace.
    """
    before, unseen.UNREAD = unseen.UNREAD, UNDOUBTED
    stage = Stage(seed, random.Random(-1 - seed) if shared else None)
    try:
        stage.run(steps)
    except AssertionError as wrong:
        happened = "\n  ".join(stage.trace())
        raise FoundSomething(f"seed {seed}: {wrong}\n  {happened}") from wrong
    finally:
        unseen.UNREAD = before
        stage.close()
    return stage.counts


class Stage:
    """One worker, its clients and its server.

    Attributes:
        counts: what happened.
    """

    def __init__(self, seed: int, sharing: random.Random | None) -> None:
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._trace: deque[tuple[str, object]] = deque(maxlen=TRACE_MAX)
        self._said: set[bytes] = set()
        self._habits = habits_of(self.chance)
        self._manners = manners_of(self.chance)
        self._rates = rates_of(self.chance)
        settings = settings_of(self.chance)
        self._limited = any(settings[name] for name in LIMITS)
        self._sharing = sharing_of(sharing)
        self._sharing.crowds(self._habits, self._manners, self._rates, settings)
        self.rig = Rig(**settings)
        self.rig.worker.random = self.chance.random
        self.server = Server(
            self.rig.server,
            self.chance,
            self._manners,
            self._said.__contains__,
            self._note,
            self._notified,
        )
        self.clients: list[RandomClient] = []
        self._cancels: list[tuple[Peer, RandomClient]] = []
        self._keys: set[bytes] = set()
        self._came = 0
        self._clients_max = self.chance.randrange(2, CLIENTS_MAX + 1) + self._sharing.more

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._step()
            self._turn()
        self._settle()
        for database in self.rig.worker.databases.values():
            self.counts["reads that followed"] += database.traffic.pipelined
            self.counts["reads that fell back"] += database.traffic.fell_back
        self._empty()

    def trace(self) -> list[str]:
        """What happened last, for people."""
        return [
            f"the settings: {self._habits}",
            f"{self._manners}",
            f"{self._rates}",
            *(f"{who}: {_short(what)}" for who, what in self._trace),
        ]

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.close()
        self.rig.close()

    def _notified(self, channel: bytes, payload: bytes) -> None:
        for client in self.clients:
            client.owed.notified(channel, payload)

    def _note(self, who: str, what: object) -> None:
        self._trace.append((who, what))

    # Steps ---------------------------------------------------------------------------------

    def _step(self) -> None:
        chance = self.chance
        if len(self.clients) < self._clients_max and chance.random() < 0.3:
            self._come()
        for client in self.clients:
            if chance.random() < 0.4:
                self._act(client)
            if chance.random() < 0.7:
                self._read(client)
        self._forget_those_who_left()
        self.server.step()
        drawn = chance.random()
        for rate, act in (
            (self._rates["cancel"], self._cancel),
            (self._rates["time"], self._pass_time),
            (self._rates["reload"], self._reload),
        ):
            if drawn < rate:
                act()
            drawn -= rate

    def _turn(self) -> None:
        for database in self.rig.worker.databases.values():
            self._sharing.of(database)
        self.rig.turn()
        self.rig.listen()
        self._look_at_cancels()
        worker_books.check(self.rig.worker)

    def _come(self) -> None:
        self._came += 1
        client = RandomClient(self._came, self._connect, self.chance, self._habits, self._said)
        self.counts[f"{'tame' if client.tame else 'wild'} clients at the {client.door} door"] += 1
        self._note(f"client {client.number}", f"comes, {client.door}")
        self.clients.append(client)

    def _connect(self, door: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.rig.folder / door))
        return sock

    def _act(self, client: RandomClient) -> None:
        if done := client.act():
            self._note(f"client {client.number}", done)
            self.counts["packets"] += 1

    def _read(self, client: RandomClient) -> bool:
        """Whether anything came."""
        if client.over:
            return False
        came = client.read()
        if came:
            self._note(f"client {client.number} gets", came)
            client.look()
        if client.over:
            self._look_at_end(client)
        return bool(came)

    def _look_at_end(self, client: RandomClient) -> None:
        """Where nothing happened that could end a connection, none ends."""
        self._note(f"client {client.number}", "is ended")
        fatal = client.owed.fatal
        refused = (REFUSED.search(fatal) and not client.welcome) or b"C" + FAULT in fatal
        may_end = client.ending or not client.tame or self.server.losses or self._limited
        if not may_end and not refused:
            raise Violation(f"client {client.number} is ended: {client.owed.fatal!r}")

    def _forget_those_who_left(self) -> None:
        self._keys.update(client.key for client in self.clients if client.key)
        self.clients = [client for client in self.clients if not client.over]

    def _cancel(self) -> None:
        """A cancel request for one of the clients; some guess its key."""
        known = [client for client in self.clients if client.key]
        if not known:
            return
        client = self.chance.choice(known)
        key = client.key if self.chance.random() < 0.95 else bytes(8)
        body = CANCEL + key
        canceler = self.rig.connect()
        canceler.send((len(body) + 4).to_bytes(4, "big") + body)
        self.counts["cancels"] += 1
        self._note(f"cancel for client {client.number}", "")
        client.owed.cancels_until = -1
        self._cancels.append((canceler, client))

    def _look_at_cancels(self) -> None:
        """Whose cancel is over cannot be hit any more in what it sends from now on."""
        for canceler, client in list(self._cancels):
            canceler.look()
            if canceler.ended:
                canceler.socket.close()
                self.rig.peers.remove(canceler)
                self._cancels.remove((canceler, client))
                self._note(f"cancel for client {client.number}", "is over")
                if client not in [other for _, other in self._cancels]:
                    client.owed.cancels_until = client.written

    def _pass_time(self) -> None:
        seconds = self._sharing.passes(self.chance)
        self._note("time", seconds)
        self.rig.later(seconds)

    def _reload(self) -> None:
        changed = replace(
            self.rig.settings,
            budget=self.chance.choice((1, 2, 3)),
            lanes=self.chance.choice(((), LANES)),
        )
        self._note("reload", changed.budget)
        self.rig.say(type="reload", settings=asdict(changed))

    # The end -------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Everybody who keeps to the protocol gets what it is owed, then goes."""
        for client in self.clients:
            if client.ending or not client.tame:
                client.close()
        round_number = quiet = 0
        while quiet < QUIET_ROUNDS_MAX and round_number < SETTLING_ROUNDS_MAX:
            self._forget_those_who_left()
            if not self.clients:
                return
            round_number += 1
            quiet += 1
            taken = self.server.taken
            for client in list(self.clients):
                client.finish()
                client.send()
                if self._read(client):
                    quiet = 0
                heard = not client.owed.due or self.server.losses
                if heard and not client.over and client.is_settled():
                    self._go(client)
            self.server.step()
            if self.server.taken != taken:
                quiet = 0
            self._turn()
            if round_number % 10 == 9:
                self.rig.later(0.3)
        waiting = {
            client.number: [*client.owed.asked][:3] or client.owed.due or client.welcome
            for client in self.clients
        }
        raise Violation(f"clients wait for ever: {waiting}")

    def _go(self, client: RandomClient) -> None:
        if self.chance.random() < 0.5:
            client.leave()
            client.send()
        client.close()

    def _empty(self) -> None:
        """Nothing is left of anybody."""
        for _ in range(40):
            self.server.step(all_of_them=True)
            self._turn()
        for _ in range(20):
            self.server.step(all_of_them=True)
            self.rig.later(0.5)
            self._turn()
        for _ in range(20):
            self.server.step(all_of_them=True)
            self._turn()
        worker_books.check_empty(self.rig.worker)
        known = self.rig.worker.cancel_keys.knows
        if left := [key for key in self._keys if known(int.from_bytes(key[:4], "big"))]:
            raise Violation(f"cancel keys are left of clients that are gone: {left}")


def _short(what: object) -> str:
    told = repr(what) if isinstance(what, bytes) else str(what)
    return told if len(told) < 200 else told[:180] + f"... ({len(told)})"
