cimport cython

from pglane.scheduler.group cimport Group
from pglane.scheduler.heap cimport Heap
from pglane.scheduler.lane cimport Lane
from pglane.scheduler.request cimport Lease, Request
from pglane.scheduler.tenant cimport Tenant


cdef int _NOWHERE, _UNMET, _SHARING, _STRICT


cdef class LaneTree:
    cdef public Group budget
    cdef public Py_ssize_t waiting
    cdef double _due
    cdef list _ticketed
    cdef public dict lanes
    cdef public double virtual
    cdef dict _doors
    cdef list _groups
    cdef public object works
    cdef list _lenders
    cdef Py_ssize_t _lender_next
    cdef Py_ssize_t _owed
    cdef double _first_end
    cdef double _waiting_weight
    cdef dict _added
    cdef set _unclaimed
    cdef list _removed
    cdef list _outdated
    cdef Lane _nobody
    cdef Tenant _no_tenant

    @cython.locals(lane=Lane)
    cpdef bint may_take(self, Lease lease) except -1
    @cython.locals(lane=Lane, tenant=Tenant)
    cpdef int take_up(self, Lease lease, double now) except -1
    cpdef bint admits(self, Lane lane) except -1
    @cython.locals(group=Group)
    cpdef bint may_share(self, Lane lane) except -1
    @cython.locals(lane=Lane, tenant=Tenant)
    cpdef int book(self, Lease lease, double now) except -1
    @cython.locals(tenant=Tenant)
    cdef int _free(self, Lease lease, Lane lane, double now) except -1
    @cython.locals(before=Py_ssize_t, within=bint, guarded=bint, group=Group)
    cdef int _count(self, Lane lane, int change) except -1
    @cython.locals(lends=bint, group=Group)
    cpdef promise(self, Request request, Lane lane, double now)
    cpdef bint take(self, Lease lease, double now) except -1
    @cython.locals(lends=bint, own=Py_ssize_t, kept=Py_ssize_t, group=Group)
    cpdef bint may_have_own(self, Lane lane) except -1
    cdef _count_stamped(self, Lease lease, Lane lane)
    cdef _uncount_stamped(self, Lease lease, Lane lane)
    @cython.locals(count=Py_ssize_t, lender=Lane)
    cdef _borrow(self, Lease lease)
    @cython.locals(lender=Lane)
    cdef _returned(self, Lease lease, Lane lane, double held_s)
    @cython.locals(lane=Lane)
    cpdef Lane pick(self, Lane own)
    cpdef Lane own_lane_first(self, Lane own)
    @cython.locals(best=Lane, may_share=bint, group=Group)
    cpdef Lane unmet_first(self)
    @cython.locals(best=Lane, lane=Lane)
    cdef Lane _first_served(self, Group group)
    @cython.locals(best=Lane, group=Group, may_hold=bint)
    cpdef Lane by_shares(self)
    @cython.locals(place=int, key=double, oldest=Request)
    cdef _replace(self, Lane lane, bint served)
    cdef _displace(self, Lane lane)
    @cython.locals(group=Group)
    cdef Heap _heap_of(self, Lane lane)


cdef int _place_of(Lane lane) except -1
cdef Lane _sooner(Lane one, Lane other)
