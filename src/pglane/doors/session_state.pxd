cimport cython

from pglane.connection.allowance cimport Allowance


cdef long long _ASKED


cdef class ClientSessionState(Allowance):
    cdef object _peer
    cdef object _policy
    cdef str _user
    cdef public long long pinned_by

    cdef _set_up(self, object policy, object peer, str user)
    cpdef release(self)
    cpdef bint outlasts_cleaning(self) except -1


@cython.locals(made=ClientSessionState)
cpdef ClientSessionState client_session_state(object policy, object peer, str user)
