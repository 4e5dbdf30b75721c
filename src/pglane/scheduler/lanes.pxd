cimport cython

from pglane.scheduler.group cimport Group
from pglane.scheduler.lane cimport Lane
from pglane.scheduler.request cimport Lease, Offer, Request
from pglane.scheduler.tenant cimport Tenant
from pglane.scheduler.tree cimport LaneTree


cdef double _SWITCH_S_MAX
cdef double _SWITCH_SHARE
cdef double _SWITCH_BURST_S
cdef double _SWITCH_LAG_S
cdef int _FIT_LOOKS
cdef double _LAG_HOLD_S
cdef double _CHARGE_S_MIN
cdef double _BOUND_SLACK_S
cdef double _NEVER
cdef Py_ssize_t _NO_SERVER_PLACE, _BEHIND_PLACE
cdef int _UNMET, _SHARING, _STRICT
cdef object _OPENING, _BEHIND, _LANE_AT_LIMIT, _DOOR_AT_LIMIT, _RESERVED_FOR_OTHERS
cdef object _NO_SERVER_FREE
cdef object _EXPIRED, _HOPELESS, _SHED, _OVERLOADED


# Not final: the search of schedules (tools/search_schedules.py) plays against what is compiled.
cdef class LaneQueue(LaneTree):
    cdef dict _coming
    cdef public list refused
    cdef public object recalls
    cdef public Py_ssize_t waiting_max
    cdef double _contended_since
    cdef double _switching_s
    cdef double _switched

    cpdef release(self, Lease lease, double now)
    @cython.locals(lane=Lane, tenant=Tenant, held_s=double)
    cdef _release(self, Lease lease, double now, bint followed)
    cpdef bint is_empty(self) except -1
    @cython.locals(lane=Lane)
    cpdef grant(self, Request request, double now)
    @cython.locals(lane=Lane, tenant=Tenant, waited_s=double)
    cpdef comes_up(self, Request request, double now)
    @cython.locals(lane=Lane)
    cpdef follow(self, Request request, Lease last, double now)
    @cython.locals(lane=Lane, tenant=Tenant)
    cpdef falls_back(self, Request request, double now)
    cdef _wait_anew(self, Request request, Lane lane, double now)
    cdef _stand_again(self, Request request, Lane lane, double now)
    @cython.locals(lane=Lane)
    cpdef claim(self, Request request, double now)
    cpdef Lease spare(self, object client, double now)
    @cython.locals(lane=Lane)
    cpdef unclaim(self, Request request, double now)
    cdef _serve(self, Request request, Lane lane, double now)
    @cython.locals(since=double, charged_s=double, fined=bint)
    cdef _correct(self, Lease lease, Lane lane, Tenant tenant, double held_s, double now)
    @cython.locals(bound_s=double)
    cdef _judge(self, Request request, Lane lane, double waited_s)
    @cython.locals(
        lane=Lane, tenant=Tenant, place=Py_ssize_t, again=bint, stamped=bint, hurried=bint
    )
    cpdef arrive(self, Request request, double now)
    @cython.locals(share=double, places=double)
    cpdef relieve(self, Lane lane, double now)
    cdef bint _competes(self, Lane lane) except -1
    @cython.locals(lane=Lane)
    cpdef leave(self, Request request, double now)
    @cython.locals(lane=Lane)
    cpdef refuse(self, Request request, object why, double now)
    @cython.locals(tenant=Tenant)
    cdef _note_refusal(self, Request request, Lane lane, object why)
    cdef _wait_for(self, Lane lane, double now)
    cdef _waits_no_more(self, Lane lane, double now)
    @cython.locals(share=double)
    cdef bint _is_hopeless(self, Lane lane, Tenant tenant, double left_s) except -1
    @cython.locals(lane=Lane)
    cpdef object reason_of(self, Request request)
    cpdef double wakes_at(self) except -1
    @cython.locals(due=double, lane=Lane, request=Request, newer=Request)
    cpdef list expired(self, double now)
    @cython.locals(lane=Lane, request=Request, early=Request, other=Request)
    cpdef Request choose(self, Offer offer, Lane own, double now, bint may_switch)
    @cython.locals(lane=Lane, request=Request)
    cdef Request _golden(self, Offer offer, double now, bint may_switch)
    @cython.locals(passed_s=double)
    cpdef switched(self, double now)
    @cython.locals(earned_s=double)
    cdef bint _may_switch_at_once(self, double now) except -1
    @cython.locals(request=Request)
    cdef Request _unexpired(self, Lane lane, double now)
    @cython.locals(request=Request, looks=int)
    cdef Request _early(self, Offer offer)
    @cython.locals(late=bint, tenant=Tenant, fitting=Request, other=Lane)
    cdef Request _instead(self, Lane lane, Request request, Offer offer, Lane own, double now)
    @cython.locals(group=Group)
    cdef list _near(self, Lane own)
    @cython.locals(group=Group, lane=Lane, request=Request)
    cpdef Request fitting(self, Offer offer, Lane own, double now)
