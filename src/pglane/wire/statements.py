"""What kind each statement of an SQL text is, and what the text may leave in the session.

A scanner, not a parser. It splits a text into statements exactly as PostgreSQL does, names each
by its first words and collects every word that can have an effect on the session, wherever it
stands. It may say more than is true (EXPLAIN of a call counts like the call), never less: a text
that it cannot read with certainty gets `Kind.UNKNOWN` and `Effect.UNKNOWN`, to be treated as
everything at once. One that no server can read either is `Effect.MALFORMED`.

Why words suffice: PostgreSQL has no way to call a function or name a relation whose name does
not stand in the text, except through code that is not in the text at all (functions, triggers,
views, column defaults, prepared statements, SQL given as a value). The last of these are flagged
where a built-in runs them (EXECUTES, OPAQUE); what user code does, no text shows.

A semicolon ends a statement except within parentheses (CREATE RULE .. DO (a; b)) and in a
function body BEGIN ATOMIC .. END. Such a body ends at the END that follows its last semicolon:
no statement in it can begin with END, and every other END (of CASE, or a label) comes after
something else.

The text arrives in the client's encoding. Where a quote or backslash byte may be the second byte
of a character, a text with any byte above 127 is not read at all.

Rejected: a grammar-complete parser (libpg_query costs tens of microseconds a statement, follows
one server version and does not know `standard_conforming_strings`), and regular expressions
(nested comments, dollar quotes).
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from pglane.wire.lexemes import Lexer
from pglane.wire.numberless import numberless
from pglane.wire.passive_ddl import is_passive
from pglane.wire.recent_texts import RecentTexts
from pglane.wire.statement_forms import ConfigCall
from pglane.wire.statement_reader import Reader
from pglane.wire.statement_words import (
    DRAWING,
    DRAWING_EFFECTS,
    DRAWING_NOTHING,
    ENCODINGS_SAFE,
    ENCODINGS_SAFE_REPORTED,
    ENCODINGS_UNSAFE,
    Effect,
    Kind,
)

if TYPE_CHECKING:
    from pglane.wire.unseen import Sight

__all__ = ["CacheStatistics", "Effect", "Kind", "Verdict", "VerdictCache", "scan"]

CACHE_BYTES_MAX = 8 * 1024 * 1024
"""Default bound of a cache's texts taken together, in bytes."""
LAST_VALUES = re.compile(rb"currval|lastval", re.IGNORECASE)
"""In a text that is run as a value: its strings are not read."""
RUNS_OTHER_TEXTS = Effect.OPAQUE | Effect.EXECUTES | Effect.UNKNOWN
"""It may run DDL that does not stand in it."""


class Verdict:
    """What was found in a text. Verdicts without effects are shared and never changed.

    Attributes:
        kinds: the kind of each statement; empty statements are left out, unless all are.
        effects: the `Effect` flags of all statements together.
        settings: names of the settings that SET, RESET and set_config change beyond the
            transaction, in lower case, each once, in order.
        calls: of set_config whose setting is known at the Bind.
        draws: whether one of them may call nextval, as far as it is usual.
        may_draw: the same, for certain.
        count: how many kinds there are.
        single: the kind if there is exactly one, else -1.
        shown: the effects that the text itself shows.
        fingerprint: of a text with effects that no text shows; "" for any other.
        certain: such effects cannot be ruled out by having been absent once.
        custom: what may be names of custom settings that it sets without its text showing it.
        rereads: it may change what texts mean when they are parsed (`READING_SETTINGS`).
        passive: its DDL makes nothing that can run code (`pglane.wire.passive_ddl`).
        repeatable: a read that may run twice: proved to change nothing, in the session or the data
            (`pglane.wire.repeatable`). No text shows it alone: only where names are known.
    """

    __slots__ = (
        "calls",
        "certain",
        "count",
        "custom",
        "draws",
        "effects",
        "fingerprint",
        "kinds",
        "may_draw",
        "passive",
        "repeatable",
        "rereads",
        "settings",
        "shown",
        "single",
    )

    def __init__(
        self,
        kinds: tuple[int, ...],
        effects: int,
        settings: tuple[str, ...],
        calls: tuple[ConfigCall, ...] = (),
    ) -> None:
        self.kinds = kinds
        self.effects = effects
        self.shown = effects
        self.settings = settings
        self.calls = calls
        self.fingerprint = ""
        self.certain = False
        self.custom: tuple[str, ...] = ()
        self.passive = False
        self.repeatable = False
        self.rereads = False
        self.draws = bool(effects & Effect.SEQUENCE) or not DRAWING.isdisjoint(kinds)
        self.may_draw = bool(effects & DRAWING_EFFECTS) or not DRAWING_NOTHING.issuperset(kinds)
        self.count = len(kinds)
        self.single = kinds[0] if len(kinds) == 1 else -1

    def as_shown(self) -> "Verdict":
        """One of its own with what the text itself shows, to be changed."""
        own = Verdict(self.kinds, self.shown, self.settings, self.calls)
        own.rereads = self.rereads
        return own

    def is_read(self) -> bool:
        """Whether the text is one SELECT or VALUES without effects. It may still lock rows."""
        return self.single in _REPEATABLE and self.effects == 0 and not self.may_draw

    def repeating(self, repeatable: bool) -> "Verdict":
        """The shared verdict on such a text, as one that may run twice or that may not."""
        return _REPEATABLE[self.single] if repeatable else _HARMLESS[self.single]

    def __repr__(self) -> str:
        names = ", ".join(Kind(kind).name for kind in self.kinds)
        return f"Verdict({names}: {Effect(self.effects)!r}, {self.settings})"


