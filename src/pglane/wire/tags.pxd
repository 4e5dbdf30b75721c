cimport cython

cdef int _COMMENT_MAX, _TAGS_MAX
cdef int _SLASH, _STAR, _EQUALS, _QUOTE, _BACKSLASH, _COMMA
cdef bytes _BLANKS
cdef bytes _TRAILING
cdef bytes _KEY


@cython.locals(comment=bytes)
cpdef dict tags_of(bytes text, Py_ssize_t at, Py_ssize_t size)

cpdef bint may_be_tagged(const unsigned char *text, Py_ssize_t at, Py_ssize_t size) except -1

@cython.locals(first=int, second=int)
cpdef bint may_begin_block(const unsigned char *text, Py_ssize_t at, Py_ssize_t size) except -1

@cython.locals(begin=Py_ssize_t, end=Py_ssize_t)
cpdef bytes comment_at_an_end(bytes text, Py_ssize_t at, Py_ssize_t size)

@cython.locals(tags=dict, size=Py_ssize_t, at=Py_ssize_t)
cpdef dict pairs_of(bytes comment)

@cython.locals(
    size=Py_ssize_t, begin=Py_ssize_t, end=Py_ssize_t, value=Py_ssize_t, escaped=bint
)
cdef Py_ssize_t _pair(bytes comment, Py_ssize_t at, dict tags) except -2

@cython.locals(size=Py_ssize_t)
cdef Py_ssize_t _beyond(bytes text, Py_ssize_t at, bytes wanted) except -2

cdef bint _keep(bytes key, bytes value, bint escaped, dict tags) except -1

cdef str _decoded(bytes raw)
