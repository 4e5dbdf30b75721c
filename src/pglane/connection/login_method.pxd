cdef class LoginMethod:
    cdef public bytes client_key
    cdef public str expected
    cdef public bint over

    cpdef bytes request(self)
    cpdef bytes take(self, bytes body)
