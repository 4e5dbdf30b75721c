cimport cython

from pglane.connection.login_method cimport LoginMethod
from pglane.connection.scram_login cimport scram_login
from pglane.wire.scram cimport PreparedVerifier


cdef int _NOTHING, _SCRAM, _MD5, _PLAIN


@cython.final
cdef class Greeting:
    cdef PreparedVerifier _prepared
    cdef object _secret
    cdef UserList _users
    cdef object _wanted
    cdef public dict by_door
    cdef public object negotiation
    cdef public object role
    cdef public object seen
    cdef public object startup
    cdef public bytes told
    cdef public bytes told_bound
    cdef public str user
    cdef public int way

    cpdef bint holds(self) except -1
    cpdef wanted(self)
    cpdef LoginMethod method(self, bytes nonce, bytes binding)


@cython.final
cdef class UserList:
    cdef dict _greetings
    cdef bytes _latest_packet
    cdef Greeting _latest
    cdef dict _secrets
    cdef bint _md5
    cdef bint _mocks_md5
    cdef int _mock_iterations
    cdef readonly bytes _mock_secret
    cdef bint _plain
    cdef public object proved
    cdef public object certificates
    cdef public bint trust
    cdef public bint asks

    cpdef Greeting greeting(self, bytes packet)
    cpdef keep(self, bytes packet, Greeting greeting)
    cpdef int way(self, object secret) except -1
