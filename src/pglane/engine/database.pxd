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
    cdef public dict custom_names
    cdef public bint draining
    cdef public bint vacating
    cdef public object opening
    cdef public object watch
    cdef public object listening
    cdef object _tick_timer
    cdef list _pending
    cdef bint _performing

    @cython.locals(now=double, deadline=double)
    cpdef wait(self, object client)
    cpdef arm_tick(self)
    @cython.locals(pending=list)
    cpdef perform(self, list decisions)
    @cython.locals(link=ServerLink)
    cdef _grant(self, Grant grant)
    @cython.locals(now=double, decisions=list)
    cpdef release(self, ServerLink server)
