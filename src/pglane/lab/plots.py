"""Plots as inline SVG, made of a few shapes; colours are the page's, so that it can be dark.

    strip    every request as a dot on a logarithmic axis of waits; those without an answer stand
             behind the axis, in a column of their own
    bars     one figure for each contender

Shapes carry classes, not colours. Texts that are not ours are escaped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
LABEL_WIDTH = 215
ROW_HEIGHT = 26
AXIS_HEIGHT = 34
NEVER_WIDTH = 110
DECADES = (-1, 4)
"""From 0.1 ms to 10 s, as powers of ten of milliseconds."""
DOTS_MAX = 400


@dataclass(frozen=True, slots=True)
class Strip:
    """One contender's requests: waits of the answered ones, and how many were not."""

    label: str
    ours: bool
    waits_ms: Sequence[float]
    unanswered: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One contender's figure, and how it is said."""

    label: str
    ours: bool
    value: float
    said: str


def strip(rows: Sequence[Strip], caption: str) -> str:
    """The first kind of plot."""
    left, right = LABEL_WIDTH, WIDTH - NEVER_WIDTH
    bottom = AXIS_HEIGHT + len(rows) * ROW_HEIGHT
    shapes = []
    for power in range(DECADES[0], DECADES[1] + 1):
        x = place(10.0**power, left, right)
        shapes.append(f'<line class="grid" x1="{x}" x2="{x}" y1="24" y2="{bottom}"/>')
        shapes.append(_text(x, 16, _duration(10.0**power), "axis", "middle"))
    shapes.append(_text(_never_x(right), 16, "no answer", "axis", "middle"))
    for number, row in enumerate(rows):
        y = AXIS_HEIGHT + (number + 0.5) * ROW_HEIGHT
        shapes += _strip_row(row, y, left, right)
    return _svg(bottom + 6, caption, shapes)


def _strip_row(row: Strip, y: float, left: int, right: int) -> list[str]:
    kind = "ours" if row.ours else "theirs"
    shapes = [_text(left - 10, y + 4, row.label, f"label {kind}", "end")]
    waits = sorted(row.waits_ms)
    for wait in waits[:: max(1, len(waits) // DOTS_MAX)]:
        x = place(wait, left, right)
        shapes.append(f'<circle class="dot {kind}" cx="{x}" cy="{y:.1f}" r="3"/>')
    if waits:
        x = place(waits[len(waits) // 2], left, right)
        shapes.append(
            f'<line class="middle {kind}" x1="{x}" x2="{x}" y1="{y - 9:.1f}" y2="{y + 9:.1f}"/>'
        )
    if row.unanswered:
        told = f"✕ {row.unanswered}"
        shapes.append(_text(_never_x(right), y + 4, told, "never", "middle"))
    return shapes


def _never_x(right: int) -> float:
    """Where those without an answer stand: behind the end of the axis and its text."""
    return right + 0.6 * NEVER_WIDTH


def bars(rows: Sequence[Bar], caption: str) -> str:
    """The second kind of plot."""
    left, right = LABEL_WIDTH, WIDTH - NEVER_WIDTH
    finite = [row.value for row in rows if math.isfinite(row.value)]
    most = max(finite, default=0.0) or 1.0
    shapes = []
    for number, row in enumerate(rows):
        y = 10 + number * ROW_HEIGHT
        kind = "ours" if row.ours else "theirs"
        value = row.value if math.isfinite(row.value) else 0.0
        width = value / most * (right - left)
        shapes.append(_text(left - 10, y + 15, row.label, f"label {kind}", "end"))
        shapes.append(
            f'<rect class="bar {kind}" x="{left}" y="{y}" width="{width:.1f}" '
            f'height="{ROW_HEIGHT - 6}" rx="2"/>'
        )
        kind = "axis" if math.isfinite(row.value) else "never"
        shapes.append(_text(left + width + 6, y + 15, row.said, kind, "start"))
    return _svg(16 + len(rows) * ROW_HEIGHT, caption, shapes)


def place(wait_ms: float, left: int, right: int) -> float:
    """Where a wait stands on the axis."""
    low, high = DECADES
    power = min(max(math.log10(max(wait_ms, 1e-9)), low), high)
    return round(left + (power - low) / (high - low) * (right - left), 1)


def _duration(wait_ms: float) -> str:
    return f"{wait_ms / 1000:g} s" if wait_ms >= 1000 else f"{wait_ms:g} ms"


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _svg(height: float, caption: str, shapes: Sequence[str]) -> str:
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(caption)}">{"".join(shapes)}</svg>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
