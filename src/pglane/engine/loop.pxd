cimport cython

from pglane.engine.syscalls cimport EpollEvents


cdef int _HANG_UP_BITS, _READ, _WRITE
cdef unsigned int _EDGE_BITS


cdef class Ready:
    cpdef on_ready(self, int mask)
    cpdef read_again(self)
    cpdef flush(self)
    cpdef fail(self)


cdef class Timer:
    cdef public double due
    cdef public object call

    cpdef cancel(self)


cdef class Readiness:
    cdef public bint level_triggered

    cpdef add(self, int fd, bint write=*, bint level=*)
    cpdef watch_write(self, int fd)
    cpdef remove(self, int fd)
    cpdef closes(self, int fd)
    cpdef int wait(self, double timeout_s) except -1
    cpdef int fd(self, int at) except -2
    cpdef int mask(self, int at) except? -1
    cpdef close(self)


cdef class EpollReadiness(Readiness):
    cdef object _epoll
    cdef EpollEvents _events

    @cython.locals(edge=cython.uint)
    cpdef add(self, int fd, bint write=*, bint level=*)


cdef class PollReadiness(Readiness):
    cdef object _poll
    cdef dict _masks
    cdef list _ready


cdef class Loop:
    cdef object _clock
    cdef public object on_failure
    cdef public Readiness readiness
    cdef public double now
    cdef public long turns
    cdef dict _transports
    cdef list _written
    cdef list _again
    cdef list _timers
    cdef bint _running

    cpdef add(self, int fd, Ready transport, bint write=*, bint level=*)
    cpdef remove(self, int fd)
    cpdef closes(self, int fd)
    cpdef written(self, Ready transport)
    cpdef again(self, Ready transport)
    cpdef stop(self)
    @cython.locals(readiness=Readiness, count=int, again=list)
    cpdef turn(self)
    @cython.locals(found=Ready, readiness=Readiness, at=int, mask=int, transports=dict)
    cdef _dispatch(self, int count, bint ends)
    @cython.locals(at=Py_ssize_t, transport=Ready)
    cdef _read_again(self, list again)
    @cython.locals(written=list)
    cdef _flush(self)
    @cython.locals(at=Py_ssize_t, transport=Ready)
    cdef _flush_all(self, list written)
    cdef _failed(self, Ready whose, object error)
    cdef double _wait_s(self) except? -1
    cdef _run_due(self)
