"""Random sequences of statements about channels: what a client is told through the transaction
door, and what it is told on a private connection.

One difference is left out: somebody notifies a channel during a transaction, and the client
listens to it only later in that transaction. PostgreSQL promises what is committed after that, and
a session that listened to another channel already gets what is older too.

Server connections change under the client's feet: another one holds now the first, now the second.
"""

import os
import struct
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, note, settings, strategies as st

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient

pytestmark = pytest.mark.gateway

STATEMENTS = [
    "LISTEN {0}a",
    "LISTEN {0}a",
    "LISTEN {0}b",
    "UNLISTEN {0}a",
    "UNLISTEN {0}b",
    "UNLISTEN *",
    "BEGIN",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "SAVEPOINT t",
    "ROLLBACK TO s",
    "ROLLBACK TO SAVEPOINT t",
    "RELEASE s",
    "COMMIT AND CHAIN",
    "SELECT 1/0",
    "SELECT 1",
    "NOTIFY {0}a, 'x'",
    "SELECT pg_notify('{0}b', 'y')",
    "DO $$BEGIN PERFORM pg_notify('{0}a', 'from a block'); END$$",
    "DISCARD ALL",
    "LISTEN {0}a; SELECT 1/0",
    "LISTEN {0}b; SELECT 1",
    "BEGIN; LISTEN {0}a; COMMIT; LISTEN {0}b; SELECT 1/0",
    "LISTEN {0}a; ROLLBACK; LISTEN {0}b",
    "BEGIN; SAVEPOINT s; LISTEN {0}a; ROLLBACK TO s; LISTEN {0}b; COMMIT",
    "UNLISTEN *; NOTIFY {0}a; LISTEN {0}b; NOTIFY {0}b",
]
SIMPLE, EXTENDED, NOTIFIED, SWITCHED = "simple", "extended", "somebody notifies", "switch"
EXAMPLES = int(os.environ.get("PGLANE_TEST_SEQUENCES", "75"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([SIMPLE, SIMPLE, EXTENDED]), st.sampled_from(STATEMENTS)),
        st.tuples(st.just(NOTIFIED), st.sampled_from(["{0}a", "{0}b"])),
        st.tuples(st.just(SWITCHED), st.just("")),
    ),
    min_size=3,
    max_size=25,
)


class Side:
    """One of the two ways, with channels of its own."""

    def __init__(self, client: ScriptedClient, prefix: str) -> None:
        self.client = client
        self.prefix = prefix

    def ask(self, how: str, statement: str) -> tuple[list[object], list[object]]:
        """What is answered, and what is notified, up to ReadyForQuery."""
        text = statement.format(self.prefix)
        if how == SIMPLE:
            self.client.send(p.query(text))
        else:
            self.client.send(p.parse(text) + p.bind() + p.execute() + p.sync())
        told = self.client.read_until("Z")
        answers = [(each.kind, self._told(each)) for each in told if each.kind not in "ANS"]
        return answers, [self._notification(each) for each in told if each.kind == "A"]

    def _told(self, message: p.Message) -> object:
        return message.sqlstate if message.kind == "E" else message.body

    def _notification(self, message: p.Message) -> object:
        (process_id,) = struct.unpack_from("!I", message.body)
        channel, payload, _ = message.body[4:].decode().split("\0")
        return process_id == self.notifier(), channel.removeprefix(self.prefix), payload

    def channels(self) -> set[str]:
        """What it listens to; no transaction is open."""
        rows = p.rows(self.client.query("SELECT pg_listening_channels()"))
        return {str(channel).removeprefix(self.prefix) for (channel,) in rows}

    def notifier(self) -> int:
        return self.client.backend_pid


@pytest.fixture(scope="module")
def narrow(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, ("--budget", "2"))
    try:
        yield one.start()
        assert "internal_error" not in one.log(), one.log()
    finally:
        one.destroy()


@settings(
    max_examples=EXAMPLES,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(steps=STEPS)
def test_it_is_told_what_a_private_connection_is_told(
    narrow: Gateway, cluster: PostgresCluster, steps: list[tuple[str, str]]
) -> None:
    private = Side(ScriptedClient.login(cluster.target()), "p_")
    shared = Side(ScriptedClient.login(narrow.target("transaction")), "s_")
    other = psycopg.connect(narrow.uri("transaction"), autocommit=True)
    outsider = cluster.connect("app")
    holds = False
    listened: set[str] = set()
    try:
        for how, what in [*steps, (SIMPLE, "ROLLBACK"), (SIMPLE, "SELECT 1")]:
            note(f"{how}: {what}")
            if private.client.status == "I":
                listened = private.channels()
            if how == SWITCHED:
                other.execute("COMMIT" if holds else "BEGIN")
                holds = not holds
            elif how == NOTIFIED:
                if private.client.status != "I" and what.format("") not in listened:
                    continue
                for side in (private, shared):
                    outsider.execute(f"NOTIFY {what.format(side.prefix)}, 'from outside'")
                assert shared.ask(SIMPLE, "SELECT 1") == private.ask(SIMPLE, "SELECT 1")
            else:
                assert shared.ask(how, what) == private.ask(how, what)
    finally:
        for side in (private, shared):
            side.client.close()
        other.close()
        outsider.close()
