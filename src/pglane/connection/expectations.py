"""What can be outstanding on a server connection, and what it changes in the client's names.

An expectation is a kind, a small number, and a payload. The payload says what to take back when
the server never looks at the message (it discards all until Sync after an error) or refuses it.
"""

from pglane.connection.channel_steps import Step
from pglane.connection.prepared_statements import ClientStatement, ServerStatement
from pglane.connection.subscriptions import Subscriptions

QUERY = 1
PARSE = 2
BIND = 3
DESCRIBE = 4
EXECUTE = 5
CLOSE = 6
SYNC = 7
FUNCTION = 8
COPY_END = 9
LOCAL = 10
PARSE_SILENT = 11
CLOSE_SILENT = 12
DESCRIBE_SILENT = 13
INTERNAL = 14
REFUSED = 15
UNWANTED = 16
"""All answers up to one ReadyForQuery, to a read that runs somewhere else by now."""

OUTSTANDING_MAX = 20_000
"""Expectations at one time. Answers of ours cost the client nothing: without a limit a pipeline of
Close messages behind a slow query would fill our memory."""
CLOSE_COMPLETE = b"3\x00\x00\x00\x04"
PARSE_COMPLETE = b"1\x00\x00\x00\x04"


class PendingParse:
    """What a message does to a client's names, to be taken back if the server discards it.

    Attributes:
        server_statement: what a Parse makes on the server connection; None if nothing of a name.
        names: the client's statements by name.
        name: the one that changes; b"" is the unnamed statement.
        client_statement: what it means from now on; None after Close, or a Query that destroys it.
        before: what it meant.
    """

    __slots__ = ("before", "client_statement", "name", "names", "server_statement")

    def _set_up(
        self,
        server_statement: ServerStatement | None,
        names: dict[bytes, ClientStatement],
        name: bytes,
        client_statement: ClientStatement | None,
        before: ClientStatement | None,
    ) -> None:
        self.server_statement = server_statement
        self.names = names
        self.name = name
        self.client_statement = client_statement
        self.before = before

    def settle(self) -> bytes:
        """It is so from now on; returns what the client is told of it."""
        if self.client_statement is None:
            return CLOSE_COMPLETE
        self.client_statement.settled = True
        return PARSE_COMPLETE

    def undo(self, later: "PendingParse | None", *, failed: bool) -> None:
        """It never was: the name means what it meant before.

        Where `later` changed it since, behind the Sync, that is what it changed. A Parse that
        failed has destroyed the unnamed statement; one never looked at has not.
        """
        before = None if failed else self.before
        if later is not None:
            later.before = before
        elif self.names.get(self.name) is self.client_statement:
            if before is not None:
                self.names[self.name] = before
            elif self.client_statement is not None:
                del self.names[self.name]


def pending_parse(
    server_statement: ServerStatement | None,
    names: dict[bytes, ClientStatement],
    name: bytes,
    client_statement: ClientStatement | None,
    before: ClientStatement | None,
) -> PendingParse:
    """One; made without what it costs to call a class, for each Parse."""
    made = PendingParse.__new__(PendingParse)
    made._set_up(server_statement, names, name, client_statement, before)
    return made


class PendingDeallocation:
    """A DEALLOCATE of a name that only the client knows, sent with the name of an empty statement.

    Attributes:
        names: the client's statements by name.
        name: the one to go when the server says DEALLOCATE.
        client_statement: what it meant.
        server_statement: the empty statement that goes in its place.
    """

    __slots__ = ("client_statement", "name", "names", "server_statement")

    def __init__(
        self,
        names: dict[bytes, ClientStatement],
        name: bytes,
        client_statement: ClientStatement,
        server_statement: ServerStatement,
    ) -> None:
        self.names = names
        self.name = name
        self.client_statement = client_statement
        self.server_statement = server_statement

    def done(self) -> None:
        """The server has dropped the empty statement, and so goes the client's."""
        if self.names.get(self.name) is self.client_statement:
            del self.names[self.name]


class PendingSteps(PendingParse):
    """What the statements of a text do to what the client listens to, one after the other.

    Attributes:
        subscriptions: the client's.
        steps: one for each CommandComplete to come.
    """

    __slots__ = ("steps", "subscriptions")

    def __init__(
        self,
        subscriptions: Subscriptions,
        steps: list[Step],
        names: dict[bytes, ClientStatement],
        before: ClientStatement | None,
    ) -> None:
        self._set_up(None, names, b"", None, before)
        self.subscriptions = subscriptions
        self.steps = steps

    def done(self, tag: bytes) -> None:
        """The next statement is complete."""
        if self.steps:
            self.subscriptions.did(self.steps.pop(0), tag)


class PendingRefusal(PendingParse):
    """A Parse of the unnamed statement, or a Query, that we made the server fail at.

    Attributes:
        answer: the error that the client reads in place of the server's.
    """

    __slots__ = ("answer",)

    def __init__(
        self,
        answer: bytes,
        names: dict[bytes, ClientStatement],
        before: ClientStatement | None,
    ) -> None:
        self._set_up(None, names, b"", None, before)
        self.answer = answer


def note_step(payload: object, tag: bytes) -> None:
    """A statement of a client that listens is complete; `payload` says what it was."""
    if isinstance(payload, PendingSteps):
        payload.done(tag)


def forget_names(names: dict[bytes, ClientStatement], payloads: list[object]) -> None:
    """The client's names are gone, but for the unnamed one and those asked for since."""
    kept = {b""}
    for payload in payloads:
        if isinstance(payload, PendingParse):
            kept.add(payload.name)
    for name in [name for name in names if name not in kept]:
        del names[name]


def first_changes(payloads: list[object]) -> dict[bytes, PendingParse]:
    """Of each name that these change the first one that does."""
    changes: dict[bytes, PendingParse] = {}
    for payload in payloads:
        if isinstance(payload, PendingParse):
            changes.setdefault(payload.name, payload)
    return changes
