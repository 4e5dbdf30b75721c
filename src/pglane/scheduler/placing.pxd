cimport cython

from pglane.scheduler.lane cimport Lane
from pglane.scheduler.request cimport Request
from pglane.scheduler.tenant cimport Tenant
from pglane.scheduler.tenants cimport Tenants


cdef class Place:
    cdef public Lane lane
    cdef public object matching
    cdef public object refused
    cdef public str tenant


@cython.final
cdef class LanePlacing:
    cdef object _queue
    cdef dict _places
    cdef public object matching

    cpdef adopt(self, object matching)
    @cython.locals(lane=Lane, tenants=Tenants)
    cpdef join(self, Request request, Place place)
    @cython.locals(tenant=Tenant, lane=Lane, tenants=Tenants)
    cpdef part(self, Request request)
    @cython.locals(place=Place)
    cpdef Place place(self, object origin, str wished=*)
