cimport cython

from pglane.connection.client_login cimport ClientLogin
from pglane.engine.loop cimport Loop, Timer
from pglane.engine.transport cimport Owner, Transport


cdef class Entrance:
    cdef long long _clients_max
    cdef double _login_s_max
    cdef dict _logins
    cdef long long _numbers
    cdef Timer _timer
    cdef long long _unauthenticated_max
    cdef public object cancel_keys
    cdef public dict clients
    cdef public bint closed
    cdef public Loop loop
    cdef public object tls
    cdef public object users
    cdef public object worker

    cpdef apply(self, object settings, object users)
    @cython.locals(link=LoginLink)
    cpdef accepted(self, int fd, object door, object peer)
    cdef _refusal_at_door(self)
    cdef _too_many_clients(self)
    cpdef long long login_count(self) except -1
    cpdef login_over(self, LoginLink link)
    cpdef close(self)
    @cython.locals(link=LoginLink)
    cdef _await_oldest(self)
    @cython.locals(link=LoginLink)
    cpdef _time_is_over(self)
    cpdef long long next_number(self) except -1
    @cython.locals(transport=Transport)
    cpdef enter(self, LoginLink link, ClientLogin login, object wanted)
    cpdef client_gone(self, object client)


cdef class LoginLink(Owner):
    cdef Entrance _entrance
    cdef ClientLogin _login
    cdef bint _over
    cdef object _tls
    cdef object _worker
    cdef public double connected
    cdef public object door
    cdef public object peer
    cdef public Transport transport

    @cython.locals(login=ClientLogin)
    cpdef on_data(self, bytes data)
    cpdef refuse(self, object refusal)
    cpdef too_slow(self)
    cdef _begin_tls(self)
    cdef _finish(self)
    @cython.locals(login=ClientLogin)
    cdef _enter(self)
