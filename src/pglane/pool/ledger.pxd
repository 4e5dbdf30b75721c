cimport cython


cdef bytes _ALLOWED
cdef int _IDLE, _LEASED, _CLOSING, _STATES


@cython.final
cdef class Slot:
    cdef public object base
    cdef public object holds
    cdef public object lease
    cdef public object link
    cdef public double opened
    cdef public double since
    cdef public int state
    cdef public str user
    cdef public Shelf shelf
    cdef public Slot older
    cdef public Slot newer


@cython.final
cdef class Shelf:
    cdef public Slot newest
    cdef public Slot oldest
    cdef public Ledger ledger

    @cython.locals(newest=Slot)
    cdef int add(self, Slot slot) except -1
    @cython.locals(older=Slot, newer=Slot)
    cdef int take_out(self, Slot slot) except -1


@cython.final
cdef class Ledger:
    cdef public Py_ssize_t budget
    cdef Py_ssize_t[5] _counts
    cdef dict _slots
    cdef dict _shelves

    cpdef Py_ssize_t count(self, int state) except -1
    @cython.locals(before=int, shelf=Shelf)
    cpdef int move(self, Slot slot, int state, double now) except -1
    cpdef Py_ssize_t excess(self) except? -1
    cpdef bint has_room(self) except -1
    cpdef Py_ssize_t room(self) except? -1000
    cpdef hand_over(self, Slot slot, double now)
    @cython.locals(shelf=Shelf)
    cpdef remove(self, Slot slot)
    @cython.locals(shelf=Shelf)
    cpdef Shelf shelf_of(self, str user)
    @cython.locals(oldest=Slot, slot=Slot, shelf=Shelf)
    cpdef Slot oldest_idle(self)
    cpdef list idle_of(self, str user)
