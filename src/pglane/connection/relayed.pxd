cimport cython

from pglane.connection.expectations cimport PendingParse
from pglane.connection.owed cimport OwedAnswers
from pglane.connection.prepared_statements cimport ServerStatement
from pglane.connection.traffic cimport Traffic
from pglane.wire.framing cimport MessageReader


cdef int _PARSE, _BIND, _IDLE_STATUS


cdef class RelayedAnswers(OwedAnswers):
    cdef public MessageReader reader
    cdef public int status
    cdef public bint skipping
    cdef public bint copy_in
    cdef public int held
    cdef public object subscriptions
    cdef public Traffic traffic

    @cython.locals(reader=MessageReader, at=Py_ssize_t, kind=int)
    cpdef bint relays(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int _unit_ended(self) except -1
    @cython.locals(parse=PendingParse)
    cdef int _parsed(self, object payload) except -1
