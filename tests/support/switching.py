"""A client that is on another server connection after each of its transactions.

Behind two server connections: one is held by a stranger's open transaction, so the client under
test is on the other. For a switch a second stranger begins a transaction, on the one that is
free, and the first ends its own. Strangers look at what they got: nothing of the client's may be
there.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.support.protocol import errors, rows, tags
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target

BUDGET = 2


@dataclass(frozen=True)
class Answer:
    """What a client can see of an answer."""

    rows: list[tuple[str | None, ...]]
    tags: list[str]
    errors: list[str]
    status: str
    parameters: dict[str, str]


def ask(client: ScriptedClient, *requests: bytes | str) -> Answer:
    """Sends a text as a simple Query, or messages that end with one ReadyForQuery."""
    if len(requests) == 1 and isinstance(requests[0], str):
        told = client.query(requests[0])
    else:
        client.send(*[part for part in requests if isinstance(part, bytes)])
        told = client.read_until()
    seen = {n: v for n, v in client.parameters.items() if n != "in_hot_standby"}
    return Answer(rows(told), tags(told), errors(told), client.status, seen)


class Switching:
    """The client under test and two strangers.

    Attributes:
        client: the one under test.
        looks: what strangers saw, one answer for each time they got a server connection.
    """

    def __init__(self, target: Target, look: str = "SELECT 1", **startup: str) -> None:
        self._look = look
        self.looks: list[Answer] = []
        self._holder, self._free = [ScriptedClient.login(target, **startup) for _ in range(2)]
        self._hold(self._holder)
        self.client = ScriptedClient.login(target, **startup)

    def _hold(self, stranger: ScriptedClient) -> None:
        stranger.query("BEGIN")
        self.looks.append(ask(stranger, self._look))

    def switch(self) -> None:
        """From here on the client is on the other server connection."""
        self._hold(self._free)
        self._holder.query("ROLLBACK")
        self._holder, self._free = self._free, self._holder

    def ask(self, *requests: bytes | str) -> Answer:
        """The answer, from another server connection than the one before."""
        if self.client.status == "I":
            self.switch()
        return ask(self.client, *requests)

    def close(self) -> None:
        for one in (self.client, self._holder, self._free):
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
