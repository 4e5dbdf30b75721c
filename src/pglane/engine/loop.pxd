cimport cython


cdef class Ready:
    cpdef on_ready(self, int mask)
    cpdef read_again(self)
    cpdef flush(self)


cdef class Loop:
    cdef object _clock
    cdef public object readiness
    cdef public double now
    cdef public long turns
    cdef dict _transports
    cdef list _written
    cdef list _again
    cdef list _timers
    cdef bint _running

    cpdef written(self, Ready transport)
    cpdef again(self, Ready transport)
    cpdef stop(self)
    @cython.locals(transport=Ready, found=Ready, mask=int)
    cpdef turn(self)
    @cython.locals(transport=Ready, written=list)
    cdef _flush(self)
    cdef double _wait_s(self) except? -1
    cdef _run_due(self)
