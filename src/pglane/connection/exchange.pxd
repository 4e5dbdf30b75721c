cimport cython

from pglane.connection.expectations cimport (
    PendingDeallocation, PendingParse, forget_names, note_step
)
from pglane.connection.failing cimport FailingAnswers
from pglane.connection.owed cimport is_status
from pglane.connection.prepared_statements cimport (
    ClientStatement, ServerStatement, ServerStatements, Shape
)
from pglane.wire.framing cimport MessageReader


cdef int _QUERY, _SYNC, _FUNCTION, _EXECUTE, _IDLE_STATUS, _INTERNAL, _LOCAL, _READY
cdef int _UNWANTED


@cython.final
cdef class Exchange(FailingAnswers):
    cdef public set changed
    cdef public dict names
    cdef public bint deaf
    cdef public bint shared
    cdef public bint stopped
    cdef public bint drawn
    cdef public bint owes_ready
    cdef public dict parameters
    cdef public str encoding
    cdef public bint standard_strings
    cdef public list to_client
    cdef public object renumber
    cdef public object own
    cdef bytes _parameters_told

    cpdef answer_locally(self, PendingParse change)
    cpdef bint may_have_failed(self) except -1
    cpdef ask_internally(self, bytes text, bint guards=*)
    cpdef bint is_quiet(self) except -1
    cpdef bint is_idle(self) except -1
    cpdef drops_one(self)
    cpdef bint leaves_only_answers(self) except -1
    cpdef bint has_more(self) except -1
    cpdef int receive(self, bytes data) except? -1
    @cython.locals(reader=MessageReader, events=int, held=int)
    cpdef int goes_on(self) except? -1
    @cython.locals(outstanding=Py_ssize_t)
    cdef _release_hold(self)
    @cython.locals(events=int, event=int, kind=int, run=Py_ssize_t, begin=Py_ssize_t)
    cdef int _walk(self, MessageReader reader) except? -1
    @cython.locals(at=Py_ssize_t, told=bytes)
    cdef bytes _renumbered(self, MessageReader reader)
    @cython.locals(end=Py_ssize_t)
    cdef bint _is_between(self) except -1
    cdef bint _comes_otherwise(self, MessageReader reader) except -1
    cdef _hand_on(self, MessageReader reader, Py_ssize_t begin, Py_ssize_t end)
    @cython.locals(kind=int)
    cdef _maybe_stream(self, MessageReader reader)
    @cython.locals(head=int)
    cdef bint _silent(self) except -1
    cdef bint _is_unwanted(self) except -1
    cdef bint _inserts(self) except -1
    cdef _insert_local_answers(self)
    cdef int _take(self, int kind, MessageReader reader) except? -1000
    @cython.locals(head=int)
    cdef int _other(self, int kind, MessageReader reader) except? -1000
    @cython.locals(head=int)
    cdef int _ready(self, MessageReader reader) except? -1000
    @cython.locals(status=int)
    cdef bint _note_status(self, MessageReader reader) except -1
    @cython.locals(events=int, head=int, at=Py_ssize_t)
    cdef int _command_complete(self, MessageReader reader) except? -1000
    cdef int _forgotten(self, bytes tag) except? -1000
    @cython.locals(head=int)
    cdef int _extended_answer(self, int kind, MessageReader reader) except? -1000
    @cython.locals(description=bytes)
    cdef int _description(self, int kind, int head, MessageReader reader) except? -1000
    cdef int _parse_complete(self, int head) except? -1000
    @cython.locals(fields=dict, body=bytes, guards=bint)
    cdef int _take_internal(self, int kind, MessageReader reader) except? -1000
    @cython.locals(fields=dict)
    cdef int _take_unwanted(self, int kind, MessageReader reader) except? -1000
    @cython.locals(name=str)
    cdef int _reported(self, MessageReader reader) except? -1000
    @cython.locals(at=Py_ssize_t)
    cdef int _refused_behind(self) except? -1000
    cdef str _parameter(self, MessageReader reader)
    cdef _note_reading(self)
