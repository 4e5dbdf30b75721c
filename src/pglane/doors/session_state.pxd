from pglane.connection.allowance cimport Allowance


cdef class ClientSessionState(Allowance):
    cdef object _peer
    cdef object _policy
    cdef str _user
    cdef public long long pinned_by
