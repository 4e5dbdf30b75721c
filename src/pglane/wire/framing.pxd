cimport cython


cdef extern from *:
    """
    #include <string.h>

    static Py_ssize_t zero_at(const unsigned char *data, Py_ssize_t at, Py_ssize_t end)
    {
        const unsigned char *found = at < end ? memchr(data + at, 0, (size_t) (end - at)) : NULL;
        return found ? found - data : -1;
    }
    """
    Py_ssize_t c_zero_at "zero_at"(const unsigned char *data, Py_ssize_t at, Py_ssize_t end)


cdef Py_ssize_t _HEADER
cdef Py_ssize_t _CHUNK_MIN
cdef list _NO_CHUNKS


@cython.final
cdef class MessageReader:
    cdef public bytes buffer
    cdef public Py_ssize_t size
    cdef public Py_ssize_t begin
    cdef public Py_ssize_t end
    cdef public int kind
    cdef public Py_ssize_t length_max
    cdef public Py_ssize_t needed
    cdef public Py_ssize_t stream_left
    cdef list _chunks
    cdef Py_ssize_t _chunks_bytes

    cpdef bint would_take(self, Py_ssize_t length) except -1
    cpdef Py_ssize_t buffered_bytes(self) except -1
    cpdef Py_ssize_t kept_bytes(self) except -1
    cpdef feed(self, bytes data)
    @cython.locals(available=Py_ssize_t, whole=Py_ssize_t)
    cpdef bint next(self) except -1

    cdef _set_up(self, Py_ssize_t length_max)
    cpdef bint is_untouched(self) except -1

    cpdef drop(self)

    @cython.locals(chunks=list, last=bytes, last_at=Py_ssize_t)
    cdef int _append(self, bytes data) except -1
    cdef int _join(self) except -1
    @cython.locals(data=bytes, high=Py_ssize_t, length=Py_ssize_t)
    cdef Py_ssize_t _measure(self, Py_ssize_t at) except -1

    cpdef step_back(self)

    cpdef int partial_kind(self) except -1

    @cython.locals(part=bytes, part_bytes=Py_ssize_t)
    cpdef bytes stream_partial(self)
    @cython.locals(part=bytes, part_bytes=Py_ssize_t)
    cpdef bytes take_stream(self)
    @cython.locals(skipped=Py_ssize_t)
    cpdef skip(self, bytes data)
    cpdef bint is_amid(self) except -1
    @cython.locals(rest=bytes)
    cpdef bytes take_all(self)
    cpdef Py_ssize_t zero_at(self, Py_ssize_t at) except? -2
    @cython.locals(data=cython.p_char)
    cpdef bytes part(self, Py_ssize_t begin, Py_ssize_t end)
    cpdef bytes body(self)
    cpdef bytes message(self)


@cython.locals(made=MessageReader)
cpdef MessageReader message_reader(Py_ssize_t length_max)
