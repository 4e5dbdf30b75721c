cimport cython

from pglane.engine.login cimport Entrance
from pglane.engine.loop cimport Loop, Ready
from pglane.engine.syscalls cimport Acceptor
from pglane.engine.transport cimport Transport

cdef int _ACCEPTS_PER_TURN


cdef class Listener(Ready):
    cdef Acceptor _acceptor
    cdef int _at_once
    cdef bint _brings_data
    cdef Entrance _entrance
    cdef Loop _loop
    cdef bint _resting
    cdef object _socket
    cdef long _turn
    cdef bint _unix
    cdef public str address
    cdef public object door
    cdef public int fd

    cpdef on_ready(self, int mask)
    @cython.locals(fd=int, transport=Transport)
    cpdef read_again(self)
    cpdef fail(self)
    cpdef flush(self)
