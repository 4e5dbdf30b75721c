cimport cython

from pglane.config.limits cimport Limits
from pglane.connection.exchange cimport Exchange
from pglane.connection.requests cimport ClientRequests
from pglane.connection.settings cimport Vector
from pglane.connection.traffic cimport Traffic
from pglane.doors.need cimport Need
from pglane.engine.syscalls cimport Chunk
from pglane.engine.transport cimport Owner, Transport
from pglane.pool.ledger cimport Slot
from pglane.scheduler.request cimport Request


cdef class LeaseHolder(Owner):
    cdef public ServerLink follows
    cdef public Request lease
    cdef public Request request
    cdef public ClientRequests requests
    cdef public ServerLink server
    cdef public Transport transport
    cdef public Need need
    cdef public Limits limits
    cdef public str user

    @cython.locals(lease=Request, last=Request)
    cpdef Request another_lease(self)
    cpdef granted(self, ServerLink server)
    cpdef comes_up(self, ServerLink server)
    cpdef release(self, ServerLink server)
    cpdef bint leaves_nothing(self) except -1
    cpdef bint may_be_followed(self) except -1
    cpdef bint finds_all(self, ServerLink server) except -1
    cpdef bytes unit_behind(self, ServerLink server)
    cpdef note_kept(self)
    cpdef answered(self)
    cpdef forward(self)


cdef class ServerLink(Owner):
    cdef public LeaseHolder client
    cdef public Exchange exchange
    cdef public Slot slot
    cdef public Traffic traffic
    cdef public Transport transport
    cdef public Vector vector
    cdef public list followers
    cdef public list held_cancels
    cdef public bint busy
    cdef public int cancels
    cdef public bint closing
    cdef public bint raw
    cdef public bint suspect
    cdef public long long leases
    cdef public double expires
    cdef object _after_task
    cdef public str address
    cdef public Vector base
    cdef public object database
    cdef public object default_rights
    cdef public object dialled
    cdef public bint dirty
    cdef public bint guarded
    cdef public bytes key
    cdef public long notifier
    cdef public long long number
    cdef public bint must_discard
    cdef public long process_id
    cdef public bint heard
    cdef public bint quiet
    cdef public bint standby
    cdef public bint harmless
    cdef public bint superuser
    cdef public bytes sum
    cdef public dict sums

    @cython.locals(client=LeaseHolder)
    cpdef answered(self)
    cdef bint _leaves_only_answers(self, LeaseHolder client) except -1
    cpdef lease_to(self, LeaseHolder client)
    cpdef unlease(self)
    cpdef bint feedable(self) except -1
    cpdef bint is_usual(self) except -1
    @cython.locals(
        client=LeaseHolder, at=Py_ssize_t, size=Py_ssize_t, end=Py_ssize_t, part=bytes,
        there="const unsigned char *"
    )
    cdef _takes_shared(self, bytes data)
    @cython.locals(client=LeaseHolder, data="const unsigned char *", size=Py_ssize_t)
    cdef bint takes(self, Chunk chunk) except -1
    @cython.locals(exchange=Exchange, client=LeaseHolder)
    cpdef on_data(self, bytes data)
    @cython.locals(exchange=Exchange, client=LeaseHolder)
    cdef _hand_on(self, int events)
    cdef _on_events(self, int events)
    cdef _reported(self, object client, int events)
    cdef _ends(self, int events)
    cdef _discarded(self, object client)
    @cython.locals(client=LeaseHolder)
    cpdef bint is_before_a_request(self) except -1
    cpdef bint is_amid_message(self) except -1
    cdef _task_done(self)


cdef Py_ssize_t _HEADER_BYTES
cdef int _READY_KIND

@cython.locals(size=Py_ssize_t, high=Py_ssize_t, length=Py_ssize_t, end=Py_ssize_t)
cpdef Py_ssize_t ready_end(bytes data, Py_ssize_t at) except -1
