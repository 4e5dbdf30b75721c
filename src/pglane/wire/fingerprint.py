"""What stays of a statement when its values are taken out: one fingerprint for texts of one shape.

Strings, numbers and parameters count as equal, and so do blanks, comments and the case of words
that are not quoted. The fingerprint is a hash: it can be shown and kept, for no value is in it.
"""

from hashlib import blake2b

from pglane.wire.lexemes import BROKEN, END, NUMBER, STRING, WORD, Lexer

DIGEST_BYTES = 8
VALUE = b"?"
BLANK = b" "


def fingerprint(text: bytes, standard_conforming_strings: bool) -> str:
    """The fingerprint in hexadecimal digits."""
    lexer = Lexer(text, standard_conforming_strings)
    digest = blake2b(digest_size=DIGEST_BYTES)
    while True:
        token = lexer.next()
        if token in (END, BROKEN):
            return digest.hexdigest()
        if token in (STRING, NUMBER):
            digest.update(VALUE)
        else:
            piece = lexer.piece()
            digest.update(piece.lower() if token == WORD else piece)
        digest.update(BLANK)
