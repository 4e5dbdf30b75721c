"""What statements do to a session of PostgreSQL, as far as these plays go.

The scripted server answers by it. Each client has one too, moved by the answers that it gets: so
it knows what a private connection would have answered, whatever failed on the way.

Each value that a client says is said once (`v17of3z`: the 17th, by client 3), so that whoever gets
it can be told from whoever asked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

VALUE = re.compile(rb"v\d+of(\d+)z")
PART_OF_VALUE = re.compile(rb"v\d+of")
OPTION = re.compile(rb"-c ([\w.]+)=(\S*)")
"""As `options` in a startup packet have it."""
DEFAULTS = {b"search_path": b'"$user", public', b"application_name": b"", b"pglane.lane": b""}
REPORTED = (b"application_name",)
CANCELED = b"57014"
FAULT = b"22012"
"""What fails for no reason has this SQLSTATE."""
DROPPING_TAGS = (b"DISCARD ALL", b"DEALLOCATE ALL")
IDLE, IN_BLOCK, FAILED = b"I", b"T", b"E"
FAILS_IN_FAILED = b"25P02"


class Violation(AssertionError):
    """Something happened that must not."""


class Fails(Exception):
    """A statement fails with this SQLSTATE."""

    def __init__(self, sqlstate: bytes) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@dataclass
class Done:
    """What a statement answers.

    Attributes:
        copy: `G` or `H` where data is copied in or out.
    """

    tag: bytes
    rows: list[bytes] = field(default_factory=list)
    copy: bytes = b""


@dataclass
class Saved:
    """What a rollback gives back."""

    settings: dict[bytes, bytes]
    channels: frozenset[bytes]
    temporary: bool


def authors(data: bytes) -> set[int]:
    """The clients whose values stand in it."""
    return {int(found) for found in VALUE.findall(data)}


def returns_rows(statement: bytes) -> bool:
    return statement.startswith((b"SELECT", b"SHOW", b"EXECUTE"))


def ends_block(statement: bytes) -> bool:
    return statement in (b"COMMIT", b"ROLLBACK")


class Session:
    """One session.

    Attributes:
        status: as ReadyForQuery tells it.
        settings: that are not what the session began with, by name.
        prepared: by PREPARE, the statements by name.
        channels: listened to.
        temporary: a temporary table exists.
        told: notifications of this transaction, in order: channel, payload.
        committed: the same of those that are committed and not taken.
    """

    def __init__(self, defaults: dict[bytes, bytes] | None = None) -> None:
        self.defaults = {**DEFAULTS, **(defaults or {})}
        self.status = IDLE
        self.settings: dict[bytes, bytes] = {}
        self.prepared: dict[bytes, bytes] = {}
        self.channels: frozenset[bytes] = frozenset()
        self.temporary = False
        self.told: list[tuple[bytes, bytes]] = []
        self.committed: list[tuple[bytes, bytes]] = []
        self._saved: Saved | None = None

    def leaves(self) -> list[str]:
        """What the next one would find that cannot travel."""
        return ["a temporary table"] * self.temporary + [repr(name) for name in self.channels]

    def shows(self, name: bytes) -> bytes:
        if name not in self.defaults:
            raise Fails(b"42704")
        return self.settings.get(name, self.defaults[name])

    def run(self, statement: bytes, parameter: bytes = b"") -> Done:
        """One statement; its transaction begins with it if none is open.

        Raises:
            Fails: nothing was changed; `fails` is to be called.
        """
        if self.status == FAILED and not ends_block(statement):
            raise Fails(FAILS_IN_FAILED)
        if self._saved is None:
            self._saved = Saved(dict(self.settings), self.channels, self.temporary)
        for form, act in FORMS:
            if found := form.fullmatch(statement):
                return act(self, found, parameter)
        raise Fails(b"42601")

    def fails(self) -> None:
        """What ran last failed, whatever it was."""
        if self.status == IDLE:
            self._restore()
        else:
            self.status = FAILED

    def unit_ends(self) -> None:
        """A Query or a Sync is over: a transaction that no BEGIN opened ends with it."""
        if self.status == IDLE:
            self._keep()

    def _keep(self) -> None:
        self._saved = None
        self.committed += self.told
        self.told.clear()

    def _restore(self) -> None:
        saved, self._saved = self._saved, None
        self.told.clear()
        if saved is not None:
            self.settings, self.channels = saved.settings, saved.channels
            self.temporary = saved.temporary

    # Statements ----------------------------------------------------------------------------

    def _begin(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        self.status = IN_BLOCK
        return Done(b"BEGIN")

    def _commit(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        failed, self.status = self.status == FAILED, IDLE
        if failed:
            self._restore()
            return Done(b"ROLLBACK")
        self._keep()
        return Done(b"COMMIT")

    def _roll_back(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        self.status = IDLE
        self._restore()
        return Done(b"ROLLBACK")

    def _select(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"SELECT 1", [found[1]])

    def _select_parameter(self, _found: re.Match[bytes], parameter: bytes) -> Done:
        return Done(b"SELECT 1", [parameter])

    def _select_long(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"SELECT 1", [found[1].ljust(int(found[2]), b"x")])

    def _insert(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"INSERT 0 1")

    def _fail(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        raise Fails(b"42703")

    def _show(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"SHOW", [self.shows(found[1])])

    def set(self, name: bytes, value: bytes) -> None:
        self.shows(name)
        self.settings = {**self.settings, name: value}

    def _set(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        self.set(found[1], found[2])
        return Done(b"SET")

    def _reset(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        self.settings = {name: value for name, value in self.settings.items() if name != found[1]}
        return Done(b"RESET")

    def _reset_all(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        self.settings = {}
        return Done(b"RESET")

    def _discard_all(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        if self.status != IDLE:
            raise Fails(b"25001")
        self.settings, self.channels, self.temporary = {}, frozenset(), False
        self.prepared.clear()
        return Done(b"DISCARD ALL")

    def _discard_some(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        if found[1] == b"TEMP":
            self.temporary = False
        return Done(b"DISCARD " + found[1])

    def _prepare(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        if found[1] in self.prepared:
            raise Fails(b"42P05")
        self.prepared[found[1]] = found[2]
        return Done(b"PREPARE")

    def _execute(self, found: re.Match[bytes], parameter: bytes) -> Done:
        if found[1] not in self.prepared:
            raise Fails(b"26000")
        return self.run(self.prepared[found[1]], parameter)

    def _deallocate(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        if self.prepared.pop(found[1], None) is None:
            raise Fails(b"26000")
        return Done(b"DEALLOCATE")

    def _deallocate_all(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        self.prepared.clear()
        return Done(b"DEALLOCATE ALL")

    def _listen(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        self.channels |= {found[1]}
        return Done(b"LISTEN")

    def _unlisten(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        self.channels = frozenset() if found[1] == b"*" else self.channels - {found[1]}
        return Done(b"UNLISTEN")

    def _notify(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        self.told.append((found[1], found[2]))
        return Done(b"NOTIFY")

    def _make_temporary(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        if self.temporary:
            raise Fails(b"42P07")
        self.temporary = True
        return Done(b"CREATE TABLE")

    def _copy_in(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"COPY 0", copy=b"G")

    def _copy_out(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"COPY 1", [found[1]], copy=b"H")

    def _nothing(self, _found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(b"")

    def _take_back(self, found: re.Match[bytes], _parameter: bytes) -> Done:
        return Done(found[1])


Act = Callable[[Session, re.Match[bytes], bytes], Done]
FORMS: tuple[tuple[re.Pattern[bytes], Act], ...] = tuple(
    (re.compile(form.encode(), re.DOTALL), act)
    for form, act in {
        r"SELECT '(v\w+)'": Session._select,
        r"SELECT \$1": Session._select_parameter,
        r"(?:/\*.*\*/ )?SELECT rpad\('(v\w+)', (\d+), 'x'\)": Session._select_long,
        r"/\*.*\*/ SELECT '(v\w+)'": Session._select,
        r"BEGIN(?: ISOLATION.*)?": Session._begin,
        r"COMMIT": Session._commit,
        r"ROLLBACK": Session._roll_back,
        r"INSERT INTO t VALUES \('v\w+'\)": Session._insert,
        r"SELECT fails": Session._fail,
        r"SHOW (\w+)": Session._show,
        r"SET (\w+) = '(.*)'": Session._set,
        r"RESET ALL": Session._reset_all,
        r"RESET (SESSION AUTHORIZATION|ROLE)": Session._take_back,
        r"RESET (\w+)": Session._reset,
        r"SET SESSION (AUTHORIZATION) DEFAULT": Session._take_back,
        r"DISCARD ALL": Session._discard_all,
        r"DISCARD (TEMP|SEQUENCES)": Session._discard_some,
        r"CLOSE (ALL)": Session._take_back,
        r"SELECT pg_catalog.(pg_advisory_unlock_all)\(\)": Session._take_back,
        r"PREPARE (\w+) AS (.*)": Session._prepare,
        r"EXECUTE (\w+)": Session._execute,
        r"DEALLOCATE ALL": Session._deallocate_all,
        r'DEALLOCATE "?(\w+)"?': Session._deallocate,
        r'LISTEN "?(\w+)"?': Session._listen,
        r'UNLISTEN "?(\w+|\*)"?': Session._unlisten,
        r"NOTIFY (\w+), '(v\w+)'": Session._notify,
        r"CREATE TEMP TABLE t \(\)": Session._make_temporary,
        r"COPY t FROM STDIN": Session._copy_in,
        r"COPY \(SELECT '(v\w+)'\) TO STDOUT": Session._copy_out,
        r"": Session._nothing,
    }.items()
)
