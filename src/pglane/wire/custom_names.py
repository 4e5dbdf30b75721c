"""Names of custom settings (`app.tenant`) that a text may set: no view of PostgreSQL lists them.

A function can set any of them, and nobody can ask a session which ones it has. So names are looked
for where they stand: as a string (of a call, of a trigger's arguments, of a parameter), or behind
SET. What looks like such a name is no more than a candidate: the session is asked for its value.

Where `set_config` gets anything but one string, the name is computed: nothing can be known then.
"""

import re

from pglane.wire.lexemes import QUOTED, STRING, WORD

NAME = re.compile(rb"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*")
NAME_BYTES_MAX = 63
NAMES_MAX = 8
"""Candidates of one text, or of the parameters of one Bind."""
CANDIDATE = re.compile(
    rb"""['$]([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)['$]"""
    rb"""|\bset\s+(?:session\s+|local\s+)?"?([A-Za-z_][\w$]*(?:"?\."?[A-Za-z_][\w$]*)+)""",
    re.IGNORECASE,
)

_NOTHING, _CALLED, _IN_CALL = range(3)


def candidates(text: bytes, names_max: int = NAMES_MAX) -> tuple[str, ...]:
    """What may be names of custom settings in a text, in whatever stands in its strings too."""
    found: dict[str, None] = {}
    for match in CANDIDATE.finditer(text):
        name = (match[1] or match[2].replace(b'"', b"")).lower()
        if name.isascii() and len(name) <= NAME_BYTES_MAX:
            found[name.decode()] = None
        if len(found) == names_max:
            break
    return tuple(found)


class ConfigCalls:
    """Follows the tokens of a text to the first argument of each call of `set_config`.

    Attributes:
        computed: an argument is not one string that is a name.
    """

    __slots__ = ("_expects", "_name", "computed")

    def __init__(self) -> None:
        self.computed = False
        self._expects = _NOTHING
        self._name = b""

    def take(self, token: int, piece: bytes) -> None:
        """The next token of the text."""
        if self._expects == _IN_CALL:
            self._take_in_call(token, piece)
        elif self._expects == _CALLED and piece == b"(":
            self._expects, self._name = _IN_CALL, b""
        elif token in (WORD, QUOTED) and piece.lower().strip(b'"') == b"set_config":
            self._expects = _CALLED
        else:
            self._expects = _NOTHING

    def _take_in_call(self, token: int, piece: bytes) -> None:
        """A string, and perhaps its type, which is how PostgreSQL prints an expression."""
        if token == STRING and not self._name and NAME.fullmatch(piece[1:-1]):
            self._name = piece
        elif self._name and piece in (b":", b"text", b"varchar"):
            return
        else:
            self.computed = self.computed or not (self._name and piece == b",")
            self._expects = _NOTHING
