cimport cython

from pglane.connection.login_method cimport LoginMethod
from pglane.wire.scram cimport ScramServer


cdef Py_ssize_t _CHOICE_BYTES

cpdef bint is_length(bytes data, Py_ssize_t at, Py_ssize_t length) except -1


cdef class ScramLogin(LoginMethod):
    cdef bytes _binding
    cdef bytes _nonce
    cdef ScramServer _scram
    cdef object _verifier

    @cython.locals(scram=ScramServer, word=bytes)
    cpdef bytes take(self, bytes body)
    @cython.locals(data=bytes, text=cython.p_char, size=Py_ssize_t, bound=cython.bint)
    cdef bytes _first(self, bytes body)
