cimport cython


@cython.final
cdef class FailedLogins:
    cdef readonly dict _pairs
    cdef readonly dict _networks
    cdef public bint any
    cdef public double delay_s_max

    cpdef forget(self, double now)
    cpdef double not_before(self, str user, bytes network) except? -1
    cpdef double delay_s(self, bytes network) except? -1
