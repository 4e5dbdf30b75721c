cimport cython

from pglane.connection.statements cimport (
    ClientStatement, ServerStatement, ServerStatements, Shape
)
from pglane.wire.framing cimport MessageReader


cdef class PendingParse:
    cdef public ServerStatement server_statement
    cdef public dict names
    cdef public bytes name
    cdef public ClientStatement client_statement


cdef class Exchange:
    cdef public MessageReader reader
    cdef public ServerStatements statements
    cdef public dict parameters
    cdef public set changed
    cdef public int status
    cdef public list to_client
    cdef public list to_server
    cdef public bint skipping
    cdef public bint copy_in
    cdef public bint held
    cdef public bint attached
    cdef public bint unit_open
    cdef public list internal_rows
    cdef public dict internal_error
    cdef public dict ending
    cdef list _kinds
    cdef list _payloads
    cdef Py_ssize_t _head

    cpdef expect(self, int kind, object payload=*)
    cpdef answer_locally(self, bytes answer)
    cpdef answer_parse_locally(self, PendingParse pending)
    cpdef ask_internally(self, bytes text)
    cpdef bint is_idle(self) except -1
    cpdef Py_ssize_t outstanding(self) except -1
    @cython.locals(reader=MessageReader, events=int)
    cpdef int receive(self, bytes data) except? -1
    @cython.locals(events=int, event=int, kind=int, run=Py_ssize_t, begin=Py_ssize_t)
    cdef int _walk(self, MessageReader reader) except? -1
    cdef _hand_on(self, MessageReader reader, Py_ssize_t begin, Py_ssize_t end)
    @cython.locals(kind=int)
    cdef _maybe_stream(self, MessageReader reader)
    cdef _pass_stream(self)
    cdef bint _silent(self) except -1
    cdef bint _inserts(self) except -1
    cdef _insert_local_answers(self)
    cdef int _take(self, int kind, MessageReader reader) except? -1000
    cdef int _other(self, int kind, MessageReader reader) except? -1000
    cdef int _head_kind(self) except -1
    cdef _pop(self)
    @cython.locals(done=bint, kind=int)
    cdef int _ready(self, MessageReader reader) except? -1000
    @cython.locals(events=int)
    cdef int _command_complete(self, MessageReader reader) except? -1000
    cdef int _forgotten(self, bytes tag) except? -1000
    @cython.locals(head=int)
    cdef int _extended_answer(self, int kind, MessageReader reader) except? -1000
    cdef int _parse_complete(self, int head) except? -1000
    cdef _remember_description(self, MessageReader reader)
    @cython.locals(shape=Shape, description=bytes)
    cdef int _described_silently(self, MessageReader reader) except? -1000
    @cython.locals(fields=dict, head=int, released=int)
    cdef int _error(self, MessageReader reader) except? -1000
    cdef object _refusal(self, int head)
    cdef _insert(self, object refusal)
    cdef _mark_stale(self)
    cdef _skip_to_sync(self)
    cdef _undo(self, Py_ssize_t at)
    cdef _take_back(self, object statement)
    @cython.locals(at=Py_ssize_t, ended=bint)
    cdef _copy_in_begins(self)
    cpdef abandon(self)
    cpdef copy_ends(self)
    cpdef syncs(self)
    @cython.locals(fields=dict)
    cdef int _take_internal(self, int kind, MessageReader reader) except? -1000
    cdef _parameter(self, MessageReader reader)


cpdef dict error_fields(bytes body)
@cython.locals(at=Py_ssize_t, length=Py_ssize_t, values=list)
cpdef list row_values(bytes body)
