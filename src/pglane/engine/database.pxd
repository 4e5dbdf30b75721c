cimport cython

from pglane.connection.requests cimport ClientRequests
from pglane.connection.traffic cimport Traffic
from pglane.doors.decisions cimport Grant
from pglane.doors.lease cimport LeaseDesk
from pglane.engine.cancel_keys cimport CancelKeys
from pglane.engine.loop cimport Loop, Timer
from pglane.engine.pipeline cimport Pipelines, Serving
from pglane.engine.server_link cimport LeaseHolder, ServerLink
from pglane.pool.ledger cimport Slot
from pglane.scheduler.placing cimport LanePlacing
from pglane.scheduler.request cimport Request


cdef double _NEVER
cdef Request _LEFT


@cython.final
cdef class Database(Serving):
    cdef public Loop loop
    cdef public LeaseDesk desk
    cdef public Traffic traffic
    cdef public bint asks_sequences
    cdef public bint reads_tags
    cdef public object worker
    cdef public str name
    cdef public dict welcomes
    cdef public long long welcomes_kept
    cdef public object accepted
    cdef public dict custom_names
    cdef public CancelKeys cancel_keys
    cdef public object entrance
    cdef public bint vacating
    cdef public bint forgotten
    cdef public bint disabled
    cdef public long long reconnects
    cdef public object opening
    cdef public Pipelines pipelines
    cdef public object watch
    cdef public object listening
    cdef public object session_state
    cdef Timer _tick_timer
    cdef double _armed
    cdef public bint takes_back
    cdef public double notices_due
    cdef public object notices
    cdef public object standstills
    cdef public object refusals
    cdef public LanePlacing placing
    cdef dict _limits
    cdef double _server_idle_s
    cdef list _pending
    cdef bint _performing

    @cython.locals(lease=Request, now=double, due=double)
    cpdef wait(self, LeaseHolder client)
    @cython.locals(due=double)
    cpdef arm_tick(self)
    @cython.locals(pending=list)
    cpdef perform(self, list decisions)
    @cython.locals(client=LeaseHolder)
    cdef _pass_on(self, Request request, Slot slot)
    @cython.locals(link=ServerLink, client=LeaseHolder)
    cdef _grant(self, Grant grant)
    @cython.locals(now=double, decisions=list, request=Request)
    cpdef release(self, ServerLink server)
    cpdef part(self, LeaseHolder client)
    @cython.locals(request=Request)
    cpdef withdraw(self, LeaseHolder client)
    @cython.locals(server=ServerLink, requests=ClientRequests)
    cpdef client_left(self, LeaseHolder client, bint polite)
