"""What this worker knows of roles: asked of the supervisor, remembered for a while, and followed.

A login that needs a role waits here; all that want the same one wait for one answer. One question
is under way at a time and has up to `ASKED_MAX` roles, the next takes what came meanwhile: however
many names strangers try, PostgreSQL has one small question at a time to answer, this loop none.
Names that nobody has are remembered like others, in a table of their own, so that a flood of them
drives nobody else out.

Every user is asked for, those of the user file too: they are held to the same rights, and cost the
same time as those that are not in it.

Roles with clients or server connections here are asked for again before the answer is too old.
Where one is not what it was (`connection.role`), its clients end (`engine.dismissal`).
"""

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pglane.connection.role import KnownRole, Role
from pglane.engine.dismissal import dismiss_all, dismiss_surplus
from pglane.errors import Refusal
from pglane.errors.roles import RoleEnded
from pglane.wire.md5 import Md5Hash

if TYPE_CHECKING:
    from pglane.config.settings import Settings
    from pglane.engine.loop import Timer
    from pglane.engine.worker import Worker

ASKED_MAX = 100
"""Roles in one question."""
WAITING_MAX = 1_000
"""Roles that wait to be asked for; beyond it logins are refused."""
KNOWN_MAX = 10_000
"""Roles that are remembered beside those that have clients."""
UNKNOWN_MAX = 10_000
"""Names that nobody has and that are remembered."""
NAME_BYTES_MAX = 63
MD5 = "md5"
DOUBT_S = 1.0
"""An answer this young is believed although a client's password does not fit."""
LOOKS = 4
"""How often an answer is looked at before it is too old; it is asked for anew at half time."""

Pair = tuple[str, str]
Then = Callable[[KnownRole | None], None]


