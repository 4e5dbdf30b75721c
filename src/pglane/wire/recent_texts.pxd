cimport cython

ctypedef const unsigned char* p_uchar


cdef extern from "string.h":
    int c_compare "memcmp"(const void *left, const void *right, size_t count) nogil
    const unsigned char *c_find "(const unsigned char *) memchr"(
        const void *data, int byte, size_t count
    ) nogil


cdef extern from "Python.h":
    const unsigned char *c_bytes "(const unsigned char *) PyBytes_AS_STRING"(bytes data)
    const unsigned char *c_nowhere "NULL"


cdef int _PLACES, _KEPT_BYTES_MAX, _PREFIX_BYTES, _NUMBER_MARK


cdef class RecentTexts:
    cdef list _kept
    cdef list _found

    @cython.locals(
        at=Py_ssize_t, pattern_at=Py_ssize_t, size=Py_ssize_t, text=bytes, pattern=bytes
    )
    cpdef object find(self, const unsigned char *data, Py_ssize_t begin, Py_ssize_t end)
    @cython.locals(at=Py_ssize_t)
    cpdef keep_text(self, bytes text, object found)
    @cython.locals(at=Py_ssize_t)
    cpdef keep_pattern(self, bytes pattern, object found)
    @cython.locals(at=Py_ssize_t)
    cpdef clear(self)


@cython.locals(at=Py_ssize_t, mixed=cython.uint, byte=int, there=p_uchar)
cdef Py_ssize_t _place(const unsigned char *data, Py_ssize_t begin, Py_ssize_t end) noexcept
@cython.locals(
    at=Py_ssize_t, first=Py_ssize_t, place=Py_ssize_t, size=Py_ssize_t, mark=Py_ssize_t,
    literal=Py_ssize_t, there=p_uchar
)
cdef bint _matches(
    bytes pattern, const unsigned char *data, Py_ssize_t begin, Py_ssize_t end
) noexcept
@cython.locals(start=p_uchar, found=p_uchar, mark=Py_ssize_t)
cdef Py_ssize_t _next_mark(bytes pattern, Py_ssize_t place, Py_ssize_t size) noexcept
@cython.locals(start=p_uchar)
cdef bint _is_at(
    bytes kept, Py_ssize_t place, Py_ssize_t count, const unsigned char *data, Py_ssize_t at
) noexcept
