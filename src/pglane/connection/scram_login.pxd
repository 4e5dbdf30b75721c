cimport cython

from pglane.connection.login_method cimport LoginMethod
from pglane.wire.joining cimport joined
from pglane.wire.scram cimport PreparedVerifier, ScramServer, scram_server


cdef Py_ssize_t _CHOICE_BYTES, _HEADERS_KEPT
cdef bytes _CHOICE, _FINAL_HEADER
cdef list _CONTINUE_HEADERS

cpdef bint is_length(bytes data, Py_ssize_t at, Py_ssize_t length) except -1


cdef class ScramLogin(LoginMethod):
    cdef bytes _binding
    cdef bytes _nonce
    cdef ScramServer _scram
    cdef PreparedVerifier _prepared

    cdef _set_up(self, PreparedVerifier prepared, bytes nonce, bytes binding)
    @cython.locals(scram=ScramServer, word=bytes)
    cpdef bytes take(self, bytes body)
    @cython.locals(data=bytes, text=cython.p_char, size=Py_ssize_t, bound=cython.bint)
    cdef bytes _first(self, bytes body)


@cython.locals(made=ScramLogin)
cpdef ScramLogin scram_login(PreparedVerifier prepared, bytes nonce, bytes binding)
@cython.locals(size=Py_ssize_t)
cdef bytes _continue(bytes word)
