"""What is usual in one play: drawn first, for plays are to differ in more than their order."""

import random
from dataclasses import dataclass

from pglane.config.lanes import LaneSettings
from pglane.engine.database import Database
from pglane.engine.pipeline import DRAIN_S
from pglane.scheduler.lane import HOLD_S_MIN


@dataclass
class Habits:
    """What clients do in one play; rates are of all that they do.

    Attributes:
        texts: kinds of statements, by weight.
        doors: by weight.
        extended: how much is asked by the extended protocol.
        open_units: how often a unit is left without its Sync for now.
        flushes: how often a message of a unit is followed by a Flush.
        ahead: how often the first request follows the startup packet at once.
        cuts: how often less is sent than there is.
        wild: how many clients are.
        vanish: how often one vanishes.
        shuts: how often one shuts its side.
        leaves: how often one says good-bye.
        garbage: how often one sends what has an impossible length.
        stops_short: how often one that ends leaves its last message short of some bytes.
        strangers: how often one asks for settings that nobody had.
        named: how many statements of the extended protocol have a name.
        bare: how often the unnamed statement is closed, or bound with no Parse before it.
        patient: how often one that is tame waits for its answer before it asks again.
        broken: how often a unit fails where it stands, at a portal that is not there.
        whole: how often one that is tame asks one thing and all of it: only that may follow.
    """

    texts: dict[str, int]
    doors: dict[str, int]
    extended: float = 0.5
    open_units: float = 0.2
    flushes: float = 0.2
    ahead: float = 0.2
    cuts: float = 0.2
    wild: float = 0.0
    vanish: float = 0.0
    shuts: float = 0.0
    leaves: float = 0.01
    garbage: float = 0.0
    stops_short: float = 0.0
    strangers: float = 0.2
    named: float = 0.3
    bare: float = 0.0
    broken: float = 0.0
    patient: float = 0.0
    whole: float = 0.0


@dataclass
class Manners:
    """How the server behaves in one play.

    Attributes:
        keeps: answers stay with it as PostgreSQL's do; else they come at once.
        flushes: how often one that is kept comes all the same.
        slow: how many of the statements take a while.
        fails: how many fail.
        ends: how many messages end the connection instead.
        cuts: how often what it sends comes in pieces.
        notices: how often it says something unasked.
        refuses: how many connections it does not let in.
    """

    keeps: bool = True
    flushes: float = 0.0
    slow: float = 0.0
    fails: float = 0.0
    ends: float = 0.0
    cuts: float = 0.0
    notices: float = 0.0
    refuses: float = 0.0


@dataclass
class Sharing:
    """How reads of several clients share server connections.

    Attributes:
        depth: how many may follow; 0: none.
        drain_s: for how long.
        more: clients than there are elsewhere.
        slowly: they often wait for what is slow, and then fall back.
    """

    depth: int = 0
    drain_s: float = 0.0
    more: int = 0
    slowly: bool = False

    def crowds(
        self,
        habits: Habits,
        manners: Manners,
        rates: dict[str, float],
        settings: dict[str, object],
    ) -> None:
        """Where there are more, most of them read, and few can at once."""
        if self.more:
            habits.texts.update({"SELECT '{}'": 80, "SELECT $1": 40})
            habits.doors = {"transaction": 20, "session": 1}
            habits.patient = habits.whole = 0.9
            habits.cuts = habits.open_units = habits.ahead = habits.flushes = 0.0
            habits.strangers /= 4
            settings.update(budget=1 + self.more % 2, rotate=0)
        if self.slowly:
            habits.doors = {"transaction": 1}
            habits.texts = {
                text: weight for text, weight in habits.texts.items() if "BEGIN" not in text
            }
            habits.bare, habits.vanish = 0.3, 0.03
            habits.wild = habits.garbage = habits.strangers = 0.0
            manners.keeps, manners.slow = True, 0.5
            rates.update(cancel=0.15, time=0.2)
            settings.update(lanes=())

    def passes(self, chance: random.Random) -> float:
        """Seconds: where it goes slowly, often just so many that who follows has to fall back."""
        return chance.choice(STEPS_S + (0.6 * DRAIN_S,) * 8 if self.slowly else STEPS_S)

    def of(self, database: Database) -> None:
        """Clients are few here, and time is told: a lane is thought to be quick."""
        for lane in database.desk.queue.lanes.values():
            lane.usual_s = HOLD_S_MIN
        pipelines = database.pipelines
        pipelines.apply(self.depth)
        pipelines.drain_s = self.drain_s
        pipelines.learned_min = 0


