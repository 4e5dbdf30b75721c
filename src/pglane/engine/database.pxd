cimport cython

from pglane.doors.lease cimport Grant, LeaseDesk
from pglane.engine.loop cimport Loop
from pglane.engine.server_link cimport ServerLink


cdef class Database:
    cdef public object worker
    cdef public Loop loop
    cdef public str name
    cdef public LeaseDesk desk
    cdef public dict welcomes
    cdef public bint draining
    cdef object _tick_timer
    cdef dict _dials

    @cython.locals(now=double, deadline=double)
    cpdef wait(self, object client)
    cdef _arm_tick(self)
    @cython.locals(grant=Grant)
    cpdef perform(self, list decisions)
    @cython.locals(now=double, decisions=list)
    cpdef release(self, ServerLink server)
