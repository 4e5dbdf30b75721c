"""The bleed matrix: each row's conversation somewhere, and how it differs from the truth."""

import re
from dataclasses import dataclass, field

from tests.support import protocol
from tests.support.bleed_rows import Row
from tests.support.protocol import Message, errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

REFUSAL = re.compile(r"PGL04\d\d")
SAME = "as on a private connection"
REFUSED = "refused before it runs"


@dataclass
class Heard:
    """What one conversation was answered.

    Attributes:
        answers: client and answer, in the order of the row.
        notifications: channel and payload by client.
        refused: clients that were refused something by a code of ours, and the codes.
    """

    answers: list[tuple[str, str]] = field(default_factory=list)
    notifications: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Conversation:
    """One row, somewhere; a client connects when it first speaks."""

    def __init__(self, row: Row, target: Target, seeded: str) -> None:
        self._row = row
        self._target = target.as_user(row.user)
        self._seeded = seeded
        self._clients: dict[str, ScriptedClient] = {}
        self.heard = Heard()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    def hold(self, awaited: dict[str, list[str]] | None = None) -> Heard:
        """All of it; `awaited` are notifications that may still be on their way."""
        for who, request in self._row.talk:
            self._say(who, request)
        for who, client in self._clients.items():
            wanted = len((awaited or {}).get(who, ()))
            eventually(lambda c=client, w=who, n=wanted: self._heard_all(c, w, n))
        return self.heard

    def _client(self, who: str) -> ScriptedClient:
        if who not in self._clients:
            startup = dict(self._row.startup) if who == "A" else {}
            self._clients[who] = ScriptedClient.login(self._target, **startup)
            self.heard.notifications[who] = []
        return self._clients[who]

    def _say(self, who: str, request: str | bytes) -> None:
        client = self._client(who)
        if isinstance(request, str):
            request = protocol.query(request.replace("{seeded}", self._seeded))
        client.send(request)
        answer = client.read_until()
        for one in answer:
            code = REFUSAL.search(one.fields.get("D", "")) if one.kind == "E" else None
            if code:
                self.heard.refused[who] = code.group()
        self.heard.answers.append((who, _told(answer)))
        self._note(who, answer)

    def _heard_all(self, client: ScriptedClient, who: str, wanted: int) -> bool:
        self._note(who, client.query("SELECT 1"))
        return len(self.heard.notifications[who]) >= wanted

    def _note(self, who: str, answer: list[Message]) -> None:
        for one in answer:
            if one.kind == "A":
                channel, payload, _ = one.body[4:].split(b"\0")
                self.heard.notifications[who].append(f"{channel.decode()} {payload.decode()}")


def _told(answer: list[Message]) -> str:
    """The errors, or else the values."""
    if errors(answer):
        return f"error {errors(answer)[0]}"
    return ", ".join("NULL" if value is None else value for row in rows(answer) for value in row)


def faults(truth: Heard, seen: Heard) -> list[str]:
    """Where somebody was answered otherwise than on a private connection, and was not refused."""
    found: dict[str, None] = {}
    for (who, expected), (_, got) in zip(truth.answers, seen.answers, strict=True):
        if got != expected and who not in seen.refused:
            found[f"{who} gets {_shown(got)}, not {_shown(expected)}"] = None
    for who, expected in truth.notifications.items():
        got = seen.notifications[who]
        if got != expected and who not in seen.refused:
            heard = f"hears {_shown(', '.join(got))}" if got else "hears nothing"
            found[f"{who} {heard}"] = None
    return list(found)


def cell(truth: Heard, seen: Heard) -> str:
    """A cell of the page."""
    wrong = faults(truth, seen)
    if wrong:
        return "; ".join(wrong)
    if seen.refused:
        return f"{REFUSED}: " + ", ".join(sorted(set(seen.refused.values())))
    return SAME


def _shown(value: str) -> str:
    return f"`{value}`" if value else "nothing"


def page(columns: tuple[str, ...], cells: dict[str, tuple[str, ...]], versions: str) -> str:
    """docs/reference/bleed-matrix.md."""
    lines = [
        "# The bleed matrix: what meets whom behind a transaction pooler",
        "",
        "<!-- made by tests/integration/test_bleed_matrix.py; `make bleed` writes it -->",
        "",
        "Each row is a conversation of clients A and B (and C, who only takes a server connection",
        "for a while, as load does). It was held on private connections, through PgBouncer in",
        "transaction mode with two server connections, and through the transaction door, where",
        "each transaction is on another server connection than the last (`--rotate`). The",
        f"conversations are in `tests/support/bleed_rows.py`. {versions}",
        "",
        "| | " + " | ".join(columns) + " |",
        "|" + "---|" * (len(columns) + 1),
    ]
    lines += [f"| {what} | " + " | ".join(told) + " |" for what, told in cells.items()]
    lines += [
        "",
        "Cancel requests that hit a stranger are a race, and no conversation:",
        "`tests/integration/test_cancel.py` sends thousands. What is left is in",
        "[differences](differences.md).",
        "",
    ]
    return "\n".join(lines)
