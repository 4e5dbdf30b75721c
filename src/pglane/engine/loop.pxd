cimport cython

from pglane.engine.memory cimport Memory
from pglane.engine.syscalls cimport AlarmClock, Chunk, EpollEvents, monotonic_s


cdef int _HANG_UP_BITS, _READ, _WRITE
cdef unsigned int _EDGE_BITS
cdef long long _MASK_BITS
cdef double _WAIT_S_MAX, _NEVER, _FOREVER


cdef class Ready:
    cpdef on_ready(self, int mask)
    cpdef read_again(self)
    cpdef flush(self)
    cpdef forget(self)
    cpdef fail(self)


@cython.final
cdef class Timer:
    cdef public double due
    cdef public object call

    cpdef cancel(self)


cdef class Readiness:
    cdef public bint level_triggered
    cdef public bint ended
    cdef const long long *events

    cpdef add(self, int fd, bint write=*, bint level=*)
    cpdef watch_write(self, int fd)
    cpdef remove(self, int fd)
    cpdef closes(self, int fd)
    cpdef int wait(self, double timeout_s) except -1
    cpdef close(self)


cdef class EpollReadiness(Readiness):
    cdef object _epoll
    cdef EpollEvents _ready

    @cython.locals(edge=cython.uint)
    cpdef add(self, int fd, bint write=*, bint level=*)
    @cython.locals(count=int, ready=EpollEvents)
    cpdef int wait(self, double timeout_s) except -1


cdef class PollReadiness(Readiness):
    cdef object _poll
    cdef dict _masks
    cdef long long[512] _events

    @cython.locals(fd=cython.longlong, mask=cython.longlong)
    cpdef int wait(self, double timeout_s) except -1


cdef class Alarm(Ready):
    cdef AlarmClock _clock
    cdef public double at

    cpdef set(self, double now, double after_s)
    cpdef on_ready(self, int mask)


@cython.final
cdef class Loop:
    cdef object _clock
    cdef public object on_failure
    cdef public Chunk chunk
    cdef public Memory memory
    cdef public Readiness readiness
    cdef public double now
    cdef public long turns
    cdef bint _system_clock
    cdef double _due
    cdef list _transports
    cdef list _written
    cdef Py_ssize_t _written_count
    cdef list _again
    cdef list _ended
    cdef list _timers
    cdef bint _running
    cdef Alarm _alarm

    cpdef add(self, int fd, Ready transport, bint write=*, bint level=*)
    cpdef remove(self, int fd)
    @cython.locals(transport=Ready)
    cpdef closes(self, int fd)
    cdef bint _forget(self, int fd) except -1
    @cython.locals(at=Py_ssize_t)
    cpdef written(self, Ready transport)
    cpdef again(self, Ready transport)
    cpdef stop(self)
    @cython.locals(readiness=Readiness, count=int, again=list)
    cpdef turn(self)
    @cython.locals(
        found=Ready, events="const long long *", at=int, event=cython.longlong, mask=int,
        transports=list
    )
    cdef int _dispatch(self, int count, bint ends) except -1
    @cython.locals(at=Py_ssize_t, transport=Ready)
    cdef _read_again(self, list again)
    @cython.locals(written=list, at=Py_ssize_t, transport=Ready)
    cdef int _flush(self) except -1
    @cython.locals(ended=list, transport=Ready)
    cdef _let_go(self)
    cdef _failed(self, Ready whose, object error)
    @cython.locals(wait_s=double, alarm=Alarm)
    cdef double _wait_s(self) except? -1
    cdef _run_due(self)