class Roles:
    """All of them.

    Attributes:
        active: somebody can be asked (`clients.auth_user`).
        hashes: md5 hashes of roles whose clients came in by them, for server logins.
    """

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self.active = False
        self.hashes: dict[str, Md5Hash] = {}
        self._questions = 0
        self._fresh_s = 0.0
        self._known: dict[Pair, KnownRole] = {}
        self._unknown: dict[Pair, KnownRole] = {}
        self._waiting: dict[Pair, list[Then]] = {}
        self._asked: dict[Pair, list[Then]] = {}
        self._asked_at = 0.0
        self._counts: dict[str, int] = {}
        self._timer: Timer | None = None

    def apply(self, settings: "Settings") -> None:
        """The settings from now on."""
        self.active = bool(settings.auth_user)
        self._fresh_s = settings.auth_cache_ms_max / 1000
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.active:
            self._look_again()

    # Asking --------------------------------------------------------------------------------

    def find(self, user: str, database: str, then: Then) -> None:
        """Calls `then` with the role, now or later; with None if it cannot be asked for."""
        pair = (user, database)
        known = self._remembered(pair)
        if known is not None and self._age_s(known) <= self._fresh_s:
            then(known)
        elif not (_is_name(user) and _is_name(database)):
            then(KnownRole(Role(user, database), self._worker.loop.now))
        elif pair in self._asked:
            self._asked[pair].append(then)
        elif len(self._waiting) >= WAITING_MAX:
            then(None)
        else:
            self._waiting.setdefault(pair, []).append(then)
            self._ask()

    def _remembered(self, pair: Pair) -> KnownRole | None:
        return self._known.get(pair) or self._unknown.get(pair)

    def _age_s(self, known: KnownRole) -> float:
        return self._worker.loop.now - known.read

    def _ask(self) -> None:
        """One question at a time."""
        if self._asked or not self._waiting:
            return
        for pair in list(self._waiting)[:ASKED_MAX]:
            self._asked[pair] = self._waiting.pop(pair)
        self._asked_at = self._worker.loop.now
        roles = [list(pair) for pair in self._asked]
        self._questions += 1
        self._worker.tell_supervisor({"type": "roles", "id": self._question(), "roles": roles})

    def _question(self) -> str:
        """A name of the question under way that no other worker uses."""
        return f"{os.getpid()}.{self._questions}"

    def heard(self, message: dict[str, Any]) -> None:
        """The answer to the question that is under way; not one to a worker before this."""
        if message["id"] != self._question():
            return
        asked, self._asked = self._asked, {}
        for told in message["found"]:
            role = Role(**told)
            known = self._learn(role)
            for then in asked.pop((role.user, role.database), ()):
                then(known)
        for waiting in asked.values():
            for then in waiting:
                then(None)
        self._ask()

    def _learn(self, role: Role) -> KnownRole:
        """What was answered, in its table; the newest stand last there."""
        pair = (role.user, role.database)
        known = self._known.pop(pair, None) or self._unknown.pop(pair, None)
        before = role
        if known is None:
            known = KnownRole(role, self._asked_at)
        else:
            before = known.learn(role, self._asked_at)
        table, most = (self._known, KNOWN_MAX) if role.oid else (self._unknown, UNKNOWN_MAX)
        table[pair] = known
        if len(table) > most:
            _forget_oldest(table)
        if before is not known.role:
            self._changed(before, role)
        return known

    def _changed(self, before: Role, role: Role) -> None:
        """It is not what it was; who may stay, stays."""
        change = role.change(before, self._worker.entrance.users.knows(role.user))
        if change:
            self._worker.forget_secrets(role.user)
            dismiss_all(self._worker, role, change)
        elif 0 <= role.connections_max < self._counts.get(role.user, 0):
            change = "has more connections than its CONNECTION LIMIT"
            dismiss_surplus(self._worker, role, change)

    # Clients -------------------------------------------------------------------------------

    def objection(self, known: KnownRole, seen: Role) -> Refusal | None:
        """Why one that has shown to know the password of what was seen may not come in."""
        if known.role is not seen:
            change = known.role.change(seen, self._worker.entrance.users.knows(seen.user))
            if change:
                return RoleEnded(user=seen.user, change=change)
        return known.role.objection(self._counts.get(seen.user, 0))

    def entered(self, known: KnownRole) -> None:
        """A client came in by it: it is followed from now on."""
        known.clients += 1
        role = known.role
        self._counts[role.user] = self._counts.get(role.user, 0) + 1
        secret = role.usable_secret()
        if secret.startswith(MD5):
            self.hashes[role.user] = Md5Hash.parse(secret.encode())
        # Forgotten while the client showed its password: too old, and asked for at once.
        table = self._known if role.oid else self._unknown
        table.setdefault((role.user, role.database), known)

    def left(self, known: KnownRole) -> None:
        """One that came in by it is gone."""
        known.clients -= 1
        user = known.role.user
        self._counts[user] -= 1
        if not self._counts[user]:
            del self._counts[user]

    def doubt(self, known: KnownRole) -> None:
        """A password did not fit: it may be newer than what is known. The next login asks anew."""
        if self._age_s(known) > DOUBT_S:
            known.read = -math.inf
            known.fresh = False

    # Following -----------------------------------------------------------------------------

    def _look_again(self) -> None:
        """What is used is asked for again in time; what is not, and too old, is forgotten."""
        self._timer = self._worker.loop.call_later(self._fresh_s / LOOKS, self._look_again)
        used = self._used()
        for table in (self._known, self._unknown):
            for pair, known in list(table.items()):
                age_s = self._age_s(known)
                known.fresh = age_s <= self._fresh_s
                if known.clients or pair in used:
                    if age_s >= self._fresh_s / 2 and pair not in self._asked:
                        self._waiting.setdefault(pair, [])
                elif not known.fresh:
                    del table[pair]
                    if pair[0] not in self._counts:
                        self._worker.forget_secrets(pair[0])
        self._ask()

    def _used(self) -> set[Pair]:
        """Roles that have server connections."""
        databases = self._worker.databases.items()
        return {(slot.user, name) for name, database in databases for slot in database.desk.ledger}


def _forget_oldest(table: dict[Pair, KnownRole]) -> None:
    """One that no client came in by."""
    for pair, known in table.items():
        if not known.clients:
            known.fresh = False
            del table[pair]
            return


def _is_name(name: str) -> bool:
    """Whether something in PostgreSQL can be called so, and be asked for."""
    try:
        return 0 < len(name.encode()) <= NAME_BYTES_MAX
    except UnicodeEncodeError:
        return False
