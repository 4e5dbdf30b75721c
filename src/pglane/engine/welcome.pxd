cimport cython

from pglane.wire.joining cimport joined


cdef unsigned char[19] _key_and_ready
cdef Py_ssize_t _KEY_AT, _KEY_AND_READY_BYTES


@cython.final
cdef class Welcome:
    cdef public bint doubted
    cdef public bytes encoded
    cdef public str encoding
    cdef public bint harmless
    cdef public dict parameters
    cdef public bint standard_strings

    @cython.locals(size=Py_ssize_t, at=int)
    cpdef bytes message(self, long long process_id, bytes key)
