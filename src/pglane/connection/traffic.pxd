cimport cython

@cython.final
cdef class Traffic:
    cdef public long long transactions
    cdef public long long queries
    cdef public long long received_bytes
    cdef public long long sent_bytes
    cdef public double transaction_s
    cdef public double query_s
    cdef public double wait_s
    cdef public long long leases
    cdef public long long logins
    cdef public long long parses
    cdef public long long server_parses
    cdef public long long binds
    cdef public long long pipelined
    cdef public long long fell_back
