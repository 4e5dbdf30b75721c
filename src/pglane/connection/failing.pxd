cimport cython

from pglane.connection.expectations cimport PendingDeallocation, PendingParse, first_changes
from pglane.connection.relayed cimport RelayedAnswers
from pglane.connection.prepared_statements cimport (
    ClientStatement, ServerStatement, ServerStatements, Shape
)
from pglane.wire.framing cimport MessageReader


cdef int _SYNC


cdef class FailingAnswers(RelayedAnswers):
    cdef public ServerStatements statements
    cdef public bint attached
    cdef public list to_server
    cdef public dict ending
    cdef public bytes instead

    cdef int _misfit(self, int kind) except? -1000
    @cython.locals(fields=dict, head=int, events=int)
    cdef int _error(self, MessageReader reader) except? -1000
    cdef object _refusal(self)
    @cython.locals(end=Py_ssize_t, at=Py_ssize_t, standing=dict)
    cdef _skip_to_sync(self)
    @cython.locals(kind=int)
    cdef _undo(self, Py_ssize_t at, dict standing)
    cdef _undo_deallocation(self, Py_ssize_t at)
    cdef _take_back(self, object statement)
    @cython.locals(at=Py_ssize_t, following=int)
    cdef int _copy_in_begins(self) except? -1000
    cpdef copy_ends(self)
    cpdef syncs(self)
    cpdef abandon(self)


cdef bint _says_role_is_gone(dict fields) except -1
