cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.requests cimport ClientRequests
from pglane.connection.settings cimport Vector
from pglane.connection.whole_requests cimport is_whole_request
from pglane.doors.need cimport Need
from pglane.engine.admission cimport Admission
from pglane.engine.database cimport Database
from pglane.engine.client_connection cimport ClientConnection
from pglane.engine.server_link cimport ServerLink
from pglane.engine.syscalls cimport Chunk
from pglane.engine.transport cimport Transport
from pglane.engine.welcome cimport Welcome
from pglane.pool.ledger cimport Slot
from pglane.scheduler.request cimport Request
from pglane.wire.framing cimport MessageReader


cdef int _WELCOME, _IDLE, _WAITING, _LEASED, _GONE, _IDLE_STATUS
cdef int _TERMINATE, _BIND
cdef long long _CATALOG, _DATABASE, _EXECUTES, _NOTIFIES

cdef bint _is_ignored(int kind) noexcept


cdef class ClientLink(ClientConnection):
    cdef bint _is_request(self, const unsigned char *data, Py_ssize_t size) except -1
    @cython.locals(server=ServerLink, fits=bint, sent=bint)
    cdef _begins(self, Chunk chunk, Slot slot)
    @cython.locals(requests=ClientRequests, unit=bytes)
    cdef bint _sends(
        self, const unsigned char *data, Py_ssize_t size, ServerLink server
    ) except -1
    @cython.locals(effects=cython.longlong)
    cdef int _tell_effects(self, ServerLink server) except -1
    cdef Request _next_lease(self)
    @cython.locals(drawn=bint)
    cdef bint _holds(self, ServerLink server) except -1
    cdef int _begin_lease(self) except -1
    @cython.locals(server=ServerLink)
    cdef bint _asks_on(self, Chunk chunk) except -1
    cdef bint _asks(
        self, const unsigned char *data, Py_ssize_t size, ServerLink server
    ) except -1
    cpdef release(self, ServerLink server)
    @cython.locals(known=Welcome)
    cpdef begin(self, Admission admission)
    cpdef comes_in(self, Welcome welcome)
    cpdef ask_first(self)
    cdef _welcome(self, Welcome welcome)
    @cython.locals(database=Database, slot=Slot)
    cdef bint takes(self, Chunk chunk) except -1
    cdef bint _says_a_lane(self, Chunk chunk) except -1
    @cython.locals(reader=MessageReader, data=bytes)
    cdef bint _asks_kept(self, ServerLink server) except -1
    @cython.locals(reader=MessageReader)
    cdef _pass_on(self, bytes data, ServerLink server)
    cpdef on_data(self, bytes data)
    cdef _limit_held(self)
    @cython.locals(reader=MessageReader)
    cpdef want(self)
    cdef bint _answers(self) except -1
    @cython.locals(database=Database, slot=Slot)
    cdef _ask(self)
    cpdef granted(self, ServerLink server)
    cpdef comes_up(self, ServerLink server)
    @cython.locals(reader=MessageReader)
    cpdef takes_back(self, bytes request)
    @cython.locals(server=ServerLink, exchange=Exchange, outcome=int)
    cpdef forward(self)
    cdef _stopped(self, int outcome, ServerLink server)
    @cython.locals(server=ServerLink, exchange=Exchange, requests=ClientRequests)
    cpdef answered(self)
    cpdef unlease(self)
    cdef bint _discard(self) except -1


@cython.locals(made=ClientLink)
cpdef ClientLink client_link(
    Admission admission, Transport transport, object peer, long long number
)
