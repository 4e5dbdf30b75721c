cimport cython

from pglane.connection.client_login cimport ClientLogin, client_login
from pglane.connection.failed_logins cimport FailedLogins
from pglane.connection.user_list cimport Greeting, UserList
from pglane.doors.session_state cimport client_session_state
from pglane.engine.admission cimport Admission
from pglane.engine.cancel_keys cimport CancelKeys
from pglane.engine.client_counts cimport ClientCounts
from pglane.engine.client_link cimport ClientLink, client_link
from pglane.engine.loop cimport Loop, Timer
from pglane.engine.network_logins cimport NetworkLogins
from pglane.engine.randomness cimport RandomText
from pglane.engine.syscalls cimport peer_network
from pglane.engine.transport cimport Owner, Transport, open_transport


cdef Py_ssize_t _LOGIN_QUEUE_BYTES_MAX, _TIGHT_LOGINS_MAX, _LARGE_LOGIN_BYTES, _NONCE_CHARACTERS


cdef class Entrance:
    cdef long long _clients_max
    cdef double _login_s_max
    cdef dict _logins
    cdef long long _numbers
    cdef NetworkLogins _networks
    cdef long long _per_address_max
    cdef public FailedLogins failures
    cdef public bint restricted
    cdef public object origins
    cdef Timer _timer
    cdef long long _unauthenticated_max
    cdef RandomText _nonces
    cdef public CancelKeys cancel_keys
    cdef public dict clients
    cdef public bint closed
    cdef public ClientCounts counts
    cdef public Loop loop
    cdef public object tls
    cdef public UserList users
    cdef public object worker

    cpdef apply(self, object settings, UserList users)
    @cython.locals(link=LoginLink, network=bytes, of_network=cython.longlong)
    cpdef Transport accepted(self, int fd, object door, object peer)
    cdef bint _is_crowded(self) except -1
    cdef _refusal_at_door(self)
    cdef _too_many_clients(self)
    cpdef long long login_count(self) except -1
    cpdef list logins(self)
    cpdef login_over(self, LoginLink link)
    cpdef close(self)
    @cython.locals(link=LoginLink)
    cdef _await_oldest(self)
    @cython.locals(link=LoginLink)
    cpdef _time_is_over(self)
    cpdef long long next_number(self) except -1
    cpdef bytes nonce(self)
    @cython.locals(transport=Transport, client=ClientLink, rest=bytes, number=cython.longlong)
    cpdef enter(self, LoginLink link, ClientLogin login, Admission admission)
    cpdef client_gone(self, ClientLink client)


cdef class LoginLink(Owner):
    cdef Entrance _entrance
    cdef ClientLogin _login
    cdef bint _over
    cdef object _tls
    cdef object _waiting
    cdef public double connected
    cdef public object door
    cdef public FailedLogins failures
    cdef public Py_ssize_t kept_bytes
    cdef public Loop loop
    cdef public bytes network
    cdef public object worker
    cdef public object peer
    cdef public Transport transport

    cdef _set_up(self, Entrance entrance, int fd, object door, object peer)
    cpdef on_data(self, bytes data)
    @cython.locals(login=ClientLogin, transport=Transport, answer=bytes)
    cdef _go_on(self)
    cpdef look_at(self, bytes data)
    cpdef refuse(self, object refusal)
    cdef _refuse_login(self, object refusal)
    cdef _say(self, object refusal)
    cpdef too_slow(self)
    cdef _begin_tls(self)
    cdef _finish(self)
    cdef bint _is_elsewhere(self) except -1
    @cython.locals(greeting=Greeting, admission=Admission)
    cdef _enter(self)
    cdef bint _is_objected_to(self, Greeting greeting) except -1
    cdef Admission _admission(self, Greeting greeting)


@cython.locals(made=LoginLink)
cpdef LoginLink login_link(Entrance entrance, int fd, object door, object peer)
