"""The report is one file that asks nobody for anything."""

import re
from html.parser import HTMLParser

from pglane.lab.page import page
from tests.support.lab_runs import RUNS, SCENARIO, WHERE

VOID = {"meta", "line", "circle", "rect"}


class Balanced(HTMLParser):
    """Every tag that opens is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_it_is_whole_and_self_contained() -> None:
    text = page([SCENARIO], RUNS, WHERE, ["PgBouncer <old>"])
    seen = Balanced()
    seen.feed(text)
    assert seen.open == []
    assert not re.search(r"https?://|src=|@import|url\(", text)
    assert not any(name == "src" for name, _ in seen.attributes)
    links = {value for name, value in seen.attributes if name == "href"}
    assert links == {"#small"}
    assert ("id", "small") in seen.attributes
    assert "prefers-color-scheme: dark" in text


def test_it_tells_figures_verdicts_and_circumstances() -> None:
    text = page([SCENARIO], RUNS, WHERE, ["PgBouncer <old>"])
    assert "Small &amp; simple" in text
    assert "PgBouncer &lt;old&gt;" in text
    assert '<span class="missed">none waits long</span>' in text
    assert '<span class="bad">pglane, one user: 1.5 s</span>' in text
    assert '<span class="held">all are served</span>' in text
    assert "<span>pglane, lanes: 15 ms (10 ms to 20 ms)</span>" in text
    assert '<td class="bad">never</td>' in text
    assert "<td>15 ms<small>10 ms to 20 ms</small></td>" in text
    assert '<td class="bad">4 of 6</td><td>0</td><td>6</td>' in text, "the summary"
    assert "<dt>a user each</dt><dd>every kind has a role" in text
    assert "two doors" not in text
    assert "✕ 5" in text
    assert "<dt>command</dt><dd>pglane &lt;lab&gt;</dd>" in text
    assert "50% at most" in text
    assert "8 clients" not in text


def test_no_run_is_a_page_too() -> None:
    assert "0% at most" in page([SCENARIO], [], WHERE, [])
