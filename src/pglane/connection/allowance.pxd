cdef class Allowance:
    cpdef long long asked(self) except -1
