cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.requests cimport ClientRequests
from pglane.connection.traffic cimport Traffic
from pglane.doors.lease cimport Need
from pglane.engine.admission cimport Admission
from pglane.engine.database cimport Database
from pglane.engine.server_link cimport LeaseHolder, ServerLink
from pglane.engine.transport cimport Transport
from pglane.engine.welcome cimport Welcome
from pglane.pool.ledger cimport Slot
from pglane.scheduler.fifo cimport Request
from pglane.wire.framing cimport MessageReader


cdef int _WELCOME, _IDLE, _WAITING, _LEASED, _GONE, _IDLE_STATUS
cdef int _TERMINATE
cdef long long _CATALOG, _DATABASE, _EXECUTES, _NOTIFIES

cdef bint _is_ignored(int kind)


cdef class ClientLink(LeaseHolder):
    cdef double _asked
    cdef double _began
    cdef long long _lasting
    cdef public double connected
    cdef public Database database
    cdef public bint discarding
    cdef public object door
    cdef public bytes key
    cdef public object login_startup
    cdef public long long number
    cdef public object peer
    cdef public int phase
    cdef public bint pinned
    cdef public long process_id
    cdef public double requested
    cdef public ClientRequests requests
    cdef public bint rewrites
    cdef public ServerLink server
    cdef public object session_state
    cdef public bint settled
    cdef public object startup
    cdef public dict told
    cdef public object vector
    cdef public bint welcomed

    cdef _come_in(self, Admission admission)
    cpdef begin(self)
    cdef _ask_first(self)
    cdef _welcome(self, Welcome welcome)
    cpdef leave(self, bint polite)
    cdef _unpin(self, object session_state)
    cpdef on_data(self, bytes data)
    cdef _limit_held(self)
    @cython.locals(reader=MessageReader)
    cpdef want(self)
    @cython.locals(database=Database, slot=Slot)
    cdef _ask(self)
    @cython.locals(drawn=bint)
    cpdef granted(self, ServerLink server)
    cdef _begin_lease(self)
    @cython.locals(reader=MessageReader)
    cpdef takes_back(self, bytes request)
    @cython.locals(server=ServerLink, exchange=Exchange, outcome=int)
    cpdef forward(self)
    cdef _stopped(self, int outcome, ServerLink server)
    @cython.locals(server=ServerLink, exchange=Exchange, requests=ClientRequests)
    cpdef answered(self)
    cdef _note_waited(self)
    cdef _note_asked(self)
    @cython.locals(now=double, traffic=Traffic)
    cdef _note_answered(self, Exchange exchange)
    cdef _end_lease(self, object ending, ServerLink server)
    cdef _release(self, ServerLink server)
    cpdef unlease(self)
    @cython.locals(parameters=dict, requests=ClientRequests)
    cpdef parameters_changed(self, Exchange exchange)
    cdef bint _discard(self) except -1
