cimport cython


cdef class RandomBytes:
    cdef Py_ssize_t _at
    cdef bytes _pool

    @cython.locals(begin=Py_ssize_t, end=Py_ssize_t, data=cython.p_char)
    cpdef bytes take(self, Py_ssize_t count)
    @cython.locals(begin=Py_ssize_t, at=Py_ssize_t, data=bytes, number=cython.longlong)
    cpdef long long take_number(self) except -1
    cdef bytes _fetch(self, Py_ssize_t count)


cdef class RandomText(RandomBytes):
    pass
