"""Texts that do nothing but begin or end a transaction block, known by their exact form.

Drivers send these by themselves. A text that is answered without the server must be one whose
answer is certain: so a comment, a second statement, or anything but the words of PostgreSQL's
grammar makes it another text, which is left to the server.

Source: PostgreSQL's grammar, rules TransactionStmt and transaction_mode_list. White space is what
every version takes for it.
"""

import re

TEXT_BYTES_MAX = 160
"""No form that a driver sends is longer."""

_S = rb"[ \t\n\r\f]"
_MODE = (
    rb"(?:ISOLATION%(s)s+LEVEL%(s)s+"
    rb"(?:SERIALIZABLE|REPEATABLE%(s)s+READ|READ%(s)s+COMMITTED|READ%(s)s+UNCOMMITTED)"
    rb"|READ%(s)s+(?:WRITE|ONLY)|(?:NOT%(s)s+)?DEFERRABLE)"
) % {b"s": _S}
_MODES = rb"(?:%(s)s+%(m)s(?:(?:%(s)s+|%(s)s*,%(s)s*)%(m)s)*)?" % {b"s": _S, b"m": _MODE}
_ENDING = rb"%(s)s*(?:;%(s)s*)?" % {b"s": _S}
_OPENING = re.compile(
    rb"%(s)s*(?:BEGIN(?:%(s)s+(?:WORK|TRANSACTION))?|(START)%(s)s+TRANSACTION)%(m)s%(e)s"
    % {b"s": _S, b"m": _MODES, b"e": _ENDING},
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rb"%(s)s*(?:(COMMIT|END)|ROLLBACK|ABORT)(?:%(s)s+(?:WORK|TRANSACTION))?"
    rb"(?:%(s)s+AND%(s)s+NO%(s)s+CHAIN)?%(e)s" % {b"s": _S, b"e": _ENDING},
    re.IGNORECASE,
)


def opens_with(text: bytes) -> bytes:
    """The command tag of a text that only begins a block; b"": it does anything else."""
    found = _OPENING.fullmatch(text) if len(text) <= TEXT_BYTES_MAX else None
    if found is None:
        return b""
    return b"START TRANSACTION" if found[1] else b"BEGIN"


def closes_with(text: bytes) -> bytes:
    """COMMIT or ROLLBACK, if the text only ends a block in that way; b"": it does not."""
    found = _CLOSING.fullmatch(text) if len(text) <= TEXT_BYTES_MAX else None
    if found is None:
        return b""
    return b"COMMIT" if found[1] else b"ROLLBACK"
