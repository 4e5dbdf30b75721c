"""The demonstration: both sides at once, bars or lines, and a table that says it all."""

import asyncio
from io import StringIO

import pytest
from rich.console import Console

from pglane.lab import demo
from pglane.lab.demo import Side
from pglane.lab.scores import Tally
from pglane.lab.traffic import SERVED, UNANSWERED, OwnConnections, Sample, Traffic
from tests.support.lab_server import DONE, lab_server

KINDS = tuple(stream.kind for stream in demo.STREAMS)


def printed(what, **options) -> str:
    console = Console(file=StringIO(), width=150, **options)
    what(console)
    return console.file.getvalue()


def side(name: str, passwords_s: float | None) -> Side:
    """One where passwords waited so long, or (None) for ever."""
    made = Side(name, Traffic(demo.STREAMS, OwnConnections({})))
    outcome = UNANSWERED if passwords_s is None else SERVED
    for kind in KINDS:
        made.traffic.samples[kind] = [Sample(1.0 + n / 10, 0.05, SERVED) for n in range(30)]
    waits = [Sample(1.0 + n, 9.0 - n if passwords_s is None else passwords_s, outcome)
             for n in range(3)]  # fmt: skip
    made.traffic.samples["passwords"] = waits
    return made


def play(answers, seconds: float = 0.3):
    async def whole() -> tuple[list[Side], list[float]]:
        left: list[float] = []
        async with lab_server(answers[0]) as one, lab_server(answers[1]) as other:
            sides = [
                (name, OwnConnections({kind: server.place(kind) for kind in KINDS}))
                for name, server in (("pools", one), ("lanes", other))
            ]
            both = await demo.play(sides, seconds, lambda _both, left_s: left.append(left_s))
        return both, left

    return asyncio.run(whole())


def test_both_sides_play_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "GRACE_S", 60.0)
    monkeypatch.setattr(demo, "TICK_S", 0.05)
    both, left = play((lambda _text: DONE, lambda _text: DONE))
    assert [one.name for one in both] == ["pools", "lanes"]
    for one in both:
        assert one.counts("passwords") == (2, 0)
    assert left[0] >= left[-1] >= 0.0


def test_a_mistake_ends_it() -> None:
    class Broken(OwnConnections):
        async def lend(self, _stream):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(demo.play([("a", Broken({}))], 0.1, lambda *_: None))


def test_what_it_is_to_wait_now(monkeypatch: pytest.MonkeyPatch) -> None:
    one = side("lanes", 0.02)
    monkeypatch.setattr(one.traffic, "waiting", lambda _kind: (0, 0.0))
    assert one.wait_ms("passwords") == pytest.approx(20.0)
    assert one.counts("passwords") == (3, 0)
    monkeypatch.setattr(one.traffic, "waiting", lambda _kind: (4, 8.01))
    assert one.wait_ms("passwords") == pytest.approx(8000.0)
    assert one.wait_ms("visitors") == pytest.approx(50.0)
    one.traffic.samples["sellers"] = []
    monkeypatch.setattr(one.traffic, "waiting", lambda _kind: (0, 0.0))
    assert one.wait_ms("sellers") == 0.0


def test_the_picture_shows_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [side("pools", None), side("lanes", 0.02)]
    monkeypatch.setattr(both[0].traffic, "waiting", lambda _kind: (3, 9.0))
    monkeypatch.setattr(both[1].traffic, "waiting", lambda _kind: (0, 0.0))
    text = printed(lambda console: console.print(demo.picture(both, 12.4, 150)))
    assert "12 s left" in text
    assert "3 answered, 0 waiting" in text
    assert "0 answered, 3 waiting" in text
    assert "waits 9.0 s" in text
    assert "waits 20 ms" in text


