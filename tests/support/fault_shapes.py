"""Ways to write rows, each with what it says about them when the line breaks.

A shape is a list of sendings. Behind each the client reads the answers it is owed, and what they
say about the rows of the shape is noted by one rule: a row is committed when the ReadyForQuery
behind the statement that commits it has come without an error. What an error says holds for all
rows that were not committed by then. Where the stream ends inside a message nothing can be said
any more, by PostgreSQL neither: that is in doubt.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support import protocol as p
from tests.support.scripted_client import ConnectionEndedError, ScriptedClient
from tests.support.truth import IN_DOUBT, Ledger

SILENT = "nothing"
INTERRUPTED = "a part of a message"


@dataclass(frozen=True)
class Sending:
    """Bytes sent at once.

    Attributes:
        bytes: all of it.
        commits: for each ReadyForQuery that it is owed, how many rows are committed with it; if it
            is owed none, it is read up to the message `up_to`.
        up_to: CopyInResponse, or another kind.
        early: rows that it may commit itself, of those that a later ReadyForQuery tells of.
    """

    bytes: bytes
    commits: tuple[int, ...] = (0,)
    up_to: str = "G"
    early: int = 0


Shape = Callable[[int], list[Sending]]
ROWS_MAX = 4
"""Rows of one shape; their numbers follow each other."""


def insert(row: int) -> str:
    return f"INSERT INTO written VALUES ({row}, 'x')"


def extended(sql: str, name: str = "") -> bytes:
    return p.parse(sql, name) + p.bind(statement=name) + p.execute()


def simple(row: int) -> list[Sending]:
    return [Sending(p.query(insert(row)), (1,))]


def unnamed(row: int) -> list[Sending]:
    return [Sending(extended(insert(row)) + p.sync(), (1,))]


def named(row: int) -> list[Sending]:
    prepared = p.parse("INSERT INTO written VALUES ($1, 'x')", "add") + p.sync()
    bound = p.bind((str(row).encode(),), "add") + p.execute() + p.sync()
    return [Sending(prepared), Sending(bound, (1,))]


def block(row: int) -> list[Sending]:
    inside = [Sending(p.query(insert(row))), Sending(p.query(insert(row + 1)))]
    return [Sending(p.query("BEGIN")), *inside, Sending(p.query("COMMIT"), (2,))]


def block_in_one_text(row: int) -> list[Sending]:
    return [Sending(p.query(f"BEGIN; {insert(row)}; COMMIT"), (1,))]


def block_in_one_unit(row: int) -> list[Sending]:
    parts = ("BEGIN", insert(row), "COMMIT")
    return [Sending(b"".join(map(extended, parts)) + p.sync(), (1,))]


def block_in_one_packet(row: int) -> list[Sending]:
    parts = ("BEGIN", insert(row), "COMMIT")
    return [Sending(b"".join(map(p.query, parts)), (0, 0, 1))]


def units_in_one_packet(row: int) -> list[Sending]:
    units = (extended(insert(row + number)) + p.sync() for number in range(3))
    return [Sending(b"".join(units), (1, 1, 1))]


def implicit_block(row: int) -> list[Sending]:
    return [Sending(p.query(f"{insert(row)}; {insert(row + 1)}"), (2,))]


def block_in_one_unit_behind_a_copy(row: int) -> list[Sending]:
    """Nothing tells that the COPY is over: its Sync waits for the answers before it."""
    data = Sending(p.copy_data(f"{row}\tx\n".encode()) + p.copy_done(), (1,))
    copies = [Sending(p.query("COPY written FROM STDIN"), ()), data]
    parts = ("COPY written (id) TO STDOUT", "BEGIN", insert(row + 1), "COMMIT")
    return [*copies, Sending(b"".join(map(extended, parts)) + p.sync(), (1,))]


def flushed_commit(row: int) -> list[Sending]:
    """The block ends without a ReadyForQuery, and its unit's Sync commits a second row."""
    inside = [Sending(p.query("BEGIN")), Sending(p.query(insert(row)))]
    flushed = Sending(extended("COMMIT") + p.flush(), (), "C", early=1)
    return [*inside, flushed, Sending(extended(insert(row + 1)) + p.sync(), (2,))]


def portal_of_a_commit(row: int) -> list[Sending]:
    bound = p.parse("COMMIT") + p.bind(portal="c") + p.sync()
    inside = [Sending(p.query("BEGIN")), Sending(bound), Sending(p.query(insert(row)))]
    return [*inside, Sending(p.execute("c") + p.sync(), (1,))]


def two_blocks_in_one_text(row: int) -> list[Sending]:
    text = f"{insert(row)}; COMMIT; {insert(row + 1)}"
    return [Sending(p.query(text), (2,))]


