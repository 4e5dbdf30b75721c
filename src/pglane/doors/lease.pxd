cimport cython

from pglane.doors.decisions cimport Grant
from pglane.doors.need cimport Need, SlotOffer
from pglane.pool.ledger cimport Ledger, Shelf, Slot
from pglane.scheduler.lane cimport Lane
from pglane.scheduler.lanes cimport LaneQueue
from pglane.scheduler.request cimport Lease, Request


cdef int _IDLE, _LEASED
cdef double _NEVER


@cython.final
cdef class LeaseDesk:
    cdef public Ledger ledger
    cdef public LaneQueue queue
    cdef public Py_ssize_t rotated
    cdef public Py_ssize_t opening_max
    cdef public str failure
    cdef public bint full
    cdef public bint paused
    cdef dict _denied
    cdef list _promised
    cdef dict _claims
    cdef SlotOffer _offered
    cdef Lane _own
    cdef double _backoff_s
    cdef double _open_after
    cdef double _failed_at
    cdef object _plan

    @cython.locals(slot=Slot)
    cpdef Slot find_idle(self, Request request)
    cpdef int lease(self, Slot slot, Request request, double now) except -1
    @cython.locals(slot=Slot, need=Need, shelf=Shelf)
    cdef Slot _idle_for(self, Request request)
    cdef int _lease(self, Slot slot, Request request, double now) except -1
    cpdef bint rests(self, Slot slot, double now) except -1
    @cython.locals(lease=Lease, own=Lane)
    cdef Lane _vacate(self, Slot slot, double now)
    @cython.locals(ledger=Ledger, queue=LaneQueue, offer=SlotOffer, request=Request, own=Lane)
    cpdef Request pass_on(self, Slot slot, double now)
    @cython.locals(lane=Lane)
    cpdef bint lines_up(self, Request request, double now) except -1
    @cython.locals(slot=Slot)
    cpdef Slot lease_idle(self, Request request, double now)
    @cython.locals(slot=Slot, fallback=Slot, looked_at=int)
    cdef Slot _best_idle(self, str user, Need need)
    @cython.locals(slot=Slot, chosen=Slot, has_room=cython.bint)
    cdef Slot _rotate(self, str user, Need need, bint claimed)
    cpdef list arrive(self, Request request, double now)
    @cython.locals(lane=Lane, decisions=list)
    cpdef list arrived(self, Request request, double now)
    cdef _relieve(self, Lane lane, double now)
    cpdef object reason_of(self, Request request)
    cpdef list leave(self, Request request, double now)
    cpdef drop(self, Request request, double now)
    cdef _forget(self, Request request, double now)
    @cython.locals(request=Request)
    cdef _unpromise(self, double now)
    cdef _take_back(self, Request request, Slot slot, double now)
    cpdef Py_ssize_t debts(self) except -1
    cpdef cleaning(self, Slot slot, double now)
    @cython.locals(own=Lane, decisions=list)
    cpdef list released(self, Slot slot, double now)
    @cython.locals(lane=Lane, first=Request, need=Need, needed=Need, same=bint)
    cdef Request _first_like(self, Request request)
    @cython.locals(coming=Slot)
    cdef _exchange(self, Request first, Request request, Slot slot)
    cpdef list rejections(self, double now)
    cdef list _rejections(self, list refused, double now)
    cpdef double next_deadline(self, double now) except -1
    cdef bint _has_room(self) except -1
    cdef SlotOffer _take_up(self, Slot slot)
    @cython.locals(request=Request, offer=SlotOffer)
    cdef _offer(self, Slot slot, Lane own, list decisions, double now)
    @cython.locals(coming=Slot)
    cdef Grant _grant(self, Request request, Slot slot, double now)
    cdef _claim(self, Request request, Slot slot, list decisions, double now)
    @cython.locals(decisions=list)
    cdef list _provide(self, Lane own, double now)
    @cython.locals(request=Request, slot=Slot, has_room=bint)
    cdef bint _provide_one(self, Lane own, list decisions, double now) except -1
    @cython.locals(idle=Slot, offer=SlotOffer, other=Request)
    cdef _make_room(self, Request request, Lane own, list decisions, double now)
    @cython.locals(idle=Slot, request=Request)
    cdef bint _give_idle(self, Lane own, list decisions, double now) except -1
    @cython.locals(request=Request, slot=Slot, need=Need)
    cdef _open_promised(self, list decisions, double now)
    cdef _succeeded(self)


cdef Request _claimant(Slot slot)
