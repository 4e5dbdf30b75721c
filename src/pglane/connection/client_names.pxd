cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.expectations cimport PendingDeallocation, PendingSteps
from pglane.connection.request_messages cimport message
from pglane.connection.statements cimport ClientStatement, ServerStatement, Shape, Shapes
from pglane.wire.statements cimport Verdict, VerdictCache


cdef class ClientNames:
    cdef public dict statements
    cdef public long long effects
    cdef public long long unanswered_effects
    cdef public long long later_effects
    cdef public int discards
    cdef public list unseen
    cdef public set settings
    cdef public bint virtual
    cdef public object parse_key
    cdef public str encoding
    cdef public bint standard_strings
    cdef public Py_ssize_t statements_max
    cdef public bint may_copy
    cdef public bint may_forget
    cdef public long long apart
    cdef public object subscriptions
    cdef public bint changes_channels
    cdef public bint hears_itself
    cdef public list channels_wanted
    cdef public bint channels_heard
    cdef public bytes channels_refused
    cdef public Py_ssize_t drew
    cdef public bint strangers_drew
    cdef public long long asked
    cdef object _allowance
    cdef dict _deallocating
    cdef VerdictCache _cache
    cdef Shapes _shapes

    cdef _name_nothing(
        self, VerdictCache cache, Shapes shapes, bint virtual, Py_ssize_t statements_max
    )
    cdef Verdict _judge(self, bytes text)
    @cython.locals(verdict=Verdict)
    cdef _note(self, ClientStatement statement)
    cdef _note_verdict(self, Verdict verdict)
    cdef _note_discard(self)
    cpdef discarded(self)
    @cython.locals(verdict=Verdict)
    cpdef note_executed(self, object statements)
    cdef _note_unseen(self, Verdict verdict)
    cdef bint _is_unread(self, Exchange exchange) except -1
    @cython.locals(effects=cython.longlong, drawn=Py_ssize_t)
    cdef bytes _state_objection(self, Verdict verdict, bytes text, Exchange exchange)
    @cython.locals(verdict=Verdict, bound=Verdict)
    cdef Verdict _verdict_of(self, ClientStatement statement, bytes parameters)
    cdef _note_bound(
        self, bytes portal, ClientStatement statement, Verdict verdict, Exchange exchange
    )
    cdef _doubt_reading(self, Verdict verdict)
    cdef _note_drawing(self, Verdict verdict, Exchange exchange)
    @cython.locals(deallocating=dict)
    cdef _note_portal(self, bytes portal, ClientStatement statement, Verdict verdict)
    @cython.locals(name=bytes)
    cdef PendingDeallocation _deallocation(self, bytes text, Exchange exchange)
    @cython.locals(refused=bytes)
    cdef bytes _objection(self, Verdict verdict, bytes text, Exchange exchange)
    cdef bint _needs_hearing(self, Verdict verdict) except -1
    cdef PendingSteps _steps(self, Verdict verdict, bytes text, ClientStatement before)
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
    @cython.locals(statement=ClientStatement, shape=Shape, known=ServerStatement)
    cdef bytes _server_name(self, Exchange exchange, bytes name)
    @cython.locals(shape=Shape, renewed=Shape)
    cdef Shape _shape_of(self, ClientStatement statement)
    @cython.locals(verdict=Verdict)
    cdef bint _tells_what_it_returns(self, ClientStatement statement) except -1
    @cython.locals(shape=Shape, told=bint, types=bytes)
    cdef bint _renew_unnamed(self, Exchange exchange, ClientStatement statement) except -1
    cdef _describe_silently(self, Exchange exchange, ClientStatement statement, bytes name)
    cdef _refuse(self, Exchange exchange, bytes answer)
