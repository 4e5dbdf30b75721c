cimport cython

from pglane.engine.syscalls cimport Chunk, send_some
from pglane.engine.transport cimport Owner, Transport


cdef class TlsTransport(Transport):
    cdef object _decrypted
    cdef object _encrypt
    cdef object _encrypted
    cdef object _feed
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
    @cython.locals(data=bytes)
    cdef _decrypt(self, Py_ssize_t count)
    @cython.locals(parts=list, part=bytes)
    cdef bytes _with_what_follows(self, bytes first, Py_ssize_t count)
    @cython.locals(owner=Owner, chunk=Chunk)
    cdef _hand_on(self, bytes data)
    cdef _answer(self)
    cdef _broken(self, object error)
    cpdef write(self, bytes data)
    cpdef write_now(self, const unsigned char *data, Py_ssize_t size)
    cpdef send_now(self, bytes data)
    @cython.locals(data=bytes, sent=Py_ssize_t)
    cdef _encrypt_now(self, bytes part)
    @cython.locals(data=bytes, sent=Py_ssize_t)
    cpdef flush(self)
    cdef _wait_sealed(self, bytes rest)
    cdef _writing_failed(self)
    @cython.locals(head=bytes)
    cdef bytes _seal(self)
    cdef _say_goodbye(self)
    cpdef close(self)
