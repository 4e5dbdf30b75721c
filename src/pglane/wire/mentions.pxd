cimport cython
from pglane.wire.lexemes cimport Lexer

cdef int BROKEN, END, QUOTED, QUOTED_UNICODE, SYMBOL, WORD
cdef int _READ, _WRITTEN, _WRITES, _CALLED, _DRAWS
cdef object PLAIN_WORDS, WRITING_WORDS
cdef bytes PLAIN_SYMBOLS


@cython.final
cdef class Names:
    cdef dict _codes
    cdef readonly object reads
    cdef readonly object writes
    cdef readonly object calls
    cdef readonly object draws
    cdef readonly object runs
    cdef readonly bint asks
    cdef readonly bint computes
    cdef readonly bint beyond_ascii
    cdef readonly bint draws_beyond_ascii
    cdef readonly bint everything
    cdef readonly bint unread

    cpdef int code(self, bytes piece) except -1
    @cython.locals(quoted=bint, name=bytes, code=int)
    cdef int _new_code(self, bytes piece) except -1


@cython.locals(lexer=Lexer, worst=int, pending=bint, all_codes=int, token=int, code=int)
cpdef int mentions(bytes text, bint standard_conforming_strings, Names names) except -1
