cimport cython
from pglane.wire.lexemes cimport Lexer

cdef int BROKEN, END, QUOTED, QUOTED_UNICODE, SYMBOL, WORD
cdef object WRITING_WORDS


cdef class Names:
    cdef readonly object reads
    cdef readonly object writes
    cdef readonly object calls
    cdef readonly bint beyond_ascii
    cdef readonly bint everything
    cdef readonly bint unread


@cython.locals(
    lexer=Lexer, worst=int, pending=bint, writes=bint, doubtful=bint, token=int, name=bytes
)
cpdef int mentions(bytes text, bint standard_conforming_strings, Names names) except -1


cdef bytes _name(bytes piece, bint quoted)
