"""A server that answers as PostgreSQL's message flow says, for a few made-up texts.

It follows the parts of `PostgresMain`, `SocketBackend` and `CopyGetData` that decide which answers
come in which order: discarding until Sync, implicit transactions, portals that end with theirs,
Sync and Flush ignored in COPY, DEALLOCATE. What a text does is decided by its first word.
"""

from collections.abc import Callable
from typing import Any

from pglane.wire import client_messages as c, server_messages as s
from pglane.wire.framing import MessageReader

EXITS = ("COMMIT", "ROLLBACK")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)


class Failure(Exception):
    """An error of the statement: SQLSTATE and text."""

    def __init__(self, state: str, text: str, routine: str = "x") -> None:
        super().__init__(text)
        fields = {"S": "ERROR", "V": "ERROR", "C": state, "M": text, "R": routine}
        self.answer = s.ErrorResponse(tuple((k, v.encode()) for k, v in fields.items()))


class SynchronizationLost(Exception):
    """A request amid COPY data: PostgreSQL ends the connection."""


class Database:
    """What sessions share: a table's columns, and what was committed."""

    def __init__(self) -> None:
        self.columns = 1
        self.committed: list[str] = []

    def description(self, text: str) -> s.RowDescription | None:
        """What the rows of a text look like."""
        match text.split():
            case ["TABLE", *_]:
                return s.RowDescription((COLUMN,) * self.columns)
            case ["SELECT", *_] | ["ROWS", *_]:
                return s.RowDescription((COLUMN,))
            case _:
                return None


class Portal:
    def __init__(self, text: str) -> None:
        self.text = text
        self.rows_left = int(text.split()[1]) if text.startswith("ROWS ") else 1


