"""The result of a soak for people: a page in Markdown and its curves as SVG."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.end_to_end.report import Circumstances, facts, table
from tests.soak.samples import Curves
from tests.soak.soak import Soak

WIDTH, HEIGHT, LEFT, TOP = 900, 220, 80, 30
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
CHARTS = (("resident_bytes", "resident memory, MiB", 1 << 20), ("descriptors", "descriptors", 1))
FAULTS_NAMED = 12


def svg(curves: Curves, faults: Sequence[tuple[float, str]]) -> str:
    """One chart a value, one line a process; ticks at the bottom are faults."""
    whole = len(CHARTS) * (HEIGHT + TOP + 20) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" height="{whole}">',
        "<style>text { font: 11px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for place, (value, title, unit) in enumerate(CHARTS):
        parts += _chart(curves, faults, value, title, unit, TOP + place * (HEIGHT + TOP + 20))
    return "\n".join([*parts, "</svg>", ""])


def _chart(
    curves: Curves,
    faults: Sequence[tuple[float, str]],
    value: str,
    title: str,
    unit: int,
    top: float,
) -> list[str]:
    lines = {who: curves.of(who[1], value) for who in curves.processes()}
    end_s = max((one.at_s for one in curves.samples), default=1.0) or 1.0
    most = (
        max((y for points in lines.values() for _, y in points), default=1.0) * 1.1 / unit or 1.0
    )

    def at(x_s: float, y: float) -> str:
        x_at, y_at = LEFT + x_s / end_s * WIDTH, top + HEIGHT - y / unit / most * HEIGHT
        return f"{x_at:.1f},{y_at:.1f}"

    found = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{escape(title)}</text>']
    for part in range(5):
        level = most * part / 4
        _, y_at = at(0, level * unit).split(",")
        found.append(
            f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y_at}" y2="{y_at}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y_at}" text-anchor="end">{level:.0f}</text>'
        )
    for at_s, _ in faults:
        x_at, y_at = at(at_s, 0).split(",")
        found.append(
            f'<line x1="{x_at}" x2="{x_at}" y1="{y_at}" y2="{float(y_at) - 5}" stroke="#999"/>'
        )
    for number, ((role, pid), points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(at(*point) for point in points)
        found.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        found.append(
            f'<text x="{LEFT + 90 + 130 * number}" y="{top - 8}" fill="{colour}" '
            f'dx="120">{role} {pid}</text>'
        )
    found.append(f'<text x="{LEFT + WIDTH}" y="{top + HEIGHT + 14}" text-anchor="end">'
                 f"{end_s / 60:.0f} min</text>")  # fmt: skip
    return found


def markdown(circumstances: Circumstances, soak: Soak) -> str:
    """The verdict, what was done, what was told, how the curves move."""
    failures = soak.failures()
    verdict = "**Nothing is wrong.**" if not failures else f"**{len(failures)} things are wrong.**"
    parts = [
        f"# Soak, {circumstances.date}",
        facts(circumstances, []),
        verdict,
        "\n".join(f"- {one}" for one in failures[:50]),
        "## What was told",
        _told(soak),
        "## Curves",
        "![memory and descriptors of each process; ticks are faults](curves.svg)",
        _trends(soak),
        "At rest, before the load and behind it: "
        + "; ".join(", ".join(f"{k}: {v}" for k, v in one.items()) for one in soak.at_rest)
        + ".",
        "## Work",
        _work(soak.load.account.units),
        _counted({f"pgbench {mode}": runs for mode, runs in soak.load.pgbench_runs.items()}),
        "## Faults",
        _faults(soak),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _told(soak: Soak) -> str:
    account = soak.load.account
    ledger = account.ledger
    return table(
        ("rows", "count"),
        [
            ("told as committed, all there", str(len(ledger.committed))),
            ("told as not written, none there", str(len(ledger.refused))),
            ("told as in doubt (08007, or the stream ended)", str(len(ledger.in_doubt))),
            ("begun by a client that was killed", str(len(account.open))),
            ("lies", str(len(soak.lies))),
            ("wrong answers", str(len(account.wrong))),
            ("somebody else's state seen", str(len(account.strange))),
        ],
    ) + "\n\nErrors by SQLSTATE: " + ", ".join(
        f"{state} {count}" for state, count in sorted(ledger.told.items())
    ) + "."  # fmt: skip


def _trends(soak: Soak) -> str:
    rows = []
    for role, pid, value, moves, leaks in soak.curves.trends():
        points = [y for _, y in soak.curves.of(pid, value)]
        unit, name = (1 << 20, "MiB") if value == "resident_bytes" else (1, "descriptors")
        judged = f"{moves.growth / unit:+.2f} in {moves.judged_s / 60:.0f} min"
        verdict = "leaks" if leaks else "holds" if moves.judged_s else "too short to judge"
        rows.append(
            (f"{role} {pid}", name, f"{min(points) / unit:.1f}", f"{max(points) / unit:.1f}",
             judged if moves.judged_s else "-", f"{moves.rising:.0%}", verdict)
        )  # fmt: skip
    return table(("process", "what", "least", "most", "growth", "pairs rise", "verdict"), rows)


def _work(units: Mapping[str, int]) -> str:
    """One line a client kind and door."""
    kinds: dict[str, list[str]] = {}
    for name, count in sorted(units.items()):
        kind, door, unit = name.split()
        kinds.setdefault(f"{kind}, {door}", []).append(f"{unit} {count}")
    return table(("clients", "units of work"), [(k, ", ".join(v)) for k, v in kinds.items()])


def _counted(counts: Mapping[str, int]) -> str:
    return table(("what", "times"), [(name, str(count)) for name, count in sorted(counts.items())])


def _faults(soak: Soak) -> str:
    counts: dict[str, int] = {}
    for _, what in soak.breaker.happened:
        name = what.split()[0]
        counts[name] = counts.get(name, 0) + 1
    return _counted(counts)
