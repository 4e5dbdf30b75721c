cimport cython


cdef int _BUCKETS

@cython.locals(left_us=double, bucket=int)
cdef int _bucket(double seconds) noexcept


@cython.final
cdef class Counters:
    cdef public long long grants
    cdef public long long[33] waits
    cdef public double wait_s
    cdef public double wait_s_max
    cdef public double service_s
    cdef public double backlogged_s
    cdef public double backlogged_service_s
    cdef public double borrowed_s
    cdef public double lent_s
    cdef public long long recalls
    cdef public double give_back_s
    cdef public double give_back_s_max
    cdef public long long[33] give_backs
    cdef public long long[9] reasons
    cdef public long long[5] refused
    cdef public long long[3] violations

    @cython.locals(bucket=int)
    cpdef int waited(self, double wait_s) except -1
    cpdef given_back(self, double took_s)