class SimulatedServer:
    """One session: `receive` takes what the client sent and returns the answers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reader = MessageReader(1 << 24)
        self.out: list[bytes] = []
        self.statements: dict[bytes, tuple[str, s.RowDescription | None]] = {}
        self.portals: dict[bytes, Portal] = {}
        self.status = b"I"
        self.pending: list[str] = []
        self.skipping = False
        self.extended = False
        self.copying = False
        self.queue: list[str] = []
        self.reported: list[bytes] = []

    def receive(self, data: bytes) -> bytes:
        self.reader.feed(data)
        while self.reader.next():
            self._message(self.reader.kind, self.reader.body())
        answers = b"".join(self.out)
        self.out.clear()
        return answers

    def say(self, message: s.ServerMessage) -> None:
        self.out.append(message.encode())

    def _message(self, kind: int, body: bytes) -> None:
        if self.copying:
            self._guard(lambda: self._copy_message(kind, body))
            return
        if kind in b"QFXS":
            self.extended = False
        elif kind in b"PBDECH":
            self.extended = True
        if kind == ord("S"):
            self.skipping = False
        if self.skipping or kind in b"dcf":
            return
        self._guard(lambda: self._take(kind, body))

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Failure as failure:
            self.copying = False
            self.queue.clear()
            self.say(failure.answer)
            self._abort()
            if self.extended:
                self.skipping = True
            else:
                self._ready()

    def _take(self, kind: int, body: bytes) -> None:
        message = c.decode_client_message(kind, body)
        match message:
            case c.Query(text):
                self._query(text.decode())
            case c.Sync():
                self._end_implicit()
                self._ready()
            case c.FunctionCall(function):
                self._call(function)
            case _:
                self._take_extended(message)

    def _take_extended(self, message: c.ClientMessage) -> None:
        match message:
            case c.Parse(name, text, _):
                self._parse(name, text.decode())
            case c.Bind(portal, name):
                self._bind(portal, name)
            case c.Describe(what, name):
                self._describe(what, name)
            case c.Execute(portal, limit):
                self._execute(portal, limit)
            case c.Close(what, name):
                objects: dict[bytes, Any] = self.statements if what == b"S" else self.portals
                objects.pop(name, None)
                self.say(s.CloseComplete())
            case _:
                assert isinstance(message, c.Flush), message

    def _call(self, function: int) -> None:
        self._check_state("F")
        if function == 0:
            raise Failure("42883", "function 0 does not exist")
        self.say(s.FunctionCallResponse(b"%d" % function))
        self._end_implicit()
        self._ready()

    # Transactions

    def _ready(self) -> None:
        for name in self.reported:
            self.say(s.ParameterStatus(b"application_name", name))
        self.reported.clear()
        self.say(s.ReadyForQuery(self.status))

    def _end_implicit(self) -> None:
        if self.status == b"I":
            self.database.committed += self.pending
            self.pending.clear()
            self.portals.clear()

    def _abort(self) -> None:
        self.pending.clear()
        self.portals.clear()
        if self.status == b"T":
            self.status = b"E"

    def _check_state(self, text: str) -> None:
        if self.status == b"E" and text not in EXITS and text:
            raise Failure("25P02", "current transaction is aborted")

    # Statements

    def _run(self, text: str) -> str | None:
        """Runs one statement; its tag, None if it has begun to copy in."""
        self._check_state(text)
        match text.split():
            case ["SELECT", value]:
                self.say(s.DataRow((value.encode(),)))
                return "SELECT 1"
            case ["TABLE", *_]:
                self.say(s.DataRow((b"v",) * self.database.columns))
                return "SELECT 1"
            case ["INSERT", value]:
                self.pending.append(value)
                return "INSERT 0 1"
            case ["BEGIN"]:
                self.status = b"T" if self.status == b"I" else self.status
                return "BEGIN"
            case ["COMMIT" | "ROLLBACK" as word]:
                return self._exit(word)
            case ["FAIL"]:
                raise Failure("22012", "division by zero")
            case ["SET", name]:
                self.reported.append(name.encode())
                return "SET"
            case ["NOTICE"]:
                self.say(s.NoticeResponse((("S", b"NOTICE"), ("M", b"hear"))))
                return "DO"
            case ["COPY", table, "FROM", "STDIN"]:
                self._copy_in(table)
                return None
            case ["COPY", _, "TO", "STDOUT"]:
                for message in (s.CopyOutResponse(0, (0,)), c.CopyData(b"1\n"), c.CopyDone()):
                    self.say(message)
                return "COPY 1"
            case _:
                return self._deallocate(text)

    def _copy_in(self, table: str) -> None:
        self.say(s.CopyInResponse(0, (0,)))
        if table == "trigger":
            raise Failure("P0001", "the trigger of the statement raises")
        self.copying = True

    def _deallocate(self, text: str) -> str:
        words = text.split()
        if text in {"DEALLOCATE ALL", "DISCARD ALL"}:
            unnamed = self.statements.get(b"")
            self.statements = {b"": unnamed} if unnamed else {}
            return text
        assert words[0] == "DEALLOCATE", text
        if self.statements.pop(words[1].encode(), None) is None:
            raise Failure("26000", f'prepared statement "{words[1]}" does not exist')
        return "DEALLOCATE"

    def _exit(self, word: str) -> str:
        if word == "COMMIT" and self.status != b"E":
            self.database.committed += self.pending
        else:
            word = "ROLLBACK"
        self.pending.clear()
        self.portals.clear()
        self.status = b"I"
        return word

    def _analyse(self, text: str) -> None:
        if "WRONG" in text or text.startswith("pglane refuses"):
            raise Failure("42601", "syntax error")

    # The simple protocol

    def _query(self, text: str) -> None:
        self.statements.pop(b"", None)
        self.portals.pop(b"", None)
        self._analyse(text)
        self.queue = [part.strip() for part in text.split(";") if part.strip()]
        if not self.queue:
            self.say(s.EmptyQueryResponse())
            self._end_implicit()
            self._ready()
            return
        self._go_on()

    def _go_on(self) -> None:
        while self.queue:
            text = self.queue.pop(0)
            self._check_state(text)
            if text.startswith("ROWS "):
                text = "SELECT many"
            description = self.database.description(text)
            if description is not None:
                self.say(description)
            tag = self._run(text)
            if tag is None:
                return
            self.say(s.CommandComplete(tag.encode()))
        self._end_implicit()
        self._ready()

    # The extended protocol

    def _parse(self, name: bytes, text: str) -> None:
        if not name:
            self.statements.pop(b"", None)
        self._analyse(text)
        self._check_state(text)
        if name in self.statements:
            raise Failure("42P05", f'prepared statement "{name.decode()}" already exists')
        self.statements[name] = (text, self.database.description(text))
        self.say(s.ParseComplete())

    def _statement(self, name: bytes) -> tuple[str, s.RowDescription | None]:
        if name not in self.statements:
            raise Failure("26000", f'prepared statement "{name.decode()}" does not exist')
        return self.statements[name]

    def _bind(self, portal: bytes, name: bytes) -> None:
        text, promised = self._statement(name)
        self._check_state(text)
        if portal and portal in self.portals:
            raise Failure("42P03", f'cursor "{portal.decode()}" already exists')
        if promised != self.database.description(text):
            text = "cached plan must not change result type"
            raise Failure("0A000", text, "RevalidateCachedQuery")
        self.portals[portal] = Portal(text)
        self.say(s.BindComplete())

    def _describe(self, what: bytes, name: bytes) -> None:
        if what == b"S":
            text, promised = self._statement(name)
            if promised != self.database.description(text):
                told = "cached plan must not change result type"
                raise Failure("0A000", told, "RevalidateCachedQuery")
            self._refuse_catalogues(promised)
            self.say(s.ParameterDescription(()))
        else:
            promised = self.database.description(self._portal(name).text)
            self._refuse_catalogues(promised)
        self.say(promised or s.NoData())

    def _refuse_catalogues(self, description: s.RowDescription | None) -> None:
        if description is not None and self.status == b"E":
            raise Failure("25P02", "current transaction is aborted")

    def _portal(self, name: bytes) -> Portal:
        if name not in self.portals:
            raise Failure("34000", f'portal "{name.decode()}" does not exist')
        return self.portals[name]

    def _execute(self, name: bytes, limit: int) -> None:
        portal = self._portal(name)
        self._check_state(portal.text)
        if not portal.text:
            self.say(s.EmptyQueryResponse())
        elif portal.text.startswith("ROWS "):
            self._rows(portal, limit)
        else:
            if not self.database.description(portal.text) and portal.rows_left == 0:
                raise Failure("55000", f'portal "{name.decode()}" cannot be run')
            portal.rows_left = 0
            tag = self._run(portal.text)
            if tag is not None:
                self.say(s.CommandComplete(tag.encode()))

    def _rows(self, portal: Portal, limit: int) -> None:
        rows = min(limit or portal.rows_left, portal.rows_left)
        for _ in range(rows):
            self.say(s.DataRow((b"row",)))
        portal.rows_left -= rows
        if limit and rows == limit:
            self.say(s.PortalSuspended())
        else:
            self.say(s.CommandComplete(b"SELECT %d" % rows))

    # COPY FROM STDIN

    def _copy_message(self, kind: int, body: bytes) -> None:
        if kind in b"SH":
            return
        if kind == ord("d"):
            if body == b"bad":
                raise Failure("22P04", "extra data after last expected column")
            return
        if kind == ord("f"):
            raise Failure("57014", "COPY from stdin failed")
        if kind != ord("c"):
            raise SynchronizationLost
        self.copying = False
        self.say(s.CommandComplete(b"COPY 1"))
        if not self.extended:
            self._go_on()