@pytest.mark.parametrize(("width", "rows"), [(100, 12), (80, 12), (76, 12), (75, 17), (40, 17)])
def test_the_picture_fits_a_terminal_of_24_rows(
    width: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is broken into a second line, or cut where it counts."""
    both = [side("a pool per user (PgBouncer 1.25.2)", None), side("lanes (pglane)", 0.02)]
    for one in both:
        monkeypatch.setattr(one.traffic, "waiting", lambda _kind: (999, 29.9))
    console = Console(file=StringIO(), width=width)
    console.print(demo.picture(both, 12.4, width))
    lines = console.file.getvalue().splitlines()
    drawn = [line for line in lines if "╭" in line or "│" in line or "╰" in line]
    beside = width >= demo.BESIDE_WIDTH_MIN
    assert len(drawn) + 1 == rows
    assert len(lines) <= 20
    text = "\n".join(lines)
    assert text.count("waits 29.9 s") == 4
    assert text.count("999 waiting") == 4
    assert ("one-time passwords, to log in" in text) is beside


def test_bars_are_drawn_with_what_the_terminal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [side("pools", 0.02)]
    monkeypatch.setattr(both[0].traffic, "waiting", lambda _kind: (0, 0.0))
    text = printed(lambda console: console.print(demo.picture(both, 1.0, 150, utf8=False)))
    assert "#" in text
    assert "█" not in text


@pytest.mark.parametrize(
    ("wait_ms", "filled", "style"),
    [(0.0, 0, "green"), (500.0, 16, "yellow"), (30_000.0, 26, "bold red"), (1e9, 26, "bold red")],
)
def test_bars_grow_by_steps_that_multiply(wait_ms: float, filled: int, style: str) -> None:
    drawn = demo.Bars(26, "█", "░").draw(wait_ms)
    assert drawn.plain.count("█") == filled
    assert str(drawn.style) == style


def test_the_end_says_it_to_a_newcomer() -> None:
    both = [side("pools", None), side("lanes", 0.02)]
    text = printed(lambda console: demo.conclude(console, both, 10.0))
    assert "0 of 3 answered" in text
    assert "the first has waited 9 s" in text
    assert "3 of 3 answered" in text
    assert "wait 20 ms, longest 20 ms" in text
    flat = " ".join(text.split())
    assert "Of 3 people who wanted to log in, 0 got their password on the left." in flat
    assert "On the right 3 of 3 did" in flat
    assert "100% of their pages" in flat


def test_the_end_fits_a_terminal_of_80_times_24() -> None:
    """With the last line of the command, and the prompt behind it."""
    both = [side("a pool per user (PgBouncer 1.25.2)", None), side("lanes (pglane)", 0.255)]
    console = Console(file=StringIO(), width=80)
    demo.conclude(console, both, 30.0)
    assert len(console.file.getvalue().splitlines()) + 2 <= 24


def test_a_cell_when_nobody_came_or_some_are_missing() -> None:
    none = Tally("otp", 0, 0, {}, 0, 0.0, (), False)
    assert demo.told(none, awaited=True).plain == "0 of 0 answered\nthe first has waited 0 s"
    some = Tally("otp", 3, 2, {}, 1, 1.0, (0.01, 0.02), False)
    assert demo.told(some, awaited=True).plain.startswith("2 of 3 answered\n")
    assert str(demo.told(some, awaited=True).style) == "yellow"
    assert demo.told(some, awaited=False).plain.startswith("2 answered\n"), "who is amid a page"


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_watched_on_what_there_is(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LINE_EVERY", 1)
    both = [side("pools", None), side("lanes", 0.02)]
    monkeypatch.setattr(both[0].traffic, "waiting", lambda _kind: (3, 9.0))
    monkeypatch.setattr(both[1].traffic, "waiting", lambda _kind: (0, 0.0))

    async def fake(_sides, _seconds, tick):
        tick(both, 5.0)
        return both

    monkeypatch.setattr(demo, "play", fake)
    text = printed(
        lambda console: demo.watch(console, [], 1.0), force_terminal=terminal, color_system=None
    )
    assert ("waits 9.0 s" in text) is terminal
    assert ("5 s left  pools: " in text) is not terminal
    monkeypatch.setattr(demo, "LINE_EVERY", 2)
    lines = printed(lambda console: demo.Lines(console)(both, 1.0))
    assert lines == ""
