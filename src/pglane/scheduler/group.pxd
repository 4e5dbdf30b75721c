cimport cython

from pglane.scheduler.heap cimport Heap


@cython.final
cdef class Group:
    cdef public str name
    cdef public Py_ssize_t limit
    cdef public Group parent
    cdef public Heap unmet
    cdef public Heap sharing
    cdef public Heap strict
    cdef public Py_ssize_t standing
    cdef public Py_ssize_t busy
    cdef public Py_ssize_t reserved
    cdef public Py_ssize_t guarded
    cdef public Py_ssize_t excess
    cdef public Py_ssize_t unbounded

    cpdef forget(self)
    cpdef bint has_place(self) except -1
    cpdef bint may_share(self) except -1
    cpdef bint may_hold(self) except -1
    cpdef Py_ssize_t on_loan(self) except -1
