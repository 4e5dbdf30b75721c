cimport cython


cdef class Request:
    cdef public double arrived
    cdef public bint claimed
    cdef public object client
    cdef public double deadline
    cdef public object need
    cdef public object reason
    cdef public str user


cdef class Offer:
    cpdef bint fits(self, Request request) except -1


cdef class FifoQueue:
    cdef dict _waiting
    cdef double _last_deadline
    cdef bint _mixed

    cpdef bint is_empty(self) except -1
    cpdef arrive(self, Request request)
    cpdef leave(self, Request request)
    @cython.locals(request=Request)
    cpdef Request head(self)
    @cython.locals(request=Request)
    cpdef Request unclaimed(self)
    @cython.locals(request=Request)
    cpdef Request choose(self, Offer offer, double now, bint may_switch)
