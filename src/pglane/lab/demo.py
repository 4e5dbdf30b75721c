"""The marketplace, twice at once: a pool for each user beside lanes, on the same PostgreSQL.

On a terminal, bars show who waits and for how long while it runs; elsewhere a line every few
seconds. The end is a table for somebody who has read nothing else.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pglane.lab.scenarios.market import MARKETPLACE
from pglane.lab.scores import Tally, tally
from pglane.lab.traffic import SERVED, Clients, Traffic

STREAMS = MARKETPLACE.variants[0].streams
PEOPLE = {
    "visitors": "visitors, page after page",
    "sellers": "sellers, who change a profile",
    "passwords": "one-time passwords, to log in",
}
TICK_S = 0.25
LINE_EVERY = 20
"""Ticks between two lines, where there is no terminal."""
BAR = 26
BAR_MS = (1.0, 30_000.0)
"""What an empty and a full bar say; between them each step multiplies."""
CALM_MS, ALARM_MS = 100.0, 1000.0
RECENT = 20
WARM_S = 0.5
GRACE_S = 0.5


@dataclass(slots=True)
class Side:
    """One of the two: its name, and what happens there."""

    name: str
    traffic: Traffic

    def wait_ms(self, kind: str) -> float:
        """What it is to wait there now: the usual of the last answers, or longer for who waits."""
        last = [one.wait_s for one in self.traffic.samples[kind][-RECENT:]]
        usual = sorted(last)[len(last) // 2] if last else 0.0
        stream = next(one for one in STREAMS if one.kind == kind)
        open_s = self.traffic.waiting(kind)[1] - stream.work_s
        return max(usual, open_s if stream.critical else 0.0, 0.0) * 1000

    def counts(self, kind: str) -> tuple[int, int]:
        """How many were answered, and how many have no answer yet."""
        answered = sum(one.outcome == SERVED for one in self.traffic.samples[kind])
        return answered, self.traffic.waiting(kind)[0]

    def tally(self, kind: str, seconds: float) -> Tally:
        """At the end."""
        stream = next(one for one in STREAMS if one.kind == kind)
        return tally(stream, self.traffic.samples[kind], WARM_S, seconds)


async def play(
    sides: Sequence[tuple[str, Clients]], seconds: float, tick: Callable[[list[Side], float], None]
) -> list[Side]:
    """Both at once; `tick` is called now and then, with the seconds that are left."""
    running = [Side(name, Traffic(STREAMS, clients)) for name, clients in sides]
    tasks = [asyncio.create_task(one.traffic.run(seconds, GRACE_S)) for one in running]
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds + GRACE_S
    try:
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=TICK_S)
            tick(running, max(0.0, end - loop.time()))
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return running


def watch(console: Console, sides: Sequence[tuple[str, Clients]], seconds: float) -> list[Side]:
    """Plays it and shows it, as it fits what is printed on."""
    if not console.is_terminal:
        return asyncio.run(play(sides, seconds, Lines(console)))
    with Live(console=console, refresh_per_second=1 / TICK_S, transient=True) as live:
        return asyncio.run(
            play(sides, seconds, lambda both, left_s: live.update(picture(both, left_s)))
        )


class Lines:
    """Where there is no terminal: a line for both now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ticks = 0

    def __call__(self, both: list[Side], left_s: float) -> None:
        """Prints every so many ticks."""
        self._ticks += 1
        if self._ticks % LINE_EVERY:
            return
        for side in both:
            told = []
            for stream in STREAMS:
                answered, waiting = side.counts(stream.kind)
                told.append(f"{stream.kind} {answered} answered, {waiting} waiting")
            self._console.print(f"{left_s:3.0f} s left  {side.name}: {'; '.join(told)}")


def picture(both: Sequence[Side], left_s: float) -> RenderableType:
    """Two panels, one beside the other."""
    panels = Table.grid(expand=True, padding=(0, 1))
    panels.add_row(*(_panel(side) for side in both))
    head = Text(f"{MARKETPLACE.title}, twice: the same people on both sides. ", style="bold")
    head.append(f"{left_s:.0f} s left", style="not bold")
    return Group(head, panels)


def _panel(side: Side) -> Panel:
    rows: list[RenderableType] = []
    for stream in STREAMS:
        answered, waiting = side.counts(stream.kind)
        wait_ms = side.wait_ms(stream.kind)
        told = f"{PEOPLE[stream.kind]}\n  {answered} answered"
        if stream.critical:
            told += f", {waiting} waiting"
        rows.append(Text(told))
        rows.append(bar(wait_ms))
    return Panel(Group(*rows), title=side.name, box=ROUNDED)


def bar(wait_ms: float) -> Text:
    """How long one waits, as a bar and in words."""
    low, high = (math.log(each) for each in BAR_MS)
    part = (math.log(max(wait_ms, BAR_MS[0])) - low) / (high - low)
    filled = min(BAR, round(part * BAR))
    style = "green" if wait_ms < CALM_MS else "yellow" if wait_ms < ALARM_MS else "bold red"
    drawn = Text("  " + "█" * filled, style=style)
    drawn.append("░" * (BAR - filled), style="dim")
    drawn.append(f" waits {duration(wait_ms)}", style=style)
    return drawn


def duration(wait_ms: float) -> str:
    """In the unit that a person would choose."""
    return f"{wait_ms / 1000:.1f} s" if wait_ms >= 1000 else f"{wait_ms:.0f} ms"


def conclude(console: Console, both: Sequence[Side], seconds: float) -> None:
    """The table at the end, and what it means."""
    table = Table(title=f"{MARKETPLACE.title}, {seconds:.0f} seconds", box=ROUNDED)
    table.add_column("who")
    for side in both:
        table.add_column(side.name)
    for stream in STREAMS:
        table.add_row(
            PEOPLE[stream.kind], *(told(side.tally(stream.kind, seconds)) for side in both)
        )
    console.print(table)
    before, after = (side.tally("passwords", seconds) for side in both)
    pages = [side.tally("visitors", seconds).per_s for side in both]
    console.print(
        f"Of {before.asked} people who wanted to log in, {before.served} got their password on "
        f"the left, and {after.served} of {after.asked} on the right, where visitors still had "
        f"{pages[1] / max(pages[0], 1e-9):.0%} of their pages.\n"
        f"Both sides had the same visitors and four connections to the same PostgreSQL. Left, a "
        f"connection that becomes free goes to whoever waits in the same user's pool: where a "
        f"crowd always waits, nobody else has a turn. Right, each kind of traffic is a lane, and "
        f"one connection is promised to the lane of passwords, and lent to others while nobody "
        f"needs it."
    )


def told(found: Tally) -> str:
    """One cell for a person."""
    if not found.served:
        oldest = max((one.wait_s for one in found.samples), default=0.0)
        return f"0 of {found.asked} answered; the first has waited for {oldest:.0f} s"
    missing = found.asked - found.served
    counted = f"{found.served}" if missing == 0 else f"{found.served} of {found.asked}"
    usual, longest = (duration(found.wait_s(part) * 1000) for part in (0.5, 1.0))
    return f"{counted} answered; usual wait {usual}, longest {longest}"
