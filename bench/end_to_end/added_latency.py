"""`python -m bench.end_to_end.added_latency`: what lanes add to the answer of one query.

All gateways run at once in front of one PostgreSQL, each with a single server connection, and one
client asks each of them in turn, query by query: what else the machine does hits all alike.

    alone       nobody waits: the time of `SELECT 1`, wish to answer
    hand-over   another client holds the server connection when it asks: the time from the other's
                answer to its own, so the release, the decision and a query

Lanes are three here, one of which reserves the server connection and lends it; the same gateway
without lanes in its file has one for each user. Differences of p50 are taken pair by pair; p10 is
what is left when other work on the machine disturbs most of them.
"""

import argparse
import asyncio
import random
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

from pglane.lab import contenders, database, pgbouncer
from pglane.lab.connection import Connection
from pglane.lab.contenders import PGLANE, Contender, Serving
from pglane.lab.scenario import Scenario, Variant, rate
from pglane.lab.traffic import Stream

HOLD = "SELECT pg_sleep(0.002)"
QUERY = "SELECT 1"
BROWSE, OTP = Stream("browse", clients=1), Stream("otp", clients=1)
VARIANT = Variant("two clients", (BROWSE, OTP))
LANES = """
[lanes.otp]
door = "transaction"
reserve = 1
borrow_hold_ms = 500
match = [{ application_name = "otp" }]

[lanes.browse]
door = "transaction"
match = [{ application_name = "browse" }]

[lanes.reports]
door = "transaction"
limit = 1
match = [{ application_name = "reports" }]
"""
SCENARIO = Scenario(
    name="added-latency",
    number="-",
    title="",
    story="",
    budget=1,
    variants=(VARIANT,),
    ways=("one user", "lanes"),
    columns=(),
    targets=(),
    plotted="otp",
    compared=rate("otp"),
    lanes=LANES,
)
BARE, WITH = "pglane, one user", "pglane, lanes"
WARM = 200

Times = dict[str, list[float]]


async def alone(client: Connection) -> float:
    """Seconds of one query."""
    begin = time.perf_counter()
    await client.ask(QUERY)
    return time.perf_counter() - begin


async def hand_over(holder: Connection, client: Connection) -> float:
    """Seconds from one client's answer to that of the other, who waited meanwhile."""
    ended: dict[str, float] = {}

    async def ask(who: str, connection: Connection, text: str) -> None:
        await connection.ask(text)
        ended[who] = time.perf_counter()

    await asyncio.gather(ask("holder", holder, HOLD), ask("client", client, QUERY))
    return ended["client"] - ended["holder"]


async def measure(serving: dict[str, Serving], turns: int) -> tuple[Times, Times]:
    """Both times of each gateway, turn by turn."""
    holders = {name: await one.clients.lend(BROWSE) for name, one in serving.items()}
    clients = {name: await one.clients.lend(OTP) for name, one in serving.items()}
    single: Times = {name: [] for name in serving}
    handed: Times = {name: [] for name in serving}
    names, dice = list(serving), random.Random(1)
    for turn in range(turns + WARM):
        dice.shuffle(names)  # each follows each of the others
        for name in names:
            one, other = await alone(clients[name]), await hand_over(holders[name], clients[name])
            if turn >= WARM:
                single[name].append(one)
                handed[name].append(other)
    for connection in (*holders.values(), *clients.values()):
        connection.close()
    return single, handed


def report(what: str, times: Times) -> list[str]:
    """A row for each gateway, and the difference that lanes make."""
    rows = []
    tenth: dict[str, float] = {}
    for name, each in times.items():
        parts = [part * 1e6 for part in quantiles(each, n=100)]
        tenth[name] = parts[9]
        rows.append(f"| {what} | {name} | {parts[9]:.0f} | {parts[49]:.0f} | {parts[98]:.0f} |")
    pairs = zip(times[WITH], times[BARE], strict=True)
    low, middle, high = quantiles([(one - other) * 1e6 for one, other in pairs], n=4)
    told = f"{middle:+.1f} (half of the pairs: {low:+.0f} to {high:+.0f})"
    return [*rows, f"| {what} | **lanes add** | {tenth[WITH] - tenth[BARE]:+.1f} | {told} | |"]


def main() -> None:
    """Prints a table in Markdown; microseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--pgbouncer", type=Path, action="append", default=None)
    chosen = parser.parse_args()
    programs = chosen.pgbouncer or pgbouncer.programs()
    compared = contenders.contenders(SCENARIO, programs, lanes=True)
    with database.running() as server, ExitStack() as stack:
        asyncio.run(server.make())
        asyncio.run(server.admit(contenders.roles(VARIANT)))
        serving: dict[str, Serving] = {}
        for number, one in enumerate(compared):
            if one.way or one.name == PGLANE:
                name = f"{one.name}, {one.way}"
                serving[name] = stack.enter_context(start(one, server, number))
        times = asyncio.run(measure(serving, chosen.turns))
    print("| when | through | p10, µs | p50, µs | p99, µs |\n|---|---|---|---|---|")
    for what, each in zip(("alone", "hand-over"), times, strict=True):
        print("\n".join(report(what, each)))


def start(one: Contender, server: database.Database, number: int):  # noqa: ANN201
    """One of those that are compared, in a folder of its own."""
    folder = server.folder / str(number)
    folder.mkdir(mode=database.WALKED_THROUGH)
    return contenders.running(one, SCENARIO, VARIANT, replace(server, folder=folder))


if __name__ == "__main__":
    main()
