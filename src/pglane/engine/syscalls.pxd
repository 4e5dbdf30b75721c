cimport cython


cdef extern from "errno.h":
    int c_errno "errno"


cdef extern from "string.h":
    void *c_copy "memcpy"(void *to, const void *source, size_t size)


cdef extern from *:
    """
    #include <sys/types.h>
    #include <sys/socket.h>
    #include <time.h>
    static double pglane_monotonic_s(void)
    {
    #ifdef __linux__
        struct timespec now;  /* where others have another clock behind time.monotonic: -1 */
        if (clock_gettime(CLOCK_MONOTONIC, &now) == 0)
            return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    #endif
        return -1.0;
    }
    #ifdef __linux__
    #include <sys/epoll.h>
    #include <sys/timerfd.h>
    static int alarm_clock_open(void)
    { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); }
    static int alarm_clock_set(int fd, double after_s)
    {
        struct itimerspec when = { .it_value = { .tv_sec = (time_t) after_s } };
        when.it_value.tv_nsec = (long) ((after_s - (double) when.it_value.tv_sec) * 1e9) | 1;
        return timerfd_settime(fd, 0, &when, NULL);
    }
    #else
    static int alarm_clock_open(void) { return -1; }
    static int alarm_clock_set(int fd, double after_s) { return -1; }
    typedef union { int fd; } epoll_data_t;
    struct epoll_event { unsigned int events; epoll_data_t data; };
    enum { EPOLL_CTL_ADD, EPOLL_CTL_MOD };
    static int epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
    { return -1; }
    static int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
    { return -1; }
    #endif
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    #include <fcntl.h>
    #include <unistd.h>

    static int epoll_control(int epoll, int operation, int fd, unsigned int mask)
    {
        struct epoll_event event = { .events = mask, .data = { .fd = fd } };
        return epoll_ctl(epoll, operation, fd, &event);
    }

    static struct sockaddr_storage peer_address;
    static socklen_t peer_bytes;

    static int accept_one(int fd)
    {
        peer_bytes = sizeof(peer_address);
    #ifdef SOCK_NONBLOCK
        return accept4(fd, (struct sockaddr *) &peer_address, &peer_bytes,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    #else
        int accepted = accept(fd, (struct sockaddr *) &peer_address, &peer_bytes);
        if (accepted >= 0) {
            fcntl(accepted, F_SETFL, fcntl(accepted, F_GETFL) | O_NONBLOCK);
            fcntl(accepted, F_SETFD, FD_CLOEXEC);
        }
        return accepted;
    #endif
    }
    """
    int c_alarm_open "alarm_clock_open"()
    int c_alarm_set "alarm_clock_set"(int fd, double after_s)
    int c_accept "accept_one"(int fd)
    const char *c_peer_address "(const char *) &peer_address"
    Py_ssize_t c_peer_bytes "(Py_ssize_t) peer_bytes"
    int c_close "close"(int fd)
    int c_epoll_add "EPOLL_CTL_ADD"
    int c_epoll_modify "EPOLL_CTL_MOD"
    int c_epoll_control "epoll_control"(int epoll, int operation, int fd, unsigned int mask)
    Py_ssize_t c_recv "recv"(int fd, void *buffer, size_t size, int flags)
    Py_ssize_t c_send "send"(int fd, const char *data, size_t size, int flags)
    Py_ssize_t c_send_bytes "send"(int fd, const unsigned char *data, size_t size, int flags)
    int c_no_signal "MSG_NOSIGNAL"
    double c_monotonic_s "pglane_monotonic_s"()

    ctypedef union epoll_data_t:
        int fd

    struct epoll_event:
        unsigned int events
        epoll_data_t data

    int c_epoll_wait "epoll_wait"(
        int fd, epoll_event *events, int count, int timeout_ms
    ) nogil


cdef int _EVENTS_MAX, _NOTHING, _FAILED
cdef Py_ssize_t _READ_BYTES, _IPV6_BYTES
cdef unsigned char[65536] _buffer
cdef epoll_event[512] _ready


@cython.final
cdef class EpollEvents:
    cdef object _epoll
    cdef int _fd

    cdef public unsigned int bits
    cdef long long[512] events

    cpdef add(self, int fd, unsigned int mask)
    cpdef modify(self, int fd, unsigned int mask)
    cdef _control(self, int operation, int fd, unsigned int mask)
    @cython.locals(
        count=int, timeout_ms=int, at=int, fd=cython.longlong, mask=cython.longlong,
        bits=cython.longlong
    )
    cpdef int wait(self, double timeout_s) except -1


@cython.locals(seconds=double)
cpdef double monotonic_s() except? -1


@cython.final
cdef class AlarmClock:
    cdef public int fd

    cpdef set(self, double after_s)


cdef class Acceptor:
    cdef object _socket
    cdef int _fd
    cdef object _peer

    @cython.locals(accepted=int, code=int)
    cpdef int accept(self) except -2
    cpdef object peer(self)


@cython.final
cdef class Chunk:
    cdef const unsigned char *data
    cdef public Py_ssize_t size
    cdef public int failure

    @cython.locals(count=Py_ssize_t, code=int)
    cpdef Py_ssize_t receive(self, int fd) except? -3
    @cython.locals(size=Py_ssize_t, source="const unsigned char *")
    cpdef bint put(self, bytes data) except -1
    @cython.locals(data="const unsigned char *")
    cpdef bytes whole(self)


@cython.locals(sent=Py_ssize_t)
cpdef Py_ssize_t send_part(int fd, const unsigned char *data, Py_ssize_t size) except -1
@cython.locals(sent=Py_ssize_t, code=int)
cpdef Py_ssize_t send_some(int fd, bytes data) except -1
cpdef close_descriptor(int fd)
@cython.locals(raw=bytes, data=cython.p_char)
cpdef bytes peer_network(object peer)
