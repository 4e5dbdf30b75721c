cimport cython

ctypedef unsigned char* p_uchar

cdef int _PLACES, _KEPT_BYTES_MAX, _PREFIX_BYTES, _NUMBER_MARK


cdef class RecentTexts:
    cdef list _kept
    cdef list _found

    @cython.locals(at=Py_ssize_t, pattern_at=Py_ssize_t, text=bytes, pattern=bytes)
    cpdef object find(self, bytes data, Py_ssize_t begin, Py_ssize_t end)
    @cython.locals(at=Py_ssize_t)
    cpdef keep_text(self, bytes text, object found)
    @cython.locals(at=Py_ssize_t)
    cpdef keep_pattern(self, bytes pattern, object found)
    @cython.locals(at=Py_ssize_t)
    cpdef clear(self)


@cython.locals(at=Py_ssize_t, mixed=cython.uint, byte=int, there=p_uchar)
cdef Py_ssize_t _place(bytes data, Py_ssize_t begin, Py_ssize_t end) except -1
@cython.locals(
    at=Py_ssize_t, first=Py_ssize_t, place=Py_ssize_t, byte=int, kept=p_uchar, there=p_uchar
)
cdef bint _matches(bytes pattern, bytes data, Py_ssize_t begin, Py_ssize_t end) except -1
