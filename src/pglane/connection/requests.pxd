cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.expectations cimport PendingDeallocation, PendingSteps, pending_parse
from pglane.connection.request_messages cimport message
from pglane.connection.prepared_statements cimport ClientStatement, Shapes
from pglane.connection.whole_requests cimport WholeRequests
from pglane.wire.framing cimport MessageReader, message_reader
from pglane.wire.statements cimport Verdict, VerdictCache


cdef int _FORWARDED, _HEADER_BYTES, _HELD, _QUERY


@cython.final
cdef class ClientRequests(WholeRequests):
    cdef public int out_of_place

    cdef _set_up(
        self, VerdictCache cache, Shapes shapes, bint virtual, Py_ssize_t message_bytes_max,
        Py_ssize_t statements_max
    )
    @cython.locals(reader=MessageReader, outcome=int, run=Py_ssize_t, begin=Py_ssize_t, kind=int)
    cpdef int forward(self, Exchange exchange) except -1
    cdef _refuse_malformed(self, Exchange exchange, object malformed)
    @cython.locals(reader=MessageReader)
    cdef _hand_on(self, Exchange exchange, Py_ssize_t begin, Py_ssize_t end)
    cdef _maybe_stream(self, Exchange exchange)
    cdef bint _passes(self, int kind, Exchange exchange) except -1
    cdef bint _passes_skipping(self, int kind, Exchange exchange) except -1
    cdef bint _sync(self, Exchange exchange) except -1
    @cython.locals(reader=MessageReader, data=bytes, last=Py_ssize_t)
    cdef bint _query(self, Exchange exchange) except -1
    cpdef bint begins_with(
        self, const unsigned char *data, Py_ssize_t size, Exchange exchange
    ) except -1
    @cython.locals(verdict=Verdict, effects=cython.longlong)
    cdef bint _asks(
        self, const unsigned char *data, Py_ssize_t begin, Py_ssize_t end, Exchange exchange
    ) except -1
    cdef int _expect_query(self, Exchange exchange, object deallocation) except -1
    @cython.locals(
        reader=MessageReader, text=bytes, verdict=Verdict, objection=bytes
    )
    cdef int _query_apart(self, Exchange exchange) except -1
    @cython.locals(
        unit_open=bint, deallocation=PendingDeallocation, before=ClientStatement,
        steps=PendingSteps
    )
    cdef _send_apart(self, Verdict verdict, bytes text, Exchange exchange)
    cdef _fail_query(self, Exchange exchange, bytes answer)
    @cython.locals(reader=MessageReader, unnamed=bint)
    cpdef fails_unsent(self)
    @cython.locals(reason=int)
    cdef int _rewrite(self, int kind, Exchange exchange) except -1
    cdef int _reason_to_wait(self, int kind, Exchange exchange) except -1
    cdef int _rewrite_named(self, int kind, Exchange exchange) except -1


@cython.locals(made=ClientRequests)
cpdef ClientRequests client_requests(
    VerdictCache cache, Shapes shapes, bint virtual, Py_ssize_t message_bytes_max,
    Py_ssize_t statements_max
)
