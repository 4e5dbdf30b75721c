cimport cython

cdef int _END, _WORD, _QUOTED, _QUOTED_UNICODE, _STRING, _NUMBER, _SYMBOL, _BROKEN
cdef int _BLANK, _LETTER, _DIGIT, _SIGN
cdef bytes _CLASSES


@cython.final
cdef class Lexer:
    cdef readonly bytes text
    cdef readonly Py_ssize_t size
    cdef readonly Py_ssize_t begin
    cdef public Py_ssize_t end
    cdef readonly int symbol
    cdef readonly bint high
    cdef readonly bint plain
    cdef readonly bint backslash_escapes

    @cython.locals(data=bytes, at=Py_ssize_t, byte=int, kind=int)
    cpdef int next(self) except -1

    @cython.locals(data=bytes, size=Py_ssize_t, byte=int)
    cdef Py_ssize_t _skip_blanks(self, Py_ssize_t at) except -2

    @cython.locals(data=bytes, size=Py_ssize_t, byte=int)
    cdef Py_ssize_t _skip_line(self, Py_ssize_t at) except -2

    @cython.locals(data=bytes, size=Py_ssize_t, depth=Py_ssize_t, byte=int, following=int)
    cdef Py_ssize_t _skip_block(self, Py_ssize_t at) except -2

    @cython.locals(data=bytes, size=Py_ssize_t, end=Py_ssize_t, byte=int, mixed=int)
    cdef int _word(self, Py_ssize_t at) except -1

    @cython.locals(data=bytes, byte=int, following=int)
    cdef int _prefixed(self, Py_ssize_t at) except -1

    @cython.locals(data=bytes, end=Py_ssize_t)
    cdef int _number(self, Py_ssize_t at) except -1

    @cython.locals(data=bytes, end=Py_ssize_t, found=Py_ssize_t)
    cdef int _dollar(self, Py_ssize_t at) except -1

    @cython.locals(end=Py_ssize_t, again=Py_ssize_t)
    cdef int _string(self, Py_ssize_t at, bint escapes) except -1

    @cython.locals(data=bytes, size=Py_ssize_t, byte=int)
    cdef Py_ssize_t _string_end(self, Py_ssize_t at, bint escapes) except -2

    @cython.locals(data=bytes, size=Py_ssize_t, byte=int, broken_line=bint)
    cdef Py_ssize_t _continued(self, Py_ssize_t at) except -2

    @cython.locals(data=bytes, size=Py_ssize_t)
    cdef int _quoted(self, Py_ssize_t at, int token) except -1
    cdef int _fail(self) except -1
    cpdef bytes piece(self)
