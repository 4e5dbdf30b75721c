cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.requests cimport ClientRequests
from pglane.connection.traffic cimport Traffic
from pglane.doors cimport following
from pglane.doors.lease cimport LeaseDesk
from pglane.engine.loop cimport Loop
from pglane.engine.server_link cimport LeaseHolder, ServerLink
from pglane.scheduler.lane cimport Lane
from pglane.scheduler.request cimport Lease, Request
from pglane.wire.framing cimport MessageReader


cdef double _USUAL_SHARE
cdef int _BIND


cdef class Serving:
    cdef public bint draining
    cdef public bint paused
    cdef public bint unread


@cython.final
cdef class Follower:
    cdef public LeaseHolder client
    cdef public Py_ssize_t unit_bytes
    cdef public double since


@cython.final
cdef class Pipelines:
    cdef Serving _database
    cdef Traffic _traffic
    cdef LeaseDesk _desk
    cdef Loop _loop
    cdef dict _fed
    cdef dict _pauses
    cdef object _timer
    cdef public Py_ssize_t depth
    cdef public double drain_s
    cdef public Py_ssize_t following
    cdef public Py_ssize_t learned_min

    @cython.locals(
        followers=list, depth=Py_ssize_t, now=double, request=Request, client=LeaseHolder,
        unit=bytes
    )
    cpdef feed(self, ServerLink server)
    @cython.locals(now=double)
    cdef _follow(self, LeaseHolder client, Request request, ServerLink server, bytes unit)
    @cython.locals(now=double, lease=Lease, lane=Lane, within_s=double, depth=Py_ssize_t)
    cdef Py_ssize_t _depth_of(self, ServerLink server) except -1
    @cython.locals(busy=Py_ssize_t)
    cdef Py_ssize_t _share(self, Lane lane) except -1
    @cython.locals(first=Follower, client=LeaseHolder)
    cpdef next_turn(self, ServerLink server)
    cpdef fall_back(self, ServerLink server)
    cpdef drop(self, LeaseHolder client)
    @cython.locals(
        followers=list, now=double, follower=Follower, client=LeaseHolder, request=Request
    )
    cdef _end(self, ServerLink server, LeaseHolder gone)
    cdef _watch(self)
    @cython.locals(now=double, first=Follower)
    cpdef _look(self)
    cpdef bound(self, ServerLink server)
    @cython.locals(exchange=Exchange, client=LeaseHolder)
    cpdef _cut(self, ServerLink server)
    cdef _pause(self, object lane)


@cython.locals(client=LeaseHolder, exchange=Exchange)
cdef bint _may_be_followed(ServerLink server) except -1
@cython.locals(
    requests=ClientRequests, reader=MessageReader, came=bytes, unit=bytes, rest=bytes, noted=bint
)
cdef bint _takes_turn(LeaseHolder client, ServerLink server, Py_ssize_t unit_bytes) except -1
