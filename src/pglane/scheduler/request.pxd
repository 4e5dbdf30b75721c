cimport cython


cdef class Lease:
    cdef public object lane
    cdef public object tenant
    cdef public object client
    cdef public bint held
    cdef public double since
    cdef public double booked_s
    cdef public bint borrowed
    cdef public object lender
    cdef public double recalled
    cdef public bint idle
    cdef public bint reads_only
    cdef public bint committing
    cdef public object stamp
    cdef public object work
    cdef public bint golden
    cdef public Lease before
    cdef public Lease after

    cdef _set_up_lease(self, object lane, object tenant, object client)


@cython.final
cdef class Request(Lease):
    cdef public str user
    cdef public object need
    cdef public object shelf
    cdef public double arrived
    cdef public double patience_s
    cdef public double deadline
    cdef public double expires
    cdef public object reason
    cdef public object refused
    cdef public bint waiting
    cdef public bint claimed
    cdef public Py_ssize_t ahead
    cdef public Py_ssize_t turns
    cdef public double judged_since
    cdef public bint was_short
    cdef public bint promised
    cdef public Py_ssize_t attempt
    cdef public bint continues
    cdef public Request older
    cdef public Request newer

    cdef _set_up(self, object lane, object tenant, str user, object need, object client)


@cython.locals(made=Request)
cpdef Request request_of(str user, object need, object client)


@cython.final
cdef class Line:
    cdef public Lease first
    cdef public Lease last

    @cython.locals(last=Lease)
    cpdef int append(self, Lease lease) except -1
    @cython.locals(first=Lease)
    cpdef prepend(self, Lease lease)
    @cython.locals(before=Lease, after=Request)
    cpdef insert(self, Request request)
    @cython.locals(before=Lease, after=Lease)
    cpdef int remove(self, Lease lease) except -1


@cython.final
cdef class Arrivals:
    cdef public Request first
    cdef public Request last

    @cython.locals(last=Request)
    cpdef int append(self, Request request) except -1
    @cython.locals(older=Request, newer=Request)
    cpdef insert(self, Request request)
    @cython.locals(older=Request, newer=Request)
    cpdef int remove(self, Request request) except -1


cdef class Offer:
    cpdef bint fits(self, Request request) except -1
    cpdef bint may_come(self, Request request) except -1
