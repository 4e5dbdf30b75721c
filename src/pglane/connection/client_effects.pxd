cimport cython

from pglane.connection.allowance cimport Allowance
from pglane.connection.exchange cimport Exchange
from pglane.connection.prepared_statements cimport ClientStatement, Shapes
from pglane.wire.statements cimport Verdict, VerdictCache


cdef long long _CATALOG, _COPIES, _DISCARDS, _ENDS_BLOCKS, _MAKES, _READING_EFFECTS, _RENEWS
cdef long long _MOVING_EFFECTS, _REREADING_EFFECTS
cdef Allowance _ALL_ALLOWED
cdef list _NONE_UNSEEN
cdef set _NO_SETTINGS
cdef dict _NO_PORTALS
cdef int _BEGINS
cdef long long _TRANSACTION, _UNPROVED, _UNSEEN, _UNSEEN_EFFECTS, _WRITES


cdef class ClientEffects:
    cdef public long long effects
    cdef public long long unanswered_effects
    cdef public long long apart
    cdef public str encoding
    cdef VerdictCache _cache
    cdef dict _deallocating
    cdef public Py_ssize_t drew
    cdef public int discards
    cdef public bint standard_strings
    cdef public bint may_copy
    cdef public bint may_end
    cdef public bint changes_channels
    cdef public bint moves
    cdef public bint rereads
    cdef public bint wrote
    cdef public bint strangers_drew
    cdef public long long later_effects
    cdef public list unseen
    cdef public set settings
    cdef public set named
    cdef public bint hears_itself
    cdef public bint makes_code
    cdef public long long asked
    cdef Allowance _allowance
    cdef Shapes _shapes

    cdef _note_nothing(self, VerdictCache cache, Shapes shapes)
    cpdef limit(self, Allowance allowance)
    cpdef answered(self, bint over)
    cdef Verdict _judge(self, bytes text)
    @cython.locals(verdict=Verdict)
    cdef _note(self, ClientStatement statement)
    cdef _note_runs(self, Verdict verdict)
    @cython.locals(effects=cython.longlong)
    cdef _note_verdict(self, Verdict verdict)
    @cython.locals(effects=cython.longlong)
    cdef _note_reading(self, Verdict verdict)
    cpdef doubt(self)
    cdef _note_discard(self)
    cpdef discarded(self)
    @cython.locals(verdict=Verdict)
    cpdef note_executed(self, object statements)
    cdef _note_settings(self, tuple names)
    cdef _note_named(self, tuple names)
    cdef _note_parameters(self, bytes parameters)
    cdef _note_unseen(self, Verdict verdict)
    cdef _doubt_reading(self, Verdict verdict)
    cdef bint _is_unread(self, Exchange exchange) except -1
    @cython.locals(effects=cython.longlong, drawn=Py_ssize_t)
    cdef bytes _state_objection(self, Verdict verdict, bytes text, Exchange exchange)
    @cython.locals(bound=Verdict)
    cdef Verdict _bound_verdict(
        self, Verdict verdict, ClientStatement statement, bytes parameters
    )
    cdef int _note_bound(
        self, bytes portal, ClientStatement statement, Verdict verdict, Exchange exchange
    ) except -1
    cdef int _note_drawing(self, Verdict verdict, Exchange exchange) except -1
    @cython.locals(deallocating=dict)
    cdef _note_portal(self, bytes portal, ClientStatement statement, Verdict verdict)
