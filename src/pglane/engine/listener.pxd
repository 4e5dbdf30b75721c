cimport cython

from pglane.engine.login cimport Entrance
from pglane.engine.loop cimport Loop, Ready
from pglane.engine.syscalls cimport Acceptor


cdef class Listener(Ready):
    cdef Acceptor _acceptor
    cdef int _at_once
    cdef Entrance _entrance
    cdef Loop _loop
    cdef bint _resting
    cdef object _socket
    cdef bint _unix
    cdef public str address
    cdef public object door
    cdef public int fd

    cpdef on_ready(self, int mask)
    @cython.locals(fd=int)
    cpdef read_again(self)
    cpdef fail(self)
    cpdef flush(self)
