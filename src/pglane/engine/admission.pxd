cimport cython

from pglane.connection.requests cimport ClientRequests
from pglane.connection.prepared_statements cimport Shapes
from pglane.doors.need cimport Need
from pglane.engine.database cimport Database
from pglane.scheduler.placing cimport Place
from pglane.wire.statements cimport VerdictCache


cdef class Admission:
    cdef object _base
    cdef bint _fresh
    cdef long long _generation
    cdef long long _message_bytes_max
    cdef Shapes _shapes
    cdef long long _statements_max
    cdef object _vectors
    cdef VerdictCache _verdicts
    cdef public Database database
    cdef public object door
    cdef public bint keeps_keys
    cdef public str lane_wished
    cdef public long long lasting
    cdef public object limits
    cdef public bint long_keys
    cdef public Place place
    cdef public object role
    cdef public object session_state
    cdef public object settings
    cdef public object startup
    cdef public Py_ssize_t unread_bytes_max
    cdef public str user
    cdef public bint virtual

    cdef bint is_current(self) except -1
    cdef Need need(self)
    cdef ClientRequests requests(self)
