cimport cython


cdef extern from "errno.h":
    int c_errno "errno"


cdef extern from *:
    """
    #include <sys/types.h>
    #include <sys/socket.h>
    #ifdef __linux__
    #include <sys/epoll.h>
    #else
    typedef union { int fd; } epoll_data_t;
    struct epoll_event { unsigned int events; epoll_data_t data; };
    static int epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
    { return -1; }
    #endif
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    """
    Py_ssize_t c_recv "recv"(int fd, void *buffer, size_t size, int flags)
    Py_ssize_t c_send "send"(int fd, const char *data, size_t size, int flags)
    int c_no_signal "MSG_NOSIGNAL"

    ctypedef union epoll_data_t:
        int fd

    struct epoll_event:
        unsigned int events
        epoll_data_t data

    int c_epoll_wait "epoll_wait"(
        int fd, epoll_event *events, int count, int timeout_ms
    ) nogil


cdef char[65536] _buffer
cdef epoll_event[512] _ready


cdef class EpollEvents:
    cdef object _epoll
    cdef list _events
    cdef int _fd

    @cython.locals(count=int, timeout_ms=int)
    cpdef int wait(self, double timeout_s) except -1
    @cython.locals(ready_fd=int)
    cpdef int fd(self, int at) except -2
    @cython.locals(ready_mask=int)
    cpdef int mask(self, int at) except? -1


@cython.locals(count=Py_ssize_t, code=int)
cpdef bytes receive_some(object sock, int fd)
@cython.locals(sent=Py_ssize_t, code=int)
cpdef Py_ssize_t send_some(object sock, int fd, bytes data) except -1
