cimport cython

from pglane.engine.loop cimport Loop, Ready
from pglane.engine.memory cimport Memory
from pglane.engine.syscalls cimport Chunk, close_descriptor, send_part, send_some
from pglane.wire.joining cimport joined


cdef int _WRITE, _HANG_UP_BITS, _READ_BYTES
cdef Py_ssize_t _SEND_BYTES_MAX, _JOINED_BYTES_MAX, _CONNECTION_BYTES


cdef class Owner:
    cdef bint takes(self, Chunk chunk) except -1
    cpdef on_data(self, bytes data)
    cpdef on_secured(self)
    cpdef on_end(self, str reason)
    cpdef bint on_shut(self) except -1
    cpdef on_failure(self)
    cpdef on_full(self)
    cpdef on_drained(self)


cdef Owner _NOBODY
cdef list _NOTHING_QUEUED


cdef class Transport(Ready):
    cdef Loop _loop
    cdef Memory _memory
    cdef Owner _owner
    cdef bytes _first
    cdef bint _blocked
    cdef bint _closing
    cdef public bint full
    cdef bint _hung_up
    cdef bint _readable
    cdef public int fd
    cdef public bint paused
    cdef public bint ended
    cdef Py_ssize_t _charged
    cdef Py_ssize_t _own_bytes
    cdef list _queue
    cdef public bint half_closed
    cdef object _lingering
    cdef bint _scheduled
    cdef bint _watching_write
    cdef public Py_ssize_t high_bytes
    cdef public Py_ssize_t queued_bytes

    @cython.locals(chunk=Chunk, count=Py_ssize_t)
    cdef _read(self)
    @cython.locals(owner=Owner)
    cdef _received(self, Chunk chunk)
    @cython.locals(sent=Py_ssize_t)
    cpdef write_now(self, const unsigned char *data, Py_ssize_t size)
    cpdef send_now(self, bytes data)
    cdef _set_up(self, Loop loop, int fd, Owner owner, Py_ssize_t high_bytes)
    cpdef set_owner(self, Owner owner)
    cpdef read_first(self)
    cdef _read_nothing(self, Py_ssize_t count, int failure)
    @cython.locals(owner=Owner)
    cdef _peer_shut(self)
    cdef _schedule(self)
    cpdef pause(self)
    cpdef resume(self)
    @cython.locals(first=bytes)
    cpdef write(self, bytes data)
    cdef _enqueue(self, bytes data)
    @cython.locals(owner=Owner)
    cdef _is_full(self)
    @cython.locals(part=bytes)
    cpdef write_all(self, list parts)
    @cython.locals(part=bytes)
    cpdef send_all(self, list parts)
    cdef _write_each(self, list parts)
    @cython.locals(data=bytes, sent=Py_ssize_t)
    cpdef flush(self)
    @cython.locals(queue=list, count=Py_ssize_t, size=Py_ssize_t)
    cdef bytes _gathered(self, bytes data)
    cdef _go_on_sending(self)
    cdef _charge(self, Py_ssize_t count)
    cdef _discharge(self)
    cdef _writing_failed(self)
    cdef _block(self)
    @cython.locals(owner=Owner)
    cdef _after_flush(self)
    cdef _await_end(self)
    cpdef close(self)
    cpdef abort(self)
    cpdef forget(self)
    @cython.locals(owner=Owner)
    cdef _end(self, str reason)


@cython.locals(size=Py_ssize_t, part=bytes, data=bytes)
cdef bytes _as_one(list parts)
@cython.locals(made=Transport)
cpdef Transport open_transport(Loop loop, int fd, Owner owner, Py_ssize_t high_bytes)
