cimport cython


@cython.final
cdef class Shape:
    cdef public bytes text
    cdef public bytes types
    cdef public object parse_key
    cdef public bytes description
    cdef public bint stale
    cdef public bint loose
    cdef public long long epoch
    cdef public object weight

    @cython.locals(told=bytes)
    cpdef bytes fixed_types(self)


@cython.final
cdef class Shapes:
    cdef object _note
    cdef dict _table
    cdef Py_ssize_t _shapes_max
    cdef Py_ssize_t _bytes_max
    cdef Py_ssize_t _bytes
    cdef long long _epoch

    cpdef renew(self)
    cpdef weigh(self, Py_ssize_t count)
    @cython.locals(shape=Shape)
    cpdef Shape of(self, bytes text, bytes types, object parse_key)
    @cython.locals(shape=Shape)
    cpdef Shape loose(self, bytes text, bytes types, object parse_key)
    @cython.locals(shape=Shape)
    cdef Shape _made(self, bytes text, bytes types, object parse_key)


@cython.freelist(32)
@cython.final
cdef class ClientStatement:
    cdef public bytes text
    cdef public bytes types
    cdef public object verdict
    cdef public Shape shape
    cdef public ServerStatement prepared
    cdef public bint settled
    cdef public Py_ssize_t segment
    cdef public object weight

    cdef _set_up(self, bytes text, bytes types, object verdict, Shape shape)


@cython.locals(made=ClientStatement)
cpdef ClientStatement client_statement(bytes text, bytes types, object verdict, Shape shape)


@cython.final
cdef class ServerStatement:
    cdef public bytes name
    cdef public Shape shape
    cdef public bint complete
    cdef public bint checked
    cdef public Py_ssize_t segment
    cdef public bint used


@cython.final
cdef class ServerStatements:
    cdef dict _by_shape
    cdef public Py_ssize_t text_bytes
    cdef bytes _prefix
    cdef Py_ssize_t _next
    cdef public Py_ssize_t statements_max
    cdef public object unnamed
    cdef public Py_ssize_t unnamed_segment
    cdef public bint unnamed_left
    cdef public list unclosed
    cdef public Shape unlike
    cdef public bint has_loose

    cpdef int holds_unnamed(self, ClientStatement statement, Py_ssize_t segment) except -1
    cpdef destroys_unnamed(self)
    @cython.locals(statement=ServerStatement)
    cpdef ServerStatement find(self, Shape shape)
    @cython.locals(statement=ServerStatement)
    cpdef ServerStatement add(self, Shape shape)
    cpdef ServerStatement apart(self, Shape shape)
    @cython.locals(oldest=ServerStatement)
    cpdef ServerStatement evict(self)
    @cython.locals(statement=ServerStatement)
    cdef ServerStatement _unused(self)
    cpdef forget(self, ServerStatement statement)
    @cython.locals(statement=ServerStatement)
    cpdef drop(self, Shape shape)
    @cython.locals(statement=ServerStatement)
    cpdef drop_loose(self)
    @cython.locals(fresh=Shape, statement=ServerStatement)
    cpdef Shape renew(self, Shape shape)
    @cython.locals(shape=Shape)
    cpdef told(self, ClientStatement client_statement, bytes description)
    @cython.locals(shape=Shape)
    cpdef compare(self, ClientStatement client_statement, bytes description)
    @cython.locals(statement=ServerStatement)
    cdef _check(self, Shape shape)
    cpdef distrust(self, Shape shape, dict fields)
    cpdef bint is_ours(self, bytes name) except -1
    @cython.locals(statement=ServerStatement)
    cpdef drop_named(self, bytes name)
    @cython.locals(statement=ServerStatement)
    cpdef forget_complete(self)
    cpdef clear(self)
    cpdef list all(self)