def copied(row: int) -> list[Sending]:
    data = p.copy_data(f"{row}\tx\n{row + 1}\tx\n".encode()) + p.copy_done()
    return [Sending(p.query("COPY written FROM STDIN"), ()), Sending(data, (2,))]


def with_settings(row: int) -> list[Sending]:
    return [Sending(p.query("SET work_mem = '7MB'")), *simple(row)]


def with_savepoint(row: int) -> list[Sending]:
    texts = ("BEGIN", insert(row), "SAVEPOINT s", "SELECT 1/0", "ROLLBACK TO s", insert(row + 1))
    return [*(Sending(p.query(text)) for text in texts), Sending(p.query("COMMIT"), (2,))]


def chained(row: int) -> list[Sending]:
    first = (Sending(p.query("BEGIN")), Sending(p.query(insert(row))))
    second = (Sending(p.query(insert(row + 1))), Sending(p.query("COMMIT"), (1,)))
    return [*first, Sending(p.query("COMMIT AND CHAIN"), (1,)), *second]


def executed(row: int) -> list[Sending]:
    prepare = p.query("PREPARE adds(int) AS INSERT INTO written VALUES ($1, 'x')")
    return [Sending(prepare), Sending(p.query(f"EXECUTE adds({row})"), (1,))]


def by_function(row: int) -> list[Sending]:
    return [Sending(p.query(f"SELECT writes({row})"), (1,))]


def by_procedure(row: int) -> list[Sending]:
    """It commits between its two rows: the first may be there alone."""
    return [Sending(p.query(f"CALL writes_two({row})"), (2,))]


def returning_much(row: int) -> list[Sending]:
    return [Sending(p.query(f"{insert(row)} RETURNING repeat(note, 300000)"), (1,))]


SHAPES: tuple[Shape, ...] = (
    simple, unnamed, named, block, block_in_one_text, block_in_one_unit, block_in_one_packet,
    units_in_one_packet, implicit_block, two_blocks_in_one_text, copied, with_settings,
    with_savepoint, chained, executed, by_function, by_procedure, returning_much,
    block_in_one_unit_behind_a_copy, flushed_commit, portal_of_a_commit,
)  # fmt: skip

SCHEMA = """
SET ROLE app;
CREATE TABLE written (id int PRIMARY KEY, note text);
CREATE FUNCTION writes(int) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO written VALUES ($1, 'x') $$;
CREATE PROCEDURE writes_two(first int) LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO written VALUES (first, 'x'); COMMIT; INSERT INTO written VALUES (first + 1, 'x');
END $$;
"""


def write(client: ScriptedClient, sendings: list[Sending], row: int, ledger: Ledger) -> None:
    """Sends a shape and notes what was told of its rows, the first of which is `row`."""
    rows = iter(range(row, row + sum(sum(sending.commits) for sending in sendings)))
    for number, sending in enumerate(sendings):
        try:
            client.send(sending.bytes)
            _read(client, sending, rows, ledger)
        except (ConnectionEndedError, ConnectionResetError, BrokenPipeError) as ended:
            messages = ended.messages if isinstance(ended, ConnectionEndedError) else []
            told = p.errors(messages)
            state = told[-1] if told else INTERRUPTED if client.has_part() else SILENT
            _broke(state, rows, ledger, unsent=_commits_behind(sendings, number))
            return


def _commits_behind(sendings: list[Sending], number: int) -> int:
    behind = sum(sum(sending.commits) for sending in sendings[number + 1 :])
    return behind and behind - sum(sending.early for sending in sendings[: number + 1])


def _read(client: ScriptedClient, sending: Sending, rows: Iterator[int], ledger: Ledger) -> None:
    """The answers to one sending."""
    if not sending.commits:
        client.read_until(sending.up_to)
    for count in sending.commits:
        messages = client.read_until()
        failed = [one for one in messages if one.kind == "E" and one.sqlstate != "22012"]
        for row in [next(rows) for _ in range(count)]:
            if failed:
                _note(ledger, row, failed[-1].sqlstate)
            else:
                ledger.committed.add(row)


def _broke(state: str, rows: Iterator[int], ledger: Ledger, unsent: int) -> None:
    """What was told last holds for all that is left; what was not sent is surely not there."""
    left = list(rows)
    ledger.told[state] += 1
    for row in left[: len(left) - unsent]:
        _note(ledger, row, state)
    for row in left[len(left) - unsent :]:
        ledger.refused[row] = "not sent"


def _note(ledger: Ledger, row: int, state: str) -> None:
    if state in (IN_DOUBT, INTERRUPTED):
        ledger.in_doubt[row] = state
    else:
        ledger.refused[row] = state
