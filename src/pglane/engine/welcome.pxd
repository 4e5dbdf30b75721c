cdef class Welcome:
    cdef public bytes encoded
    cdef public str encoding
    cdef public bint harmless
    cdef public dict parameters
    cdef public bint standard_strings

    cpdef bytes message(self, long long process_id, bytes key)
