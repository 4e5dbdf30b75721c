cimport cython

from pglane.pool.ledger cimport Slot
from pglane.scheduler.request cimport Offer, Request


@cython.final
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
    cdef public bint anew
    cdef public bint has_room

    @cython.locals(need=Need)
    cpdef bint fits(self, Request request) except -1
