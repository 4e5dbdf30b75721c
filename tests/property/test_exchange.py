"""Through our rewriting a client receives what it would receive from the server directly.

Two clients share two server connections, as behind a door that lends them by the transaction. Each
also talks to a server of its own: what it gets there is what it must get from us, byte for byte,
for any pipeline and any split and interleaving of the streams.
"""

import os
from typing import Any

from hypothesis import HealthCheck, given, reject, settings, strategies as st

from pglane.connection.answer_events import BROKEN, ENDING, READY, RELEASED_HOLD
from pglane.connection.exchange import IDLE_STATUS, Exchange
from pglane.connection.extended_requests import TERMINATED
from pglane.connection.prepared_statements import ServerStatements, Shapes
from pglane.connection.requests import ClientRequests
from pglane.wire import client_messages as c
from pglane.wire.framing import MessageReader
from pglane.wire.server_messages import error_fields
from pglane.wire.statements import VerdictCache
from tests.support.simulated_server import Database, SimulatedServer, SynchronizationLost

TEXTS = [
    b"SELECT 1",
    b"SELECT 2",
    b"ROWS 3",
    b"INSERT x",
    b"BEGIN",
    b"COMMIT",
    b"ROLLBACK",
    b"FAIL",
    b"WRONG",
    b"",
    b"NOTICE",
    b"DEALLOCATE a",
    b"DEALLOCATE ALL",
    b"DISCARD ALL",
    b"COPY t TO STDOUT",
]
NAMES = [b"", b"a", b"b", b"c"]
PORTALS = [b"", b"p"]
texts = st.sampled_from(TEXTS)
names = st.sampled_from(NAMES)
portals = st.sampled_from(PORTALS)
SYNC = c.Sync().encode()

extended = st.one_of(
    st.builds(c.Parse, names, texts),
    st.builds(c.Bind, portals, names),
    st.builds(c.Bind, portals, names),
    st.builds(c.Describe, st.just(b"S"), names),
    st.builds(c.Describe, st.just(b"P"), portals),
    st.builds(c.Execute, portals, st.sampled_from([0, 1, 2])),
    st.builds(c.Execute, portals, st.just(0)),
    st.builds(c.Close, st.just(b"S"), names),
    st.builds(c.Close, st.just(b"P"), portals),
    st.just(c.Flush()),
).map(lambda message: message.encode())
whole = st.builds(
    lambda name, text: [
        c.Parse(name, text).encode(),
        c.Bind(b"", name).encode(),
        c.Describe(b"P", b"").encode(),
        c.Execute(b"").encode(),
    ],
    names,
    texts,
)
runs = st.one_of(
    st.lists(extended, max_size=6), whole, st.builds(lambda a, b: a + b, whole, whole)
)
segments = st.builds(
    lambda run, syncs: [*run, *[SYNC] * syncs], runs, st.sampled_from([1, 1, 1, 0, 2])
)
several = st.lists(
    st.sampled_from([t for t in TEXTS if t != b"DEALLOCATE a"]), min_size=2, max_size=3
)
simple = st.one_of(texts, several.map(b"; ".join)).map(lambda text: [c.Query(text).encode()])
functions = st.sampled_from([0, 7]).map(lambda oid: [c.FunctionCall(oid).encode()])
BAD = c.CopyData(b"bad").encode()
copied = st.lists(st.sampled_from([b"1\n", b"2\n", b"bad"]), max_size=3).map(
    lambda pieces: [c.CopyData(piece).encode() for piece in pieces]
)
copy_ends = st.sampled_from([c.CopyDone().encode(), c.CopyFail(b"no").encode()])
COPY = b"COPY t FROM STDIN"
SIMPLE_COPIES = [[c.Query(COPY).encode()], [c.Query(b"SELECT 1; " + COPY).encode()]]
EXTENDED_COPY = [
    c.Parse(b"", COPY).encode(),
    c.Bind(b"", b"").encode(),
    c.Execute(b"").encode(),
]
simple_copies = st.builds(
    lambda start, data, end: [*start, *data, end],
    st.sampled_from(SIMPLE_COPIES),
    copied,
    copy_ends,
)
extended_copies = st.builds(
    lambda early, data, late, end: [
        *EXTENDED_COPY,
        *[SYNC] * early,
        *data,
        *[SYNC] * (0 if BAD in data else late),
        end,
        SYNC,
    ],
    st.integers(0, 2),
    copied,
    st.integers(0, 1),
    copy_ends,
)
requests_of_one = st.lists(
    st.one_of(segments, segments, simple, functions, simple_copies, extended_copies), max_size=6
).map(
    lambda parts: (
        [message for part in parts for message in part] + [SYNC, c.Query(b"ROLLBACK").encode()]
    )
)


def told(stream: bytes) -> list[bytes]:
    """The messages of a stream; of an error what a program decides by."""
    reader = MessageReader(1 << 24)
    reader.feed(stream)
    messages = []
    while reader.next():
        if reader.kind == ord("E"):
            fields = error_fields(reader.body())
            messages.append(fields["S"] + b" " + fields["C"])
        else:
            messages.append(reader.message())
    assert not reader.buffered_bytes()
    return messages


