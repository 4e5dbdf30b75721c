"""The log: one line per event on standard error, for people or for machines.

Text: `2026-02-03T04:05:06.789Z error worker_crashed  sentence  key=value ...`; JSON: one object a
line with the same parts, keys flat. Times are UTC. Nothing here knows of secrets: who writes an
event passes only what may be read by whoever reads the log, and never SQL text.

The standard library's logging is not used: its global state belongs to an embedding application,
and one function with a level is all that two processes with one log need. The worker's events come
over the channel, so that lines never mix and the worker never waits for a terminal.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from pglane.errors import Refusal

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
TEXT_CHARACTERS_MAX = 2_000
"""A longer sentence or value is cut; it came from outside."""


def utc_now() -> datetime:
    """The wall clock; only the log reads it."""
    return datetime.now(UTC)


class Log:
    """Writes events to a stream.

    Args:
        stream: where lines go; a failing one loses lines, it never stops the gateway.
        form: `text` or `json`.
        level: the least of `LEVELS` that is written.
        now: the wall clock.
    """

    __slots__ = ("_form", "_now", "_stream", "_threshold")

    def __init__(
        self,
        stream: TextIO,
        form: str = "text",
        level: str = "info",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._stream = stream
        self._now = now
        self._form = form
        self._threshold = LEVELS.get(level, LEVELS["info"])

    def configure(self, form: str, level: str) -> None:
        """Takes over changed settings."""
        self._form = form
        self._threshold = LEVELS.get(level, LEVELS["info"])

    def write(self, level: str, event: str, text: str, **fields: Any) -> None:
        """One event: a level of `LEVELS`, a snake_case word, a sentence, values to find it by."""
        self.write_fields(level, event, text, fields)

    def write_fields(self, level: str, event: str, text: str, fields: Mapping[str, Any]) -> None:
        """As `write`, for values whose names are not ours to choose."""
        if LEVELS.get(level, LEVELS["error"]) < self._threshold:
            return
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        form = _json_line if self._form == "json" else _text_line
        try:
            self._stream.write(form(time, level, event, text, fields) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    def refusal(self, event: str, refusal: Refusal, behind: str = "", **fields: Any) -> None:
        """A refusal of ours, at its own level; `behind` its sentence stands what follows of it."""
        self.write(
            refusal.log_level,
            event,
            refusal.text + behind,
            detail=refusal.detail_text,
            hint=refusal.hint_text,
            code=refusal.code,
            sqlstate=refusal.sqlstate,
            **fields,
        )


def _json_line(time: str, level: str, event: str, text: str, fields: Mapping[str, Any]) -> str:
    entry = {key: _cut(value) for key, value in fields.items()}
    entry |= {"time": time, "level": level, "event": event, "text": _cut(text)}
    return json.dumps(entry, default=str)


def _text_line(time: str, level: str, event: str, text: str, fields: Mapping[str, Any]) -> str:
    values = "".join(f" {key}={_quoted(_cut(value))}" for key, value in fields.items())
    return f"{time} {level} {event}: {_printable(str(_cut(text)))}{values}"


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > TEXT_CHARACTERS_MAX:
        return value[:TEXT_CHARACTERS_MAX] + "..."
    return value


def _quoted(value: object) -> str:
    """Bare when one word, a JSON string otherwise."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if isinstance(value, str) and (not text.isprintable() or not text or set(text) & set(' "=')):
        return json.dumps(text)
    return text


def _printable(text: str) -> str:
    """No line breaks and no terminal's control sequences: a line cannot be forged by a client."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