def drawn(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices([*weights], [*weights.values()])[0]


STEPS_S = (0.02, 0.3, 3.0, 40.0)
"""Time passes by one of these."""
LIMITS = ("query_ms_max", "idle_transaction_ms_max")
"""In time; where there are any, connections end by them."""
LANES = (LaneSettings("bulk", door="transaction", rank=1),)
TEXTS = {
    "SELECT '{}'": 12,
    "SELECT $1": 4,
    "BEGIN": 4,
    "COMMIT": 3,
    "ROLLBACK": 2,
    "INSERT INTO t VALUES ('{}')": 2,
    "SELECT '{}'; SELECT '{}'": 2,
    "BEGIN; SELECT '{}'": 1,
    "SELECT fails": 1,
    "SELECT rpad('{}', 9000, 'x')": 1,
    "SELECT rpad('{}', 70000, 'x')": 1,
    "SET search_path = '{}'": 2,
    "SHOW search_path": 3,
    "RESET search_path": 1,
    "SET application_name = '{}'": 1,
    "PREPARE p AS SELECT '{}'": 1,
    "EXECUTE p": 2,
    "DEALLOCATE p": 1,
    "LISTEN {channel}": 1,
    "UNLISTEN *": 1,
    "NOTIFY {channel}, '{}'": 1,
    "CREATE TEMP TABLE t ()": 1,
    "DISCARD ALL": 1,
    "COPY t FROM STDIN": 2,
    "COPY (SELECT '{}') TO STDOUT": 1,
    "/*lane='bulk'*/ SELECT '{}'": 1,
    "": 1,
}


def _sometimes(chance: random.Random, *rates: float) -> float:
    """In half of the plays never."""
    return chance.choice((*(0.0 for _ in rates), *rates))


def habits_of(chance: random.Random) -> Habits:
    texts = {text: weight for text, weight in TEXTS.items() if chance.random() < 0.5}
    texts["SELECT '{}'"] = chance.choice((1, 6, 20))
    doors = {
        "transaction": 8,
        "session": chance.choice((0, 1, 3)),
        "direct": chance.choice((0, 1, 6)),
    }
    return Habits(
        texts=texts,
        doors=doors,
        extended=chance.choice((0.1, 0.5, 0.9)),
        open_units=chance.choice((0.0, 0.2, 0.6)),
        flushes=chance.choice((0.0, 0.3, 0.6)),
        ahead=chance.choice((0.0, 0.1, 0.6)),
        cuts=chance.choice((0.0, 0.2, 0.7)),
        wild=_sometimes(chance, 0.2, 0.5),
        vanish=_sometimes(chance, 0.005, 0.03),
        shuts=_sometimes(chance, 0.005, 0.05),
        leaves=_sometimes(chance, 0.01, 0.05, 0.15),
        garbage=_sometimes(chance, 0.005, 0.03),
        stops_short=_sometimes(chance, 1.0),
        strangers=chance.choice((0.0, 0.3, 0.8)),
        named=chance.choice((0.0, 0.3, 0.8)),
        bare=chance.choice((0.0, 0.3, 0.6)),
        broken=_sometimes(chance, 0.1, 0.3),
    )


def manners_of(chance: random.Random) -> Manners:
    return Manners(
        keeps=chance.random() < 0.6,
        flushes=_sometimes(chance, 0.1, 0.5),
        slow=chance.choice((0.0, 0.1, 0.5)),
        fails=_sometimes(chance, 0.02, 0.1),
        ends=_sometimes(chance, 0.002, 0.01),
        cuts=chance.choice((0.0, 0.2, 0.7)),
        notices=_sometimes(chance, 0.1),
        refuses=_sometimes(chance, 0.05),
    )


def rates_of(chance: random.Random) -> dict[str, float]:
    return {
        "cancel": _sometimes(chance, 0.05, 0.2),
        "time": _sometimes(chance, 0.01, 0.05),
        "reload": _sometimes(chance, 0.02),
    }


def settings_of(chance: random.Random) -> dict[str, object]:
    return {
        "budget": chance.choice((1, 1, 2, 4)),
        "rotate": chance.choice((0, 0, 0, 2)),
        "lanes": chance.choice(((), (), LANES)),
        "transaction_session_state": chance.choice(("pin", "refuse")),
        "cancel_ms_max": 600_000,
        "wait_ms_max": chance.choice((5_000, 3_600_000)),
        "login_ms_max": 600_000,
        "unread_bytes_max": chance.choice((16_384, 262_144)),
        "statements_per_server_max": chance.choice((1, 3, 500)),
        "query_ms_max": chance.choice((0, 0, 0, 2_000)),
        "idle_transaction_ms_max": chance.choice((0, 0, 0, 2_000)),
    }


def sharing_of(chance: random.Random | None) -> Sharing:
    """Drawn apart from the rest: without it, a seed gives the play that it gave before."""
    if chance is None:
        return Sharing()
    depth = chance.choice((0, 1, 3, 8))
    more = chance.choice((0, 5, 8, 10)) if depth else 0
    slowly = more > 0 and chance.random() < 0.5
    return Sharing(depth, DRAIN_S if slowly else chance.choice((DRAIN_S, 1.0, 1e9)), more, slowly)
