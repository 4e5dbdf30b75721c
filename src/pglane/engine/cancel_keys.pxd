cimport cython

from pglane.engine.randomness cimport RandomBytes

cdef long long _PROCESS_ID_MIN, _PROCESS_IDS


cdef class CancelKeys:
    cdef dict _clients
    cdef RandomBytes _random

    @cython.locals(
        drawn=bytes, data=cython.p_char, key_bytes=Py_ssize_t, at=int,
        number=cython.longlong, process_id=cython.longlong
    )
    cpdef tuple issue(self, bint long_key)
    cpdef assign(self, object client)
    cpdef withdraw(self, long long process_id)
    cpdef bint knows(self, long long process_id) except -1
