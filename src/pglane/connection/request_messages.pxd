cimport cython


from pglane.wire.framing cimport c_zero_at


cdef Py_ssize_t _NAMES_BYTES_MAX
cdef unsigned char[256] _head

cpdef bytes message(bytes kind, bytes body)
@cython.locals(length=Py_ssize_t, at=Py_ssize_t, place=Py_ssize_t, name=bytes)
cpdef bytes bind_head(bytes portal, bytes statement, Py_ssize_t rest_bytes)
cpdef Py_ssize_t zero_in(const unsigned char *data, Py_ssize_t begin, Py_ssize_t end) except? -2
cpdef bytes error(bytes sqlstate, bytes text, bytes routine=*)
