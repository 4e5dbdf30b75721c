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
    cdef public Place place
    cdef public Slot older
    cdef public Slot newer
    cdef public Place shelf


@cython.final
cdef class Place:
    cdef public Py_ssize_t count
    cdef public Slot oldest
    cdef public Slot newest

    @cython.locals(newest=Slot)
    cpdef int add(self, Slot slot) except -1
    @cython.locals(older=Slot, newer=Slot)
    cpdef int take_out(self, Slot slot) except -1


@cython.final
cdef class Ledger:
    cdef public Py_ssize_t budget
    cdef Py_ssize_t _used
    cdef Py_ssize_t _idle_count
    cdef dict _shelves
    cdef tuple _places

    @cython.locals(place=Place)
    cpdef Py_ssize_t count(self, int state) except -1
    @cython.locals(shelf=Place)
    cpdef Slot newest_idle(self, str user)
    cpdef int move(self, Slot slot, int state, double now) except -1
    @cython.locals(closing=Place)
    cpdef Py_ssize_t excess(self) except? -1
    @cython.locals(place=Place)
    cdef int _leave(self, Slot slot) except -1
    cdef Place _place_of(self, Slot slot)
    cpdef bint has_room(self) except -1
    cpdef Py_ssize_t room(self) except? -1000
    cpdef hand_over(self, Slot slot, double now)
    @cython.locals(shelf=Place)
    cdef Place _shelf(self, str user)
    @cython.locals(oldest=Slot, slot=Slot, shelf=Place)
    cpdef Slot oldest_idle(self)
    cpdef list idle_of(self, str user)
