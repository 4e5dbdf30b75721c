cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.requests cimport ClientRequests
from pglane.engine.server_link cimport ServerLink
from pglane.engine.transport cimport Owner, Transport
from pglane.wire.framing cimport MessageReader


cdef class ClientLink(Owner):
    cdef public str address
    cdef public double connected
    cdef public object database
    cdef public bint discarding
    cdef public object door
    cdef public bytes key
    cdef public object login_startup
    cdef public object need
    cdef public long long number
    cdef public object phase
    cdef public bint pinned
    cdef public long process_id
    cdef public object request
    cdef public double requested
    cdef public ClientRequests requests
    cdef public bint rewrites
    cdef public ServerLink server
    cdef public object startup
    cdef public Transport transport
    cdef public str user
    cdef public object vector
    cdef public bint welcomed

    cpdef on_data(self, bytes data)
    cdef _limit_held(self)
    @cython.locals(reader=MessageReader)
    cpdef want(self)
    cdef _ask(self)
    cpdef granted(self, ServerLink server)
    @cython.locals(server=ServerLink, exchange=Exchange, outcome=int)
    cpdef forward(self)
    @cython.locals(server=ServerLink, exchange=Exchange, requests=ClientRequests)
    cpdef answered(self)
    cdef _end_lease(self, object ending, ServerLink server)
    cdef _release(self, ServerLink server)
    cpdef unlease(self)
    cdef bint _discard(self) except -1
