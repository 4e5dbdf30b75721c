cimport cython
from pglane.wire.numberless cimport numberless
from pglane.wire.recent_texts cimport RecentTexts
from pglane.wire.lexemes cimport Lexer
from pglane.wire.statement_reader cimport Reader

cdef dict _KINDS, _HARMLESS, _REPEATABLE
cdef object ENCODINGS_SAFE, ENCODINGS_SAFE_REPORTED


@cython.final
cdef class Verdict:
    cdef public long long effects
    cdef public bint may_draw
    cdef public bint repeatable
    cdef readonly int single
    cdef readonly tuple kinds
    cdef readonly long long shown
    cdef public str fingerprint
    cdef public bint certain
    cdef public tuple custom
    cdef public bint passive
    cdef public bint rereads
    cdef readonly tuple settings
    cdef readonly tuple calls
    cdef readonly bint draws
    cdef readonly Py_ssize_t count

    @cython.locals(own=Verdict)
    cpdef Verdict as_shown(self)
    cpdef bint is_read(self) except -1
    cpdef Verdict repeating(self, bint repeatable)


cdef str _UTF8
cdef Verdict _UNREADABLE, _MALFORMED, _EMPTY


@cython.locals(kinds=list, verdict=Verdict)
cdef Verdict _verdict(Reader reader, bytes text)


@cython.locals(reader=Reader)
cpdef Verdict scan(bytes text, str client_encoding, bint standard_conforming_strings)


@cython.final
cdef class VerdictCache:
    cdef RecentTexts _recent
    cdef readonly Py_ssize_t hits
    cdef dict _young
    cdef dict _old
    cdef Py_ssize_t _entries_half
    cdef Py_ssize_t _bytes_half
    cdef Py_ssize_t _text_bytes_max
    cdef Py_ssize_t _young_bytes
    cdef Py_ssize_t _old_bytes
    cdef Py_ssize_t _turns
    cdef public object sight
    cdef readonly Py_ssize_t misses

    @cython.locals(verdict=Verdict)
    cpdef Verdict lookup_part(
        self, const unsigned char *data, Py_ssize_t begin, Py_ssize_t end, str client_encoding,
        bint standard_conforming_strings
    )
    @cython.locals(verdict=Verdict)
    cpdef Verdict lookup(self, bytes text, str client_encoding, bint standard_conforming_strings)

    @cython.locals(verdict=Verdict, plain=bytes)
    cdef Verdict _miss(self, object key, bytes text, bint standard_conforming_strings)
    @cython.locals(verdict=Verdict)
    cdef Verdict _lookup_plain(
        self, bytes plain, bytes text, bint standard_conforming_strings
    )
    cdef Verdict _scan(self, bytes text, bint standard_conforming_strings)
    cdef _keep(self, object key, Verdict verdict, Py_ssize_t text_bytes)
