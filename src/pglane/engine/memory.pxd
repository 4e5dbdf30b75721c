cimport cython

@cython.final
cdef class Memory:
    cdef public Py_ssize_t used_bytes
    cdef public Py_ssize_t bytes_max
    cdef public Py_ssize_t tight_bytes
    cdef public Py_ssize_t over_bytes
    cdef public Py_ssize_t largest_bytes
    cdef public object alarm
    cdef public bint alarmed

    cpdef limit(self, Py_ssize_t bytes_max)
    cpdef add(self, Py_ssize_t count)
    cpdef bint is_tight(self) except -1
    cpdef bint lacks_room(self) except -1
    cpdef bint is_over(self) except -1
    cpdef calm(self)
    cpdef expect(self, Py_ssize_t message_bytes)
    cpdef expect_no_more_than(self, Py_ssize_t message_bytes)
