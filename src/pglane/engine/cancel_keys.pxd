cimport cython

from pglane.engine.randomness cimport RandomBytes

cdef long long _PROCESS_ID_MIN, _PROCESS_IDS
cdef Py_ssize_t _LONG_KEY_BYTES, _SHORT_KEY_BYTES


@cython.final
cdef class CancelKeys:
    cdef dict _clients
    cdef RandomBytes _random

    cpdef bytes new_key(self, bint long_key)
    @cython.locals(process_id=cython.longlong)
    cpdef Py_ssize_t assign(self, object client) except -1
    cpdef withdraw(self, long long process_id)
    cpdef bint knows(self, long long process_id) except -1
