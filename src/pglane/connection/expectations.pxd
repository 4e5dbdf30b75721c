from pglane.connection.statements cimport ClientStatement, ServerStatement


cdef class PendingParse:
    cdef public ServerStatement server_statement
    cdef public dict names
    cdef public bytes name
    cdef public ClientStatement client_statement
    cdef public ClientStatement before

    cpdef bytes settle(self)


cdef class PendingDeallocation:
    cdef public dict names
    cdef public bytes name
    cdef public ClientStatement client_statement
    cdef public ServerStatement server_statement
