cimport cython

from pglane.scheduler.tenant cimport Tenant


@cython.final
cdef class Tenants:
    cdef object _lane
    cdef public list common
    cdef public dict known
    cdef public Py_ssize_t known_max

    @cython.locals(tenant=Tenant)
    cpdef Tenant enter(self, str name)
    cpdef part(self, Tenant tenant)
    cpdef list all(self)
    @cython.locals(tenant=Tenant)
    cdef bint _forget_one(self) except -1
    cdef Tenant _emptiest_of_hand(self, str name)
