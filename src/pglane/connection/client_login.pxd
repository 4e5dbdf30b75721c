cimport cython

from pglane.wire.framing cimport MessageReader
from pglane.wire.scram cimport ScramServer


cdef object _STARTUP, _SASL_FIRST, _SASL_FINAL, _ENTERED, _OVER


cdef class ClientLogin:
    cdef object _users
    cdef bytes _nonce
    cdef object _startup_reader
    cdef MessageReader _reader
    cdef ScramServer _scram
    cdef public object stage
    cdef public list answers
    cdef public object startup
    cdef public object negotiation
    cdef public str user
    cdef public object cancel
    cdef public object refusal
    cdef public bint offers_tls
    cdef public str demands_tls
    cdef public bint begins_tls
    cdef public bint encrypted

    cpdef bytes begin_tls(self)
    cpdef receive(self, bytes data)
    cdef _read_startup(self)
    cdef _decline_encryption(self)
    cdef _accept_tls(self)
    cdef _take_hello(self)
    cdef _begin(self, object startup)
    cdef _enter(self)
    cdef _refuse(self, object refusal)
    cdef _read_answers(self)
    cdef _take(self, int kind, bytes body)
    @cython.locals(data=bytes)
    cdef _first(self, bytes body)
    cdef _final(self, bytes body)
    cdef _malformed(self, str seen)
