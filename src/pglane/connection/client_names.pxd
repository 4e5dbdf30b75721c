cimport cython

from pglane.connection.client_effects cimport ClientEffects
from pglane.connection.exchange cimport Exchange
from pglane.connection.expectations cimport PendingDeallocation
from pglane.connection.request_messages cimport message
from pglane.connection.prepared_statements cimport (
    ClientStatement, ServerStatement, ServerStatements, Shape, Shapes
)
from pglane.wire.statements cimport Verdict, VerdictCache


cdef long long _TAKEN_APART


cdef class ClientNames(ClientEffects):
    cdef public dict statements
    cdef public bint virtual
    cdef public object parse_key
    cdef public Py_ssize_t statements_max
    cdef public bint may_forget

    cdef _name_nothing(
        self, VerdictCache cache, Shapes shapes, bint virtual, Py_ssize_t statements_max
    )
    @cython.locals(name=bytes)
    cdef PendingDeallocation _deallocation(self, bytes text, Exchange exchange)
    @cython.locals(empty=ServerStatement)
    cdef PendingDeallocation _give_name(self, Exchange exchange, bytes name)
    @cython.locals(statement=ClientStatement)
    cdef bint _is_uncertain(self, bytes name, Exchange exchange) except -1
    cdef bytes _no_room_for(self, bytes name, bytes text)
    @cython.locals(apart=ServerStatement)
    cdef _parse_apart(self, Exchange exchange, Shape shape)
    @cython.locals(fresh=ServerStatement)
    cdef ServerStatement _prepare(self, Exchange exchange, Shape shape, bytes types)
    @cython.locals(evicted=ServerStatement)
    cdef _close_evicted(self, Exchange exchange)
    cdef _keep(self, bytes name, ClientStatement statement)
    @cython.locals(shape=Shape, known=ServerStatement)
    cdef bytes _server_name(self, Exchange exchange, bytes name, ClientStatement statement)
    @cython.locals(shape=Shape, renewed=Shape, loose=Shape, statements=ServerStatements)
    cdef Shape _shape_of(self, ClientStatement statement, Exchange exchange)
    @cython.locals(shape=Shape, known=ServerStatement)
    cdef bytes _name_here(self, ClientStatement statement, Exchange exchange)
    @cython.locals(verdict=Verdict)
    cdef bint _tells_what_it_returns(self, ClientStatement statement) except -1
    @cython.locals(shape=Shape, told=bint, types=bytes)
    cdef bint _renew_unnamed(self, Exchange exchange, ClientStatement statement) except -1
    cdef _describe_silently(self, Exchange exchange, ClientStatement statement, bytes name)
    @cython.locals(statements=ServerStatements)
    cdef bint _is_there(self, ClientStatement statement, Exchange exchange) except -1
    cdef _unnamed_goes(self, bytes answer)
    cdef _refuse(self, Exchange exchange, object answer)