_UNREADABLE = Verdict((Kind.UNKNOWN,), int(Effect.UNKNOWN), ())
_MALFORMED = Verdict((Kind.UNKNOWN,), int(Effect.MALFORMED), ())
_EMPTY = Verdict((Kind.EMPTY,), 0, ())
_HARMLESS: dict[int, Verdict] = {
    int(kind): Verdict((kind,), 0, ()) for kind in Kind if kind != Kind.UNKNOWN
}
_REPEATABLE: dict[int, Verdict] = {
    int(kind): Verdict((kind,), 0, ()) for kind in (Kind.SELECT, Kind.VALUES)
}
for _verdict_on_reads in _REPEATABLE.values():
    _verdict_on_reads.repeatable = True
_KINDS: dict[int, Kind] = {int(kind): kind for kind in Kind}


def scan(text: bytes, client_encoding: str, standard_conforming_strings: bool) -> Verdict:
    """Judges one SQL text.

    Args:
        text: as it stands in a Query or Parse message, without the closing NUL.
        client_encoding: the encoding in force, as the server names it or any alias. Under a name
            that is not known only texts are read that mean the same under every encoding and
            either value of `standard_conforming_strings`.
        standard_conforming_strings: the setting in force; when False, backslashes escape in all
            strings.
    """
    if client_encoding != "UTF8" and not _is_readable(text, client_encoding):
        return _UNREADABLE
    if 0 in text:
        return _UNREADABLE
    reader = Reader(Lexer(text, standard_conforming_strings))
    if not reader.read():
        return _MALFORMED
    return _verdict(reader, text)


def _verdict(reader: Reader, text: bytes) -> Verdict:
    """What was found, after the walk."""
    kinds = reader.kinds
    if not kinds:
        return _EMPTY
    if len(kinds) == 1 and reader.effects == 0:
        return _HARMLESS[kinds[0]]
    members = tuple([_KINDS[kind] for kind in kinds])
    effects = reader.effects
    if effects & Effect.OPAQUE and LAST_VALUES.search(text):
        effects |= Effect.SEQUENCE_TOLD
    verdict = Verdict(members, int(effects), tuple(reader.settings), tuple(reader.calls))
    verdict.rereads = reader.rereads
    if effects & Effect.CATALOG and not effects & RUNS_OTHER_TEXTS:
        verdict.passive = is_passive(text, not reader.lexer.backslash_escapes)
    return verdict


def _is_readable(text: bytes, client_encoding: str) -> bool:
    """Whether the end of every string can be told in an encoding that may be unsafe or unknown."""
    if client_encoding in ENCODINGS_SAFE_REPORTED:
        return True
    # Letters and digits in lower case are what PostgreSQL compares.
    name = "".join([c for c in client_encoding.lower() if c.isascii() and c.isalnum()])
    if name in ENCODINGS_SAFE:
        return True
    return text.isascii() and (name in ENCODINGS_UNSAFE or b"\\" not in text)


class CacheStatistics(NamedTuple):
    """What a cache holds and did; sizes are bytes of texts."""

    entries: int
    text_bytes: int
    hits: int
    misses: int
    turns: int


_UTF8: str = "UTF8"  # compiled, a C variable: the usual one is this very object


