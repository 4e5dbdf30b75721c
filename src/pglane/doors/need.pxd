cimport cython

from pglane.connection.settings cimport Vector
from pglane.pool.ledger cimport Ledger, Slot
from pglane.scheduler.request cimport Offer, Request


cdef int _CLOSING


@cython.final
cdef class Need:
    cdef public Vector startup
    cdef public Vector base
    cdef public bint exact
    cdef public bint fresh
    cdef public object holds
    cdef public Slot last

    cdef _set_up(self, Vector startup, Vector base, bint exact, bint fresh)
    cpdef bint accepts(self, object base) except -1


@cython.locals(made=Need)
cpdef Need need_of(Vector startup, Vector base, bint exact, bint fresh)


cdef class SlotOffer(Offer):
    cdef public Slot slot
    cdef public bint anew
    cdef public bint has_room
    cdef public Ledger ledger

    @cython.locals(need=Need)
    cpdef bint fits(self, Request request) except -1
    @cython.locals(need=Need, slot=Slot)
    cpdef bint may_come(self, Request request) except -1
