"""One console connection's side of the protocol: messages in, answers out.

Both query protocols, as much of them as drivers need for statements without parameters. The order
of things is the server's: an error in the extended protocol skips everything up to Sync, portals
end with their transaction, a portal can be run in pieces.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pglane.control.actions import Act
from pglane.control.console_commands import COMMANDS, THERE_IS, Command, read_commands
from pglane.control.console_rows import column_formats, data_row, row_description
from pglane.control.shows import Ask, Row
from pglane.errors import Refusal
from pglane.errors.processes import (
    ConsoleNameUnknown,
    ConsoleProtocolUnsupported,
    ConsoleTooMuchPrepared,
    ConsoleUnknownCommand,
)
from pglane.errors.refused import RefusedError
from pglane.version import VERSION
from pglane.wire.client_messages import (
    Bind,
    ClientMessage,
    Close,
    Describe,
    Execute,
    Flush,
    Parse,
    Query,
    Sync,
    decode_client_message,
)
from pglane.wire.login_messages import BackendKeyData
from pglane.wire.server_messages import (
    BindComplete,
    CloseComplete,
    EmptyQueryResponse,
    NoData,
    ParameterDescription,
    ParseComplete,
    PortalSuspended,
    command_complete,
    error_response,
    parameter_status,
    ready_for_query,
)

OBJECTS_MAX = 100
"""Prepared statements, and portals, of one connection."""
ROWS_PER_WRITE = 200

Write = Callable[[bytes], Awaitable[None]]

_PARAMETERS = {
    b"server_version": f"{VERSION} (pglane)".encode(),
    b"server_encoding": b"UTF8",
    b"client_encoding": b"UTF8",
    b"standard_conforming_strings": b"on",
    b"DateStyle": b"ISO, MDY",
    b"TimeZone": b"UTC",
    b"integer_datetimes": b"on",
    b"is_superuser": b"off",
}


def greeting(process_id: int, key: bytes) -> bytes:
    """What follows AuthenticationOk. The key cancels nothing: no command takes long."""
    statuses = [parameter_status(name, value) for name, value in _PARAMETERS.items()]
    return b"".join((*statuses, BackendKeyData(process_id, key).encode(), ready_for_query(b"I")))


@dataclass(slots=True)
class _Portal:
    """A bound command; rows are fetched when it first runs."""

    command: Command | None
    formats: tuple[int, ...] = ()
    left: list[Row] | None = None


@dataclass(slots=True)
class ConsoleSession:
    """Answers the messages of one client.

    Args:
        write: sends bytes; waits while the client does not read.
        ask: asks the worker.
        act: carries out what changes something, if this client may.
    """

    write: Write
    ask: Ask
    act: Act
    _status: bytes = b"I"
    _skipping: bool = False
    _statements: dict[bytes, Command | None] = field(default_factory=dict)
    _portals: dict[bytes, _Portal] = field(default_factory=dict)

    async def handle(self, kind: int, body: bytes) -> None:
        """One message but Terminate.

        Raises:
            MalformedMessage: it is no message of the protocol.
        """
        message = decode_client_message(kind, body)
        if isinstance(message, Sync):
            await self._sync()
        elif self._skipping:
            return
        elif isinstance(message, Query):
            await self._query(message.text)
        else:
            try:
                await self._extended(message)
            except RefusedError as error:
                self._skipping = True
                await self._tell(error.refusals[0])

    async def _tell(self, refusal: Refusal) -> None:
        await self.write(error_response(refusal))

    async def _sync(self) -> None:
        self._skipping = False
        if self._status == b"I":
            self._portals.clear()
        await self.write(ready_for_query(self._status))

    async def _query(self, text: bytes) -> None:
        try:
            commands = read_commands(text.decode("utf-8", "replace"))
            for command in commands:
                portal = _Portal(command, column_formats((), _columns(command)))
                if command.show is not None:
                    await self.write(row_description(command.show.columns, portal.formats))
                await self._run(portal, 0)
            if not commands:
                await self.write(EmptyQueryResponse().encode())
        except RefusedError as error:
            await self._tell(error.refusals[0])
        await self.write(ready_for_query(self._status))

    async def _extended(self, message: ClientMessage) -> None:
        match message:
            case Parse():
                await self._parse(message)
            case Bind():
                await self._bind(message)
            case Describe():
                await self._describe(message)
            case Execute():
                await self._run(self._portal(message.portal), message.row_limit)
            case Close():
                objects: dict[bytes, Any] = (
                    self._statements if message.what == b"S" else self._portals
                )
                objects.pop(message.name, None)
                await self.write(CloseComplete().encode())
            case Flush():
                return
            case _:
                raise _unsupported(f"the message {type(message).__name__}", "that message")

    async def _parse(self, message: Parse) -> None:
        if message.parameter_types:
            raise _unsupported("parameters", f"{len(message.parameter_types)} parameter types")
        commands = read_commands(message.text.decode("utf-8", "replace"))
        if len(commands) > 1:
            raise RefusedError(
                ConsoleUnknownCommand(seen="several commands at once", remedy=THERE_IS)
            )
        _keep(self._statements, message.name, commands[0] if commands else None)
        await self.write(ParseComplete().encode())

    async def _bind(self, message: Bind) -> None:
        if message.parameters:
            raise _unsupported("parameters", f"{len(message.parameters)} values")
        command = self._statement(message.statement)
        formats = column_formats(message.result_formats, _columns(command))
        _keep(self._portals, message.portal, _Portal(command, formats))
        await self.write(BindComplete().encode())

    async def _describe(self, message: Describe) -> None:
        if message.what == b"S":
            command = self._statement(message.name)
            formats = column_formats((), _columns(command))
            await self.write(ParameterDescription(()).encode())
        else:
            portal = self._portal(message.name)
            command, formats = portal.command, portal.formats
        if command is None or command.show is None:
            await self.write(NoData().encode())
        else:
            await self.write(row_description(command.show.columns, formats))

    async def _run(self, portal: _Portal, row_limit: int) -> None:
        """Runs a portal, or its next piece of `row_limit` rows; 0: all."""
        command = portal.command
        if command is None:
            await self.write(EmptyQueryResponse().encode())
            return
        if command.show is not None:
            if portal.left is None:
                portal.left = await command.show.rows(self.ask)
            await self._send_rows(portal, row_limit)
            if portal.left:
                await self.write(PortalSuspended().encode())
                return
        if command.action is not None:
            await self.act(command.action)
        if command.status is not None:
            self._status = command.status
        await self.write(command_complete(command.tag))

    async def _send_rows(self, portal: _Portal, row_limit: int) -> None:
        rows = portal.left or []
        count = min(row_limit, len(rows)) if row_limit > 0 else len(rows)
        columns = _columns(portal.command)
        for begin in range(0, count, ROWS_PER_WRITE):
            some = rows[begin : min(begin + ROWS_PER_WRITE, count)]
            await self.write(b"".join(data_row(columns, portal.formats, row) for row in some))
        portal.left = rows[count:]

    def _statement(self, name: bytes) -> Command | None:
        if name not in self._statements:
            raise _unknown("prepared statement", name)
        return self._statements[name]

    def _portal(self, name: bytes) -> _Portal:
        if name not in self._portals:
            raise _unknown("portal", name)
        return self._portals[name]


def _columns(command: Command | None) -> tuple[Any, ...]:
    return () if command is None or command.show is None else command.show.columns


def _keep(objects: dict[bytes, Any], name: bytes, value: object) -> None:
    if name not in objects and len(objects) >= OBJECTS_MAX:
        raise RefusedError(ConsoleTooMuchPrepared(limit=OBJECTS_MAX))
    objects[name] = value


def _unsupported(what: str, seen: str) -> RefusedError:
    return RefusedError(ConsoleProtocolUnsupported(what=what, seen=seen, commands=COMMANDS))


def _unknown(what: str, name: bytes) -> RefusedError:
    seen = repr(name.decode("utf-8", "replace")[:60])
    return RefusedError(ConsoleNameUnknown(what=what, seen=seen))
