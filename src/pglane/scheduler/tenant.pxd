cimport cython

from pglane.scheduler.heap cimport Node
from pglane.scheduler.request cimport Line


cdef double _FINE_TURNS_MAX


@cython.final
cdef class Tenant(Node):
    cdef public Py_ssize_t busy
    cdef public long long grants
    cdef public double held_s
    cdef public Py_ssize_t waiting
    cdef public str name
    cdef public object lane
    cdef public Line line
    cdef public long long[5] refused
    cdef public long long[33] waits
    cdef public Py_ssize_t members
    cdef public double wait_s
    cdef public double wait_s_max

    cpdef waited(self, double wait_s, int bucket)
    cpdef bint is_idle(self) except -1
    @cython.locals(turns=double, key=double)
    cpdef bint fine(self, double held_s, double usual_s, double turn) except -1
