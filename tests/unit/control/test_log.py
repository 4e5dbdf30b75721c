"""The log: one line per event, whatever is in it."""

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from pglane.control.log import TEXT_CHARACTERS_MAX, Log, utc_now
from pglane.errors.processes import ConsoleFull

NOW = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)


def written(form, *events, level="debug"):
    stream = io.StringIO()
    log = Log(stream, form, level, lambda: NOW)
    for event in events:
        log.write_fields(*event)
    return stream.getvalue()


def test_a_line_for_people():
    line = written("text", ("info", "it_began", "It began.", {"pid": 7, "who": "me and you"}))
    assert line == '2026-02-03T04:05:06.789Z info it_began: It began. pid=7 who="me and you"\n'


def test_a_line_for_machines():
    line = written("json", ("info", "it_began", "It began.", {"pid": 7, "time": "forged"}))
    assert json.loads(line) == {
        "time": "2026-02-03T04:05:06.789Z",
        "level": "info",
        "event": "it_began",
        "text": "It began.",
        "pid": 7,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("word", "word"),
        ("", '""'),
        ("a=b", '"a=b"'),
        ('say "x"', '"say \\"x\\""'),
        ("a\nb", '"a\\nb"'),
        (None, "null"),
        (1.5, "1.5"),
        (["a"], '["a"]'),
    ],
)
def test_values(value, shown):
    assert written("text", ("info", "e", "t", {"key": value})).endswith(f" key={shown}\n")


@given(st.sampled_from(["text", "json"]), st.text(), st.text())
def test_an_event_is_one_printable_line(form, text, value):
    line = written(form, ("error", "e", text, {"value": value}))
    assert line.endswith("\n")
    assert line[:-1].isprintable()


@pytest.mark.parametrize("form", ["text", "json"])
def test_long_texts_are_cut(form):
    long = "x" * (TEXT_CHARACTERS_MAX * 3)
    assert len(written(form, ("info", "e", long, {"v": long}))) < TEXT_CHARACTERS_MAX * 2 + 200


def test_levels_below_the_threshold_are_not_written():
    levels = ["debug", "info", "warning", "error", "made_up"]
    lines = written("text", *[(level, "e", level, {}) for level in levels], level="warning")
    assert [line.split()[1] for line in lines.splitlines()] == ["warning", "error", "made_up"]


def test_settings_can_change():
    stream = io.StringIO()
    log = Log(stream, "text", "error", lambda: NOW)
    log.write("info", "unseen", "t")
    log.configure("json", "info")
    log.write("info", "seen", "t")
    assert json.loads(stream.getvalue())["event"] == "seen"


def test_a_refusal_is_told_whole():
    stream = io.StringIO()
    refusal = ConsoleFull(limit=50, idle_s=600)
    Log(stream, "json", now=lambda: NOW).refusal("console_refused", refusal, user="ada")
    entry = json.loads(stream.getvalue())
    assert entry["text"] == refusal.text
    assert entry["hint"] == refusal.hint_text
    assert (entry["code"], entry["level"], entry["user"]) == ("PGL0814", "warning", "ada")
    assert entry["sqlstate"] == refusal.sqlstate


def test_a_stream_that_fails_stops_nothing():
    class Broken(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    Log(Broken()).write("error", "e", "t")
    closed = io.StringIO()
    closed.close()
    Log(closed).write("error", "e", "t")


def test_the_wall_clock_is_utc():
    assert utc_now().tzinfo is UTC
