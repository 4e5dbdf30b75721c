cimport cython


cdef class Shape:
    cdef public bytes text
    cdef public bytes types
    cdef public object parse_key
    cdef public bytes description
    cdef public bint stale


cdef class Shapes:
    cdef dict _table
    cdef Py_ssize_t _shapes_max

    @cython.locals(shape=Shape)
    cpdef Shape of(self, bytes text, bytes types, object parse_key)


cdef class ClientStatement:
    cdef public bytes text
    cdef public bytes types
    cdef public object verdict
    cdef public Shape shape


cdef class ServerStatement:
    cdef public bytes name
    cdef public Shape shape
    cdef public bint complete


cdef class ServerStatements:
    cdef object _by_shape
    cdef bytes _prefix
    cdef Py_ssize_t _next
    cdef public Py_ssize_t statements_max
    cdef public object unnamed

    @cython.locals(statement=ServerStatement)
    cpdef ServerStatement find(self, Shape shape)
    @cython.locals(statement=ServerStatement)
    cpdef ServerStatement add(self, Shape shape)
    @cython.locals(shape=Shape, statement=ServerStatement)
    cpdef ServerStatement evict(self)
    cpdef forget(self, ServerStatement statement)
    cpdef bint is_ours(self, bytes name) except -1
    cpdef clear(self)