class VerdictCache:
    """Verdicts by text, bounded in entries and in bytes.

    Two generations: a text that is used moves to the young one; when that is full it becomes the
    old one and the old one is dropped whole. A hit costs one look-up, nothing is ordered or
    counted per entry, and what was used since the last turn always survives the next.

    Attributes:
        sight: adds what the text does not show (`pglane.wire.unseen.Sight`); None: nothing.
        hits, misses: since the cache was made.
    """

    __slots__ = (
        "_bytes_half",
        "_entries_half",
        "_old",
        "_old_bytes",
        "_recent",
        "_text_bytes_max",
        "_turns",
        "_young",
        "_young_bytes",
        "hits",
        "misses",
        "sight",
    )

    def __init__(
        self, entries_max: int, text_bytes_max: int, bytes_max: int = CACHE_BYTES_MAX
    ) -> None:
        self._entries_half = entries_max // 2
        self._bytes_half = bytes_max // 2
        self._text_bytes_max = min(text_bytes_max, self._bytes_half)
        self._young: dict[object, Verdict] = {}
        self._old: dict[object, Verdict] = {}
        self._young_bytes = 0
        self._old_bytes = 0
        self._turns = 0
        self._recent = RecentTexts()
        self.sight: Sight | None = None
        self.hits = 0
        self.misses = 0

    def lookup_part(
        self,
        data: bytes,
        begin: int,
        end: int,
        client_encoding: str,
        standard_conforming_strings: bool,
    ) -> Verdict:
        """The verdict on a part of `data`; it is copied only if its like was not seen lately."""
        if standard_conforming_strings and (client_encoding is _UTF8 or client_encoding == _UTF8):
            verdict = self._recent.find(data, begin, end)
            if verdict is not None:
                self.hits += 1
                return verdict  # type: ignore[return-value]
        return self.lookup(data[begin:end], client_encoding, standard_conforming_strings)

    def lookup(
        self, text: bytes, client_encoding: str, standard_conforming_strings: bool
    ) -> Verdict:
        """The verdict of `scan`, remembered for texts of up to `text_bytes_max` bytes."""
        if client_encoding != "UTF8" and not _is_readable(text, client_encoding):
            self.misses += 1
            return _UNREADABLE
        if 0 in text:  # no server reads it; in a key it would be the mark of a number
            self.misses += 1
            return _UNREADABLE
        # In every safe encoding the same bytes get the same verdict.
        key: object = text if standard_conforming_strings else (text, None)
        verdict = self._young.get(key)
        if verdict is not None:
            self.hits += 1
            if standard_conforming_strings:
                self._recent.keep_text(text, verdict)
            return verdict
        return self._miss(key, text, standard_conforming_strings)

    def _miss(self, key: object, text: bytes, standard_conforming_strings: bool) -> Verdict:
        verdict = self._old.get(key)
        if verdict is None:
            plain = numberless(text)
            if plain is not None and plain != text:
                return self._lookup_plain(plain, text, standard_conforming_strings)
            verdict = self._scan(text, standard_conforming_strings)
        else:
            self.hits += 1
        if len(text) <= self._text_bytes_max and self._entries_half > 0:
            self._keep(key, verdict, len(text))
        return verdict

    def _lookup_plain(
        self, plain: bytes, text: bytes, standard_conforming_strings: bool
    ) -> Verdict:
        """The verdict kept for all texts that differ from this one in their numbers only.

        Without quotes in it the text reads the same whatever standard_conforming_strings is.
        """
        verdict = self._young.get(plain)
        if verdict is None:
            verdict = self._old.get(plain)
            if verdict is None:
                verdict = self._scan(text, standard_conforming_strings)
            else:
                self.hits += 1
            if len(plain) <= self._text_bytes_max and self._entries_half > 0:
                self._keep(plain, verdict, len(plain))
        else:
            self.hits += 1
            self._recent.keep_pattern(plain, verdict)
        return verdict

    def _scan(self, text: bytes, standard_conforming_strings: bool) -> Verdict:
        self.misses += 1
        verdict = scan(text, "UTF8", standard_conforming_strings)
        if self.sight is not None:
            return self.sight.judge(text, standard_conforming_strings, verdict)
        return verdict

    def resize(self, entries_max: int) -> None:
        """Room for another number of texts; what is kept stays until the next turn."""
        self._entries_half = entries_max // 2

    def forget(self) -> None:
        """Drops all verdicts: what they were made from has changed."""
        self._young = {}
        self._old = {}
        self._young_bytes = 0
        self._old_bytes = 0
        self._recent.clear()

    def _keep(self, key: object, verdict: Verdict, text_bytes: int) -> None:
        full = len(self._young) >= self._entries_half
        if full or self._young_bytes + text_bytes > self._bytes_half:
            self._old = self._young
            self._old_bytes = self._young_bytes
            self._young = {}
            self._young_bytes = 0
            self._turns += 1
            self._recent.clear()  # what is used is to be seen, and kept in the young one
        self._young[key] = verdict
        self._young_bytes += text_bytes

    def statistics(self) -> CacheStatistics:
        """A snapshot. A text used lately may be counted in both generations."""
        return CacheStatistics(
            entries=len(self._young) + len(self._old),
            text_bytes=self._young_bytes + self._old_bytes,
            hits=self.hits,
            misses=self.misses,
            turns=self._turns,
        )
