"""Plots are whole XML, show every contender, and escape what is not ours."""

from xml.etree import ElementTree as ET

import pytest

from pglane.lab import plots
from pglane.lab.plots import Bar, Strip


def shapes(figure: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(figure).iter(kind))


def test_a_dot_for_each_request_and_a_column_for_those_without_an_answer() -> None:
    figure = plots.strip(
        [Strip("pool <1>", False, [1.0, 10.0, 100.0], 0), Strip("pglane", True, [], 7)], "A & B"
    )
    assert len(shapes(figure, "circle")) == 3
    texts = [one.text for one in shapes(figure, "text")]
    assert "pool <1>" in texts
    assert "✕ 7" in texts
    assert {"0.1 ms", "1 s", "10 s"} <= set(texts)
    assert shapes(figure, "svg")[0].get("aria-label") == "A & B"


def test_many_dots_are_thinned() -> None:
    figure = plots.strip([Strip("a", True, [float(n) for n in range(1, 2001)], 0)], "")
    assert len(shapes(figure, "circle")) <= plots.DOTS_MAX


def test_bars_end_where_their_figure_does() -> None:
    figure = plots.bars(
        [Bar("a", False, 50.0, "50/s"), Bar("b", True, 100.0, "100/s"),
         Bar("c", True, float("inf"), "never")], "",
    )  # fmt: skip
    widths = [float(one.get("width", "")) for one in shapes(figure, "rect")]
    assert widths[1] == 2 * widths[0]
    assert widths[2] == 0.0
    assert shapes(plots.bars([Bar("a", True, 0.0, "0")], ""), "rect")[0].get("width") == "0.0"


@pytest.mark.parametrize(
    ("wait_ms", "x"), [(0.0, 0), (0.1, 0), (10_000.0, 500), (1e9, 500), (1.0, 100)]
)
def test_the_axis_is_logarithmic_and_ends(wait_ms: float, x: float) -> None:
    assert plots.place(wait_ms, 0, 500) == x
