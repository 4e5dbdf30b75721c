"""A client and the server connection it holds, without sockets: messages in, messages out.

`load` gives the modules of one form; a `Lease` joins a `ClientRequests` and an `Exchange` of it.
"""

import importlib
from types import SimpleNamespace
from typing import Any

from pglane.wire import server_messages as s
from pglane.wire.framing import MessageReader
from tests.support.pure import load_pure

NAMES = (
    "connection.exchange",
    "connection.owed",
    "connection.requests",
    "connection.client_names",
    "connection.client_effects",
    "connection.client_channels",
    "connection.extended_requests",
    "connection.answer_events",
    "connection.expectations",
    "connection.prepared_statements",
    "connection.whole_requests",
    "wire.statements",
    "wire.framing",
)


def load(form: str) -> SimpleNamespace:
    """Everything that the modules under test define, in one form."""
    namespace = SimpleNamespace()
    for name in NAMES:
        path = f"pglane.{name}"
        module = load_pure(path) if form == "pure" else importlib.import_module(path)
        vars(namespace).update({k: v for k, v in vars(module).items() if not k.startswith("_")})
    return namespace


FORMS = {"in use": load("in use"), "pure": load("pure")}


def split(stream: bytes) -> list[bytes]:
    """The messages of a stream, which must be whole."""
    reader = MessageReader(1 << 30)
    reader.feed(stream)
    messages = []
    while reader.next():
        messages.append(reader.message())
    assert not reader.buffered_bytes()
    return messages


def encoded(*messages: Any) -> bytes:
    return b"".join(m if isinstance(m, bytes) else m.encode() for m in messages)


def messages(*expected: Any) -> list[bytes]:
    """The bytes of each of these messages."""
    return split(encoded(*expected))


def states(told: list[bytes]) -> list[bytes]:
    """The SQLSTATE of each error, the type of every other message."""
    return [s.error_fields(m[5:])["C"] if m[:1] == b"E" else m[:1] for m in told]


def error(state: bytes = b"22012", severity: bytes = b"ERROR", **fields: bytes) -> s.ErrorResponse:
    told = {"S": severity, "V": severity, "C": state, "M": b"words", **fields}
    return s.ErrorResponse(tuple(told.items()))


class Lease:
    """One client on one server connection."""

    def __init__(self, form: Any, *, virtual: bool = True, statements_max: int = 10) -> None:
        self.form = form
        self.shapes = form.Shapes()
        self.cache = form.VerdictCache(100, 10_000)
        self.requests = self.client(virtual=virtual, statements_max=statements_max)
        self.exchange = self.server()
        self.events = 0
        self.outcome = 0

    def client(self, *, virtual: bool = True, statements_max: int = 10) -> Any:
        return self.form.ClientRequests(
            self.cache,
            self.shapes,
            virtual=virtual,
            message_bytes_max=1 << 24,
            statements_max=statements_max,
        )

    def server(self, statements_max: int = 10) -> Any:
        statements = self.form.ServerStatements(b"ours_", statements_max)
        exchange = self.form.Exchange(statements, {})
        exchange.attached = True
        return exchange

    def send(self, *messages: Any) -> list[bytes]:
        """What the server is sent when the client sends this."""
        self.requests.reader.feed(encoded(*messages))
        return self.forward()

    def forward(self) -> list[bytes]:
        self.outcome = self.requests.forward(self.exchange)
        sent = b"".join(self.exchange.to_server)
        self.exchange.to_server.clear()
        return split(sent)

    def answer(self, *messages: Any) -> list[bytes]:
        """What the client is told when the server answers this."""
        data = encoded(*messages)
        if self.exchange.relays(data, len(data)):
            self.events = self.form.READY
            return split(data)
        self.events = self.exchange.receive(data)
        return self.told()

    def told(self) -> list[bytes]:
        told = b"".join(self.exchange.to_client)
        self.exchange.to_client.clear()
        return split(told)
