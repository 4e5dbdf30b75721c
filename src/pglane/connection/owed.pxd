cimport cython

from pglane.connection.expectations cimport PendingParse


cdef int _QUERY, _SYNC, _FUNCTION, _INTERNAL, _UNWANTED, _COPY_END
cdef int _PARSE, _BIND, _DESCRIBE, _EXECUTE
cdef Py_ssize_t _HEADER_BYTES, _READY_BYTES
cdef int _OUTSTANDING_MAX, _ROOM, _ROOM_KEPT_MAX


cdef class OwedAnswers:
    cdef public Py_ssize_t segment
    cdef public bint unit_open
    cdef public bint mixed
    cdef bytearray _kinds
    cdef list _payloads
    cdef Py_ssize_t _head
    cdef Py_ssize_t _end
    cdef Py_ssize_t _cycle_at
    cdef Py_ssize_t _close_at

    @cython.locals(at=Py_ssize_t)
    cpdef int expect(self, int kind, object payload=*) except -1
    @cython.locals(at=Py_ssize_t, kinds=bytearray)
    cpdef int expect_unit(self, PendingParse parse, object bound, bint described) except -1
    cpdef Py_ssize_t outstanding(self) except -1
    cpdef bint is_settled(self) except -1
    cpdef bint drops(self) except -1
    @cython.locals(
        head=Py_ssize_t, at=Py_ssize_t, kind=int,
        high=Py_ssize_t, length=Py_ssize_t, end=Py_ssize_t, asked=int, last=cython.bint
    )
    cpdef bint is_answered_by(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef bint _passes(self, int kind, int asked, Py_ssize_t head, int first) except -1
    cdef bint _destroys_only(self, int asked, Py_ssize_t head) except -1
    cdef int _head_kind(self) except -1
    cdef int _start_anew(self) except -1
    @cython.locals(more=Py_ssize_t)
    cdef _make_room(self)
    cpdef bint may_discard(self) except -1
    cpdef bint may_keep_closed(self) except -1
    cpdef bint is_full(self) except -1
    cdef bytearray _owed_kinds(self)
    cdef _pop(self)
    cdef _trim(self)
    cdef _insert(self, object refusal)
    cdef _remove(self, Py_ssize_t at)
    @cython.locals(at=Py_ssize_t)
    cdef _drop(self)


cpdef bint is_status(int status) except -1
