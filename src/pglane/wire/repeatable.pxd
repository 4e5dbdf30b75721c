cimport cython
from pglane.wire.lexemes cimport Lexer
from pglane.wire.mentions cimport Names

cdef int END, NUMBER, QUOTED, STRING, SYMBOL, WORD
cdef int _DOT, _OPENS
cdef Py_ssize_t NAME_BYTES_MAX
cdef object OPENING, REFUSED
cdef bytes RESERVED


@cython.locals(runs=frozenset, lexer=Lexer, opening=bint, qualified=bint, token=int)
cpdef bint repeatable(bytes text, bint standard_conforming_strings, Names names) except -1

@cython.locals(piece=bytes, quoted=bint, name=bytes)
cdef bint _is_plain(Lexer lexer, int token, frozenset runs) except -1