class Wire:
    """A byte stream in flight that arrives in pieces."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    def take(self, size: int) -> bytes:
        piece, self.data = self.data[:size], self.data[size:]
        return piece


class Link:
    """One of our server connections, and the streams between it and its server."""

    def __init__(self, number: int, database: Database, statements_max: int) -> None:
        self.server = SimulatedServer(database)
        self.exchange = Exchange(ServerStatements(b"ours%d_" % number, statements_max), {})
        self.to_server = Wire()
        self.from_server = Wire()
        self.holder: Client | None = None


class Client:
    def __init__(self, messages: list[bytes], shapes: Shapes, database: Database) -> None:
        self.reference = SimulatedServer(database).receive(b"".join(messages))
        self.stream = Wire(b"".join(messages))
        self.requests = ClientRequests(
            VerdictCache(1000, 10_000),
            shapes,
            virtual=True,
            message_bytes_max=1 << 20,
            statements_max=100,
        )
        self.received: list[Any] = []
        self.link: Link | None = None


class Gateway:
    """Lends links to clients as a door by the transaction does; order is decided by `choose`."""

    def __init__(self, pipelines: list[list[bytes]], links: int, statements_max: int) -> None:
        shapes = Shapes()
        self.links = [Link(number, Database(), statements_max) for number in range(links)]
        self.clients = [Client(messages, shapes, Database()) for messages in pipelines]

    def forward(self, client: Client) -> None:
        link = client.link
        assert link is not None
        streaming = client.requests.reader.stream_left
        outcome = client.requests.forward(link.exchange)
        assert outcome != TERMINATED
        self._flush(link, client)
        if streaming:  # the server may have failed the COPY amid a message of it
            self._release(link, client)

    def _flush(self, link: Link, client: Client) -> None:
        link.to_server.data += b"".join(link.exchange.to_server)
        link.exchange.to_server.clear()
        client.received += link.exchange.to_client
        link.exchange.to_client.clear()

    def possible(self) -> list[Any]:
        steps: list[Any] = [("client", client) for client in self.clients if client.stream.data]
        for link in self.links:
            if link.to_server.data:
                steps.append(("to_server", link))
            if link.from_server.data:
                steps.append(("from_server", link))
        for client in self.clients:
            if client.link is None and client.requests.reader.buffered_bytes():
                steps += [("lease", client, link) for link in self.links if link.holder is None]
        return steps

    def step(self, step: Any, size: int) -> None:
        match step:
            case ("client", client):
                client.requests.reader.feed(client.stream.take(size))
                if client.link is not None:
                    self.forward(client)
            case ("lease", client, link):
                client.link = link
                link.holder = client
                link.exchange.attached = True
                self.forward(client)
            case ("to_server", link):
                link.from_server.data += link.server.receive(link.to_server.take(size))
            case ("from_server", link):
                self._answered(link, link.from_server.take(size))
            case _:
                raise AssertionError(step)

    def _answered(self, link: Link, data: bytes) -> None:
        client = link.holder
        assert client is not None, data
        exchange = link.exchange
        if exchange.relays(data, len(data)):
            client.received.append(data)
            events = READY
        else:
            events = exchange.receive(data)
        assert not events & (BROKEN | ENDING), exchange.ending
        self._flush(link, client)
        if events & RELEASED_HOLD:
            self.forward(client)
        if events & READY:
            self._release(link, client)

    def _release(self, link: Link, client: Client) -> None:
        """Where nothing is owed and no message is sent by halves, as the engine does."""
        exchange = link.exchange
        amid = exchange.skipping or exchange.held or client.requests.reader.stream_left
        if exchange.outstanding() == 0 and exchange.status == IDLE_STATUS and not amid:
            link.holder = client.link = None
            exchange.attached = False


@settings(
    max_examples=int(os.environ.get("EXCHANGE_EXAMPLES", "300")),
    suppress_health_check=list(HealthCheck),
)
@given(
    pipelines=st.lists(requests_of_one, min_size=1, max_size=2),
    links=st.integers(1, 2),
    statements_max=st.sampled_from([1, 2, 50]),
    data=st.data(),
)
def test_clients_receive_what_their_own_server_would_send(
    pipelines: list[list[bytes]], links: int, statements_max: int, data: st.DataObject
) -> None:
    try:
        gateway = Gateway(pipelines, links, statements_max)
    except SynchronizationLost:
        reject()
    random = data.draw(st.randoms(use_true_random=False))
    while steps := gateway.possible():
        gateway.step(random.choice(steps), random.choice([1, 3, 7, 20, 100, 10_000]))
    for client in gateway.clients:
        assert told(b"".join(client.received)) == told(client.reference)
    for link in gateway.links:
        exchange = link.exchange
        assert (exchange.outstanding(), exchange.held, exchange.copy_in) == (0, 0, False)
        ours = {name for name in link.server.statements if name.startswith(b"ours")}
        known = {statement.name for statement in exchange.statements.all()}
        assert ours <= known
