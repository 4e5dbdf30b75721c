cimport cython


cdef class Slot:
    cdef public object base
    cdef public object holds
    cdef public object link
    cdef public double opened
    cdef public double since
    cdef public int state
    cdef public str user


cdef class Ledger:
    cdef public Py_ssize_t budget
    cdef Py_ssize_t _used
    cdef dict _idle
    cdef tuple _places

    cpdef Py_ssize_t count(self, int state) except -1
    cpdef bint has_room(self) except -1
    cpdef Py_ssize_t room(self) except? -1000
    cpdef Py_ssize_t excess(self) except? -1
    @cython.locals(stack=list, place=dict)
    cpdef move(self, Slot slot, int state, double now)
    cpdef hand_over(self, Slot slot, double now)
    @cython.locals(place=dict, stack=list)
    cdef _leave(self, Slot slot)
    @cython.locals(stack=list)
    cpdef Slot newest_idle(self, str user)
    @cython.locals(place=dict)
    cpdef Slot oldest_idle(self)
    cpdef list idle_of(self, str user)
