"""Which prepared statement a DEALLOCATE names.

PostgreSQL's grammar: DEALLOCATE [PREPARE] name, where `prepare` is no reserved word and may
itself be the name. Called only for texts of which the scanner said that DEALLOCATE is their one
statement.
"""

from pglane.wire.lexemes import QUOTED, WORD, Lexer

NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer identifiers (NAMEDATALEN - 1)."""


def deallocated_name(text: bytes) -> bytes:
    """The name as PostgreSQL folds it; b"" if it is ALL, or cannot be told."""
    lexer = Lexer(text, True)
    lexer.next()
    token = lexer.next()
    name = lexer.piece()
    if token == WORD and name.lower() == b"prepare":
        token_behind = lexer.next()
        if token_behind in (WORD, QUOTED):
            token, name = token_behind, lexer.piece()
    if token == QUOTED:
        name = name[1:-1].replace(b'""', b'"')
    elif token != WORD or name.lower() == b"all":
        return b""
    else:
        name = name.lower()
    return name if len(name) <= NAME_BYTES_MAX else b""
