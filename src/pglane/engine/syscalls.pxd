cimport cython


cdef extern from "errno.h":
    int c_errno "errno"


cdef extern from *:
    """
    #include <sys/types.h>
    #include <sys/socket.h>
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    """
    Py_ssize_t c_recv "recv"(int fd, void *buffer, size_t size, int flags)
    Py_ssize_t c_send "send"(int fd, const char *data, size_t size, int flags)
    int c_no_signal "MSG_NOSIGNAL"


cdef char[65536] _buffer


@cython.locals(count=Py_ssize_t, code=int)
cpdef bytes receive_some(object sock, int fd)
@cython.locals(sent=Py_ssize_t, code=int)
cpdef Py_ssize_t send_some(object sock, int fd, bytes data) except -1
