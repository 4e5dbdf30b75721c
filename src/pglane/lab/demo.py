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
ASKED_FOR = {"visitors": "pages", "sellers": "profiles", "passwords": "passwords"}
"""In the table at the end, which has to fit a small terminal with all that is said below it."""
TICK_S = 0.25
LINE_EVERY = 20
"""Ticks between two lines, where there is no terminal."""
BAR_MAX, BAR_MIN = 26, 4
BESIDE_WIDTH_MIN = 76
"""Columns, below which the two stand one above the other."""
WORDS_WIDTH = 22
"""What a line with a bar has beside the bar."""
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
    if not console.is_terminal or console.is_dumb_terminal:
        return asyncio.run(play(sides, seconds, Lines(console)))
    with Live(console=console, refresh_per_second=1 / TICK_S, transient=True) as live:

        def show(both: list[Side], left_s: float) -> None:
            live.update(picture(both, left_s, console.width, utf8=_is_utf8(console)))

        return asyncio.run(play(sides, seconds, show))


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


def _is_utf8(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def picture(
    both: Sequence[Side], left_s: float, width: int, *, utf8: bool = True
) -> RenderableType:
    """Two panels, one beside the other, or above it where there is not so much room."""
    beside = width >= BESIDE_WIDTH_MIN
    cells = (width // 2 if beside else width) - WORDS_WIDTH
    bars = Bars(max(BAR_MIN, min(cells, BAR_MAX)), *(("█", "░") if utf8 else ("#", ".")))
    panels = [_panel(side, bars, short=not beside) for side in both]
    head = Text(f"{MARKETPLACE.title}, twice. {left_s:.0f} s left", style="bold")
    if not beside:
        return Group(head, *panels)
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(*panels)
    return Group(head, grid)


def _panel(side: Side, bars: "Bars", *, short: bool) -> Panel:
    rows: list[RenderableType] = []
    for stream in STREAMS:
        answered, waiting = side.counts(stream.kind)
        told = f"{answered} answered"
        if stream.critical:
            told += f", {waiting} waiting"
        who = stream.kind if short else PEOPLE[stream.kind]
        rows.append(Text(f"{who}: {told}" if short else f"{who}\n  {told}", no_wrap=True))
        rows.append(bars.draw(side.wait_ms(stream.kind)))
    return Panel(Group(*rows), title=side.name, box=ROUNDED)


@dataclass(frozen=True, slots=True)
class Bars:
    """How long one waits, as a bar of so many cells and in words."""

    cells: int
    full: str
    empty: str

    def draw(self, wait_ms: float) -> Text:
        """One of them."""
        low, high = (math.log(each) for each in BAR_MS)
        part = (math.log(max(wait_ms, BAR_MS[0])) - low) / (high - low)
        filled = min(self.cells, round(part * self.cells))
        style = "green" if wait_ms < CALM_MS else "yellow" if wait_ms < ALARM_MS else "bold red"
        drawn = Text("  " + self.full * filled, style=style, no_wrap=True)
        drawn.append(self.empty * (self.cells - filled), style="dim")
        drawn.append(f" waits {duration(wait_ms)}", style=style)
        return drawn


def duration(wait_ms: float) -> str:
    """In the unit that a person would choose."""
    return f"{wait_ms / 1000:.1f} s" if wait_ms >= 1000 else f"{wait_ms:.0f} ms"


def conclude(console: Console, both: Sequence[Side], seconds: float) -> None:
    """The table at the end, and what it means."""
    table = Table(
        title=f"{MARKETPLACE.title}, {seconds:.0f} seconds", box=ROUNDED, show_lines=True
    )
    table.add_column("asked for")
    for side in both:
        table.add_column(side.name)
    for stream in STREAMS:
        cells = (told(side.tally(stream.kind, seconds), awaited=stream.critical) for side in both)
        table.add_row(ASKED_FOR[stream.kind], *cells)
    console.print(table)
    before, after = (side.tally("passwords", seconds) for side in both)
    pages = [side.tally("visitors", seconds).per_s for side in both]
    console.print(
        f"Of {before.asked} people who wanted to log in, {before.served} got their password on "
        f"the left. On the right {after.served} of {after.asked} did, and visitors still had "
        f"{pages[1] / max(pages[0], 1e-9):.0%} of their pages.\n\n"
        "Both sides had the same people and four connections to one PostgreSQL. Left, a free "
        "connection goes to the next in the same user's pool: beside a crowd nobody else has a "
        "turn. Right, kinds of traffic are lanes; passwords are promised one connection, which is "
        "lent out while nobody needs it."
    )


def told(found: Tally, *, awaited: bool) -> Text:
    """One cell for a person; `awaited`: whoever came was waited for, so that all count."""
    if not found.served:
        oldest = max((one.wait_s for one in found.samples), default=0.0)
        lines = [f"0 of {found.asked} answered", f"the first has waited {oldest:.0f} s"]
        return Text("\n".join(lines), style="bold red")
    whole = f"{found.served} of {found.asked}" if awaited else f"{found.served}"
    usual, longest = (duration(found.wait_s(part) * 1000) for part in (0.5, 1.0))
    style = "" if not awaited else "green" if found.served == found.asked else "yellow"
    return Text(f"{whole} answered\nwait {usual}, longest {longest}", style=style)
