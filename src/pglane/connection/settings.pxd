cimport cython


@cython.final
cdef class Vector:
    cdef public dict items
    cdef public object prepared
    cdef public object parse_key
    cdef public object weight


@cython.final
cdef class Vectors:
    cdef object _note
    cdef dict _table
    cdef dict _parse_keys
    cdef dict _statements
    cdef long long _vectors_max
    cdef long long _characters_max
    cdef long long _characters
    cdef public long long generation
    cdef public Vector empty
