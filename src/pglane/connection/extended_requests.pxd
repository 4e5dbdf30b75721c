cimport cython

from pglane.connection.client_channels cimport ClientChannels
from pglane.connection.exchange cimport Exchange
from pglane.connection.expectations cimport (
    PendingDeallocation, PendingParse, PendingSteps, pending_parse
)
from pglane.connection.request_messages cimport bind_head, message
from pglane.connection.prepared_statements cimport (
    ClientStatement, ServerStatement, Shape, client_statement, Shapes
)
from pglane.wire.framing cimport MessageReader
from pglane.wire.statements cimport Verdict


cdef int _BIND, _DESCRIBE, _EXECUTE, _PARSE
cdef long long _BOUND, _UNSEEN


cdef class ExtendedRequests(ClientChannels):
    cdef public MessageReader reader
    cdef public Py_ssize_t rest_bytes

    cdef _read_from(self, MessageReader reader)
    cdef int _wait(self, Exchange exchange, int reason) except -1
    cdef bint _passes_named(self, int kind, Exchange exchange) except -1
    cdef bint _passes_unanswered(self, int kind, Exchange exchange) except -1
    cdef bint _flush(self) except -1
    @cython.locals(reader=MessageReader, end=Py_ssize_t)
    cdef tuple _string(self, Py_ssize_t at)
    cdef Py_ssize_t _string_end(self, Py_ssize_t at) except -1
    cdef bytes _first_parameters(self, Py_ssize_t at)
    cdef bytes _last_string(self, Py_ssize_t at)
    @cython.locals(reader=MessageReader)
    cdef int _byte(self, Py_ssize_t at) except -1
    @cython.locals(
        reader=MessageReader, end=Py_ssize_t, text=bytes, types=bytes, verdict=Verdict,
        statement=ClientStatement
    )
    cdef bint _parse_unnamed(self, Exchange exchange) except -1
    @cython.locals(before=ClientStatement)
    cdef PendingParse _keep_unnamed(self, ClientStatement statement, Exchange exchange)
    @cython.locals(
        reader=MessageReader, end=Py_ssize_t, portal=bytes, statement=ClientStatement,
        verdict=Verdict
    )
    cdef bint _bind_unnamed(self, Exchange exchange) except -1
    cdef bint _describe_portal(self, Exchange exchange) except -1
    @cython.locals(
        reader=MessageReader, at=Py_ssize_t, shape=Shape, statement=ClientStatement,
        known=ServerStatement, fresh=ServerStatement, verdict=Verdict, objection=bytes,
        unnamed=ClientStatement, shapes=Shapes
    )
    cdef int _parse_named(self, Exchange exchange) except -1
    @cython.locals(
        reader=MessageReader, portal_end=Py_ssize_t, name_end=Py_ssize_t, name=bytes,
        statement=ClientStatement, verdict=Verdict, objection=bytes
    )
    cdef int _bind(self, Exchange exchange) except -1
    @cython.locals(verdict=Verdict)
    cdef Verdict _verdict_of(self, ClientStatement statement, Py_ssize_t at)
    @cython.locals(reader=MessageReader)
    cdef int _describe(self, Exchange exchange) except -1
    cdef ClientStatement _described(self, ClientStatement statement)
    @cython.locals(reader=MessageReader)
    cdef int _close(self, Exchange exchange) except -1
    cdef bint _execute(self, Exchange exchange) except -1
    @cython.locals(reader=MessageReader)
    cdef bytes _portal(self)
    @cython.locals(portal=bytes, text=bytes, verdict=Verdict, objection=bytes, steps=PendingSteps)
    cdef int _execute_apart(self, Exchange exchange) except -1
    @cython.locals(statement=ClientStatement)
    cdef bint _names_unsettled(self, Verdict verdict, bytes text, Exchange exchange) except -1
