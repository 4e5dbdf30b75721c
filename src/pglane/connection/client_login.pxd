cimport cython

from pglane.connection.login_method cimport LoginMethod
from pglane.connection.scram_login cimport is_length
from pglane.connection.user_list cimport Greeting, UserList
from pglane.wire.framing cimport MessageReader
from pglane.wire.joining cimport joined


cdef object _STARTUP, _LOOKUP, _ASKED, _ENTERED, _OVER
cdef int _NOTHING, _PASSWORD, _PLAIN
cdef bytes _OK
cdef Py_ssize_t _AUTHENTICATION_BYTES_MAX

@cython.locals(size=Py_ssize_t, fits=cython.bint)
cdef bint _is_whole_answer(bytes data) except -1


@cython.final
cdef class ClientLogin:
    cdef UserList _users
    cdef bytes _nonce
    cdef object _startup_reader
    cdef MessageReader _reader
    cdef LoginMethod _method
    cdef public object stage
    cdef public bint entered
    cdef public bytes answer
    cdef public Greeting greeting
    cdef public str user
    cdef public object cancel
    cdef public object refusal
    cdef public bint offers_tls
    cdef public str demands_tls
    cdef public bint begins_tls
    cdef public bint encrypted
    cdef public bint private
    cdef public bytes binding
    cdef public str certificate_name
    cdef public bint holds_back
    cdef public bytes early
    cdef public bint asks
    cdef public str database
    cdef bytes _packet
    cdef bytes _held
    cdef object _negotiation
    cdef object _startup

    cdef _set_up(self, UserList users, bytes nonce)
    cpdef bytes take_rest(self)
    cpdef bytes begin_tls(self)
    @cython.locals(known=Greeting)
    cpdef receive(self, bytes data)
    @cython.locals(text=cython.p_char)
    cdef _receive_answer(self, bytes data)
    cdef _read_startup(self, object reader)
    cdef _decline_encryption(self)
    cdef _accept_tls(self, object reader)
    cdef _take_hello(self, object reader)
    cdef _begin(self, object startup, bytes rest)
    cdef _look_up(self, object startup, object negotiation, str user, bytes rest)
    cdef _answered_early(self, bytes data)
    cdef _hold(self, bytes data)
    cpdef learn(self, object role)
    @cython.locals(binding=bytes, request=bytes, told=bytes)
    @cython.locals(method=LoginMethod)
    cdef _greeted(self, Greeting greeting)
    cdef bint _is_named(self) except -1
    cdef _refuse(self, object refusal)
    @cython.locals(reader=MessageReader)
    cdef _read_answers(self, bytes data)
    @cython.locals(answer=bytes, method=LoginMethod)
    cdef _take(self, int kind, bytes body)
    cdef _say(self, bytes data)
    cdef _enter(self)
    cdef _malformed(self, str seen)


@cython.locals(made=ClientLogin)
cpdef ClientLogin client_login(UserList users, bytes nonce)
