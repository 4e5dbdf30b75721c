cimport cython

from pglane.config.limits cimport Limits
from pglane.connection.requests cimport ClientRequests, client_requests
from pglane.connection.settings cimport Vector, Vectors
from pglane.connection.prepared_statements cimport Shapes
from pglane.doors.need cimport Need, need_of
from pglane.engine.database cimport Database
from pglane.engine.welcome cimport Welcome
from pglane.scheduler.placing cimport Place
from pglane.wire.statements cimport VerdictCache


@cython.final
cdef class Admission:
    cdef Vector _base
    cdef bint _fresh
    cdef long long _generation
    cdef long long _message_bytes_max
    cdef Shapes _shapes
    cdef long long _statements_max
    cdef tuple _told_as
    cdef long long _told_of
    cdef Welcome _welcome
    cdef Vectors _vectors
    cdef VerdictCache _verdicts
    cdef public Database database
    cdef public object door
    cdef public bint keeps_keys
    cdef public str lane_wished
    cdef public long long lasting
    cdef public Limits limits
    cdef public bint long_keys
    cdef public Place place
    cdef public object role
    cdef public object session_state
    cdef public Vector settings
    cdef public object startup
    cdef public Py_ssize_t unread_bytes_max
    cdef public str user
    cdef public bint virtual
    cdef public str work

    cdef bint is_current(self) except -1
    cdef Need need(self)
    @cython.locals(database=Database)
    cdef Welcome welcome(self)
    cdef ClientRequests requests(self)
