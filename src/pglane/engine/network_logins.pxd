cimport cython


@cython.final
cdef class NetworkLogins:
    cdef Py_ssize_t _count
    cdef dict _counts
    cdef bytes _latest

    cpdef Py_ssize_t come(self, bytes network) except -1
    @cython.locals(left=Py_ssize_t)
    cpdef go(self, bytes network)
