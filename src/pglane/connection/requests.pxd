cimport cython

from pglane.connection.exchange cimport Exchange, PendingDeallocation, PendingParse
from pglane.connection.statements cimport (
    ClientStatement, ServerStatement, ServerStatements, Shape, Shapes
)
from pglane.wire.framing cimport MessageReader
from pglane.wire.statements cimport Verdict, VerdictCache


cdef class ClientRequests:
    cdef public MessageReader reader
    cdef public dict statements
    cdef public long long effects
    cdef public long long unanswered_effects
    cdef public set settings
    cdef public bint virtual
    cdef public object parse_key
    cdef public str encoding
    cdef public bint standard_strings
    cdef public Py_ssize_t statements_max
    cdef public int out_of_place
    cdef public bint may_copy
    cdef public bint may_forget
    cdef dict _deallocating
    cdef VerdictCache _cache
    cdef Shapes _shapes

    @cython.locals(reader=MessageReader, outcome=int, run=Py_ssize_t, begin=Py_ssize_t, kind=int)
    cpdef int forward(self, Exchange exchange) except -1
    @cython.locals(reader=MessageReader)
    cdef _hand_on(self, Exchange exchange, Py_ssize_t begin, Py_ssize_t end)
    cdef _maybe_stream(self, Exchange exchange)
    cdef bint _passes(self, int kind, Exchange exchange) except -1
    cdef bint _passes_skipping(self, int kind, Exchange exchange) except -1
    cdef bint _sync(self, Exchange exchange) except -1
    cdef int _hold_sync(self, Exchange exchange) except -1
    cdef int _wait(self, Exchange exchange, int reason) except -1
    cdef bint _flush(self) except -1
    cdef bint _execute(self, Exchange exchange) except -1
    @cython.locals(text=bytes)
    cdef _execute_deallocating(self, Exchange exchange)
    @cython.locals(verdict=Verdict, deallocating=dict)
    cdef _note_portal(self, bytes portal, ClientStatement statement)
    cdef bint _passes_named(self, int kind, Exchange exchange) except -1
    @cython.locals(reader=MessageReader, verdict=Verdict, data=cython.p_char, last=Py_ssize_t)
    cdef bint _query(self, Exchange exchange) except -1
    cdef _expect_query(self, Exchange exchange, object deallocation)
    cdef _query_deallocating(self, Exchange exchange)
    @cython.locals(name=bytes)
    cdef PendingDeallocation _deallocation(self, bytes text, Exchange exchange)
    @cython.locals(empty=ServerStatement)
    cdef PendingDeallocation _give_name(self, Exchange exchange, bytes name)
    cdef Verdict _judge(self, bytes text)
    @cython.locals(verdict=Verdict)
    cdef _note(self, ClientStatement statement)
    cdef _note_verdict(self, Verdict verdict)
    @cython.locals(reader=MessageReader, end=Py_ssize_t)
    cdef tuple _string(self, Py_ssize_t at)
    cdef bytes _last_string(self, Py_ssize_t at)
    @cython.locals(reader=MessageReader)
    cdef int _byte(self, Py_ssize_t at) except -1
    @cython.locals(reader=MessageReader, at=Py_ssize_t, statement=ClientStatement)
    cdef bint _parse_unnamed(self, Exchange exchange) except -1
    @cython.locals(reader=MessageReader, at=Py_ssize_t, statement=ClientStatement)
    cdef bint _bind_unnamed(self, Exchange exchange) except -1
    cdef int _rewrite(self, int kind, Exchange exchange) except -1
    @cython.locals(
        reader=MessageReader, at=Py_ssize_t, shape=Shape, statement=ClientStatement,
        known=ServerStatement, fresh=ServerStatement
    )
    cdef _parse_named(self, Exchange exchange)
    @cython.locals(apart=ServerStatement)
    cdef _parse_apart(self, Exchange exchange, Shape shape)
    cdef bytes _no_room_for(self, bytes name, bytes text)
    @cython.locals(fresh=ServerStatement)
    cdef ServerStatement _prepare(self, Exchange exchange, Shape shape)
    @cython.locals(evicted=ServerStatement)
    cdef _close_evicted(self, Exchange exchange)
    cdef _keep(self, bytes name, ClientStatement statement)
    @cython.locals(reader=MessageReader, at=Py_ssize_t, statement=ClientStatement)
    cdef int _bind(self, Exchange exchange) except -1
    @cython.locals(statement=ClientStatement, shape=Shape, known=ServerStatement)
    cdef bytes _server_name(self, Exchange exchange, bytes name)
    @cython.locals(shape=Shape, renewed=Shape)
    cdef Shape _shape_of(self, ClientStatement statement)
    cdef _renew_unnamed(self, Exchange exchange, ClientStatement statement)
    cdef _describe_silently(
        self, Exchange exchange, ClientStatement statement, ServerStatement known
    )
    @cython.locals(reader=MessageReader, statement=ClientStatement)
    cdef int _describe(self, Exchange exchange) except -1
    @cython.locals(reader=MessageReader)
    cdef _close(self, Exchange exchange)
    cdef _refuse(self, Exchange exchange, bytes answer)


cpdef bytes message(bytes kind, bytes body)
cpdef bytes error(bytes sqlstate, bytes text)
