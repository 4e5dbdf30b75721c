cimport cython

@cython.final
cdef class Limits:
    cdef dict _names
    cdef object _settings
    cdef public double idle_s
    cdef public double idle_transaction_s
    cdef public double query_s
    cdef public double transaction_s
    cdef public double wait_s
