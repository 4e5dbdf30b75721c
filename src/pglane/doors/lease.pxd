cimport cython

from pglane.pool.ledger cimport Ledger, Slot
from pglane.scheduler.fifo cimport FifoQueue, Offer, Request


cdef int _IDLE, _LEASED


cdef class Need:
    cdef public object startup
    cdef public object base
    cdef public bint exact
    cdef public bint fresh
    cdef public object holds
    cdef public Slot last

    cpdef bint accepts(self, object base) except -1


cdef class SlotOffer(Offer):
    cdef public Slot slot

    @cython.locals(need=Need)
    cpdef bint fits(self, Request request) except -1


cdef class Grant:
    cdef public Request request
    cdef public Slot slot


cdef class LeaseDesk:
    cdef public Ledger ledger
    cdef public FifoQueue queue
    cdef public Py_ssize_t opening_max
    cdef public str failure
    cdef public Py_ssize_t rotated
    cdef public bint paused
    cdef list _promised
    cdef dict _claims
    cdef SlotOffer _offered
    cdef double _backoff_s
    cdef double _open_after

    @cython.locals(slot=Slot)
    cpdef Slot lease_idle(self, str user, Need need, double now)
    @cython.locals(slot=Slot, fallback=Slot, looked_at=int)
    cdef Slot _best_idle(self, str user, Need need)
    @cython.locals(slot=Slot, chosen=Slot, has_room=cython.bint)
    cdef Slot _rotate(self, str user, Need need, double now)
    cpdef list arrive(self, Request request, double now)
    cpdef list leave(self, Request request, double now)
    cpdef drop(self, Request request)
    cpdef list resize(self, Py_ssize_t budget, Py_ssize_t opening_max, double now)
    cpdef cleaning(self, Slot slot, double now)
    cpdef bint rests(self, Slot slot, double now) except -1
    @cython.locals(ledger=Ledger, request=Request)
    cpdef Request pass_on(self, Slot slot, double now)
    cpdef list released(self, Slot slot, double now)
    @cython.locals(request=Request, offer=SlotOffer)
    cdef list _offer(self, Slot slot, double now)
    @cython.locals(need=Need)
    cdef bint _awaits_another(self, Request request, Slot slot) except -1
    cdef Grant _grant(self, Request request, Slot slot, double now)
    @cython.locals(idle=Slot, request=Request, decisions=list)
    cdef list _fall_back(self, double now)
    @cython.locals(request=Request, idle=Slot, decisions=list)
    cdef list _provide(self, double now)
    @cython.locals(request=Request, slot=Slot, need=Need)
    cdef _open_more(self, list decisions, double now)
    cdef Request _next_to_open(self)
    cdef _succeeded(self)
    cdef _promise(self, Request request)
    @cython.locals(request=Request)
    cdef _settle(self, Slot slot)
