cimport cython


@cython.final
cdef class ClientCounts:
    cdef public bint active
    cdef public object all
    cdef dict _limits
    cdef object _counts
