cimport cython

from pglane.engine.syscalls cimport Chunk, send_some
from pglane.engine.transport cimport Owner, Transport


cdef class TlsTransport(Transport):
    cdef bint _goodbye
    cdef object _incoming
    cdef object _outgoing
    cdef bint _sealed
    cdef bint _shut_seen
    cdef public bint direct
    cdef public bint secured
    cdef public object session

    cdef _read(self)
    cdef _received(self, Chunk chunk)
    cdef _take(self, bytes data)
    cdef bint _shake(self) except -1
    @cython.locals(parts=list, part=bytes, owner=Owner)
    cdef _decrypt(self, Py_ssize_t count)
    cdef _answer(self)
    cdef _broken(self, object error)
    cpdef write(self, bytes data)
    cpdef write_now(self, const unsigned char *data, Py_ssize_t size)
    @cython.locals(data=bytes, sent=Py_ssize_t, left=Py_ssize_t)
    cpdef flush(self)
    cdef _writing_failed(self)
    @cython.locals(head=bytes)
    cdef bytes _seal(self)
    cdef _say_goodbye(self)
    cpdef close(self)
