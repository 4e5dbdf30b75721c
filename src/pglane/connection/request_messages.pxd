cimport cython


cdef Py_ssize_t _NAMES_BYTES_MAX
cdef unsigned char[256] _head

cpdef bytes message(bytes kind, bytes body)
@cython.locals(length=Py_ssize_t, at=Py_ssize_t, place=Py_ssize_t, name=bytes)
cpdef bytes bind_head(bytes portal, bytes statement, Py_ssize_t rest_bytes)
cpdef bytes error(bytes sqlstate, bytes text, bytes routine=*)
