cdef class LoginMethod:
    cdef public bytes client_key
    cdef public bint over

    cdef _set_up_method(self)
    cpdef bytes request(self)
    cpdef bytes take(self, bytes body)
