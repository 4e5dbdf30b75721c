"""Effects that a text does not show: which verdicts get `Effect.UNSEEN`, and when they lose it.

`Sight` knows the names of one database (`mentions.Names`) and what was seen when statements ran:

* A text that names nothing doubtful keeps the scanner's verdict. One that is a read says whether
  that is proved to be repeatable with the names that are known; where others are, it is judged
  anew.
* A text that calls a name nobody knows (most often an alias with a column list) is unseen until it
  ran once and left nothing; then all texts of its fingerprint are taken for harmless, until the
  catalogs change.
* Until the catalogs are read nobody knows what is a function: such a text stays unseen.
* A text that names what is not proved clean is unseen for good. What a function does may depend on
  its arguments and on data, so that it left nothing once proves nothing.
* A fingerprint that was seen leaving something that cannot be moved has that effect from then on,
  as if its text showed it.

What was seen is bounded and goes when the catalogs change.
"""

from pglane.wire.custom_names import candidates
from pglane.wire.fingerprint import fingerprint
from pglane.wire.mentions import DRAWS, NOTHING, UNPROVED, UNREAD, Names, mentions
from pglane.wire.repeatable import repeatable
from pglane.wire.statements import Effect, Verdict

FINGERPRINTS_MAX = 10_000
"""Remembered of either sort; beyond it they are forgotten together and seen anew."""
UNKNOWN = int(Effect.UNKNOWN | Effect.MALFORMED)
UNSEEN = int(Effect.UNSEEN)
OPAQUE = int(Effect.OPAQUE)
SHOWN_LATER = ~int(Effect.LISTEN)
"""What counts as shown once it was seen. A text that shows LISTEN is read for its channels."""


class Sight:
    """What is known of the statements of one database.

    Attributes:
        names: of the database; `UNREAD` until its catalogs were read.
        harmless: fingerprints of unknown calls that left nothing.
        stateful: effects by fingerprint that were seen.
    """

    def __init__(self) -> None:
        self.names: Names = UNREAD
        self.harmless: set[str] = set()
        self.stateful: dict[str, int] = {}

    def learn(self, names: Names) -> None:
        """The catalogs changed: what was seen before does not count."""
        self.names = names
        self.harmless.clear()
        self.stateful.clear()

    def judge(self, text: bytes, standard_conforming_strings: bool, verdict: Verdict) -> Verdict:
        """The scanner's verdict, with what the text does not show."""
        if verdict.shown & UNKNOWN:
            return verdict
        if verdict.shown & OPAQUE and not verdict.custom:
            verdict.custom = candidates(text)
        found = mentions(text, standard_conforming_strings, self.names)
        if verdict.repeatable:  # by other names
            verdict = verdict.repeating(False)
        if found == NOTHING:
            if verdict.is_read() and repeatable(text, standard_conforming_strings, self.names):
                return verdict.repeating(True)
            return verdict
        if found == DRAWS:
            return drawing(verdict)
        mark = fingerprint(text, standard_conforming_strings)
        certain = found == UNPROVED
        if not certain and mark in self.harmless:
            return drawing(verdict) if found & DRAWS else verdict
        judged = verdict.as_shown()
        judged.custom = candidates(text)
        judged.may_draw = True
        judged.effects |= UNSEEN | (self.stateful.get(mark, 0) & SHOWN_LATER)
        judged.fingerprint = mark
        judged.certain = certain
        judged.passive = verdict.passive and not certain
        return judged

    def renewed(self, text: bytes, verdict: Verdict) -> Verdict:
        """The verdict on a text that was judged when other names were known."""
        if verdict.fingerprint:
            verdict = verdict.as_shown()
        standard = self.judge(text, True, verdict)
        if standard.fingerprint or b"\\" not in text:
            return standard
        other = self.judge(text, False, verdict)
        return standard if other.repeatable else other

    def left_nothing(self, verdict: Verdict) -> None:
        """A statement ran and left nothing; while nothing is known that proves nothing."""
        if self.names is UNREAD or verdict.certain or not verdict.fingerprint:
            return
        if len(self.harmless) >= FINGERPRINTS_MAX:
            self.harmless.clear()
        self.harmless.add(verdict.fingerprint)
        verdict.effects = verdict.shown

    def left(self, verdict: Verdict, effects: int) -> bool:
        """A statement ran and left something that cannot be moved; False if that was known."""
        mark = verdict.fingerprint
        known = self.stateful.get(mark, 0)
        if known | effects == known:
            return False
        if len(self.stateful) >= FINGERPRINTS_MAX:
            self.stateful.clear()
        self.stateful[mark] = known | effects
        verdict.effects |= effects & SHOWN_LATER
        return True


def drawing(verdict: Verdict) -> Verdict:
    """The same of a text that may draw from a sequence."""
    if verdict.may_draw:
        return verdict
    other = verdict.as_shown()
    other.custom = verdict.custom
    other.may_draw = True
    return other
