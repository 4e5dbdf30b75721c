cimport cython

from pglane.connection.prepared_statements cimport ClientStatement, ServerStatement


@cython.freelist(32)
cdef class PendingParse:
    cdef public ServerStatement server_statement
    cdef public dict names
    cdef public bytes name
    cdef public ClientStatement client_statement
    cdef public ClientStatement before

    cdef _set_up(
        self, ServerStatement server_statement, dict names, bytes name,
        ClientStatement client_statement, ClientStatement before
    )
    cpdef bytes settle(self)


@cython.locals(made=PendingParse)
cpdef PendingParse pending_parse(
    ServerStatement server_statement, dict names, bytes name,
    ClientStatement client_statement, ClientStatement before
)


@cython.final
cdef class PendingDeallocation:
    cdef public dict names
    cdef public bytes name
    cdef public ClientStatement client_statement
    cdef public ServerStatement server_statement


@cython.final
cdef class PendingSteps(PendingParse):
    cdef public object subscriptions
    cdef public list steps

    cpdef done(self, bytes tag)


@cython.final
cdef class PendingRefusal(PendingParse):
    cdef public bytes answer


cpdef note_step(object payload, bytes tag)
@cython.locals(kept=set)
cpdef forget_names(dict names, list payloads)
cpdef dict first_changes(list payloads)
