cimport cython

from pglane.wire.framing cimport MessageReader
from pglane.wire.scram cimport ScramServer


cdef object _STARTUP, _SASL_FIRST, _SASL_FINAL, _ENTERED, _OVER
cdef int _PASSWORD
cdef Py_ssize_t _CHOICE_BYTES
cdef Py_ssize_t _AUTHENTICATION_BYTES_MAX

@cython.locals(size=Py_ssize_t, fits=cython.bint)
cdef bint _is_whole_answer(bytes data) except -1
cdef bint _is_length(bytes data, Py_ssize_t at, Py_ssize_t length) except -1


cdef class Greeting:
    cdef object _wanted
    cdef public dict by_door
    cdef public object negotiation
    cdef public object startup
    cdef public bytes told
    cdef public str user
    cdef public object verifier

    cpdef wanted(self)


cdef class UserList:
    cdef dict _greetings
    cdef dict _verifiers
    cdef int _mock_iterations
    cdef readonly bytes _mock_secret
    cdef public bint trust

    cpdef Greeting greeting(self, bytes packet)
    cpdef keep(self, bytes packet, Greeting greeting)


cdef class ClientLogin:
    cdef UserList _users
    cdef bytes _nonce
    cdef object _startup_reader
    cdef MessageReader _reader
    cdef ScramServer _scram
    cdef public object stage
    cdef public list answers
    cdef public Greeting greeting
    cdef public str user
    cdef public object cancel
    cdef public object refusal
    cdef public bint offers_tls
    cdef public str demands_tls
    cdef public bint begins_tls
    cdef public bint encrypted

    cpdef bytes begin_tls(self)
    @cython.locals(known=Greeting)
    cpdef receive(self, bytes data)
    @cython.locals(text=cython.p_char)
    cdef _receive_answer(self, bytes data)
    cdef bint _is_asked(self) except -1
    cdef _read_startup(self, object reader)
    cdef _decline_encryption(self)
    cdef _accept_tls(self, object reader)
    cdef _take_hello(self, object reader)
    cdef _begin(self, object startup, bytes rest)
    cdef _greeted(self, Greeting greeting)
    cdef _refuse(self, object refusal)
    @cython.locals(reader=MessageReader)
    cdef _read_answers(self, bytes data)
    cdef _take(self, int kind, bytes body)
    @cython.locals(data=bytes, text=cython.p_char, size=Py_ssize_t)
    cdef _first(self, bytes body)
    cdef _final(self, bytes body)
    cdef _malformed(self, str seen)
