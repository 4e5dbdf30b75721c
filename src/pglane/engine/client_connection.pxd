cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.requests cimport ClientRequests
from pglane.connection.settings cimport Vector
from pglane.connection.traffic cimport Traffic
from pglane.connection.whole_requests cimport is_whole_request
from pglane.doors.session_state cimport ClientSessionState
from pglane.engine.admission cimport Admission
from pglane.engine.database cimport Database
from pglane.engine.memory cimport Memory
from pglane.engine.server_link cimport LeaseHolder, ServerLink
from pglane.engine.transport cimport Transport
from pglane.scheduler.placing cimport LanePlacing, Place
from pglane.scheduler.request cimport request_of
from pglane.wire.framing cimport MessageReader


cdef int _WELCOME, _IDLE, _WAITING, _LEASED, _GONE, _IDLE_STATUS
cdef Py_ssize_t _FOLLOWING_BYTES_MAX
cdef dict _NOTHING_TOLD


cdef class ClientConnection(LeaseHolder):
    cdef public object block
    cdef public Database database
    cdef public object dismissal
    cdef public Vector vector
    cdef public int phase
    cdef public int moves
    cdef public bint pinned
    cdef public bint rewrites
    cdef public bint settled
    cdef public bint discarding
    cdef public double requested
    cdef public double asked
    cdef public double began
    cdef public Py_ssize_t kept_bytes
    cdef long long _lasting
    cdef public double connected
    cdef public object door
    cdef public object weight
    cdef public bytes key
    cdef public str lane_tagged
    cdef public str lane_wished
    cdef public object login_startup
    cdef public long long number
    cdef public object peer
    cdef public long process_id
    cdef public object role
    cdef public ClientSessionState session_state
    cdef public Vector startup
    cdef public dict told
    cdef public bint welcomed
    cdef public str work_said
    cdef public str work_tagged

    cpdef bint leaves_nothing(self) except -1
    cpdef bint may_be_followed(self) except -1
    cpdef bint finds_all(self, ServerLink server) except -1
    @cython.locals(requests=ClientRequests, reader=MessageReader)
    cpdef bytes unit_behind(self, ServerLink server)
    cdef int _note_asked(self) except -1
    @cython.locals(now=double, traffic=Traffic)
    cdef _note_answered(self, Exchange exchange)
    cdef _set_up(self, Admission admission, Transport transport, object peer, long long number)
    cdef _come_in(self, Admission admission)
    @cython.locals(place=Place, placing=LanePlacing)
    cdef _join_lane(self, Admission admission)
    cdef _note_waited(self)
    @cython.locals(requests=ClientRequests)
    cpdef parameters_changed(self, Exchange exchange)
    @cython.locals(reader=MessageReader, memory=Memory, kept_bytes=Py_ssize_t)
    cpdef note_kept(self)
    @cython.locals(memory=Memory)
    cdef _close(self)
    cpdef leave(self, bint polite)
    cdef _unpin(self, ClientSessionState session_state)
