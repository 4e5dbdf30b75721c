cimport cython


cdef class Node:
    cdef public double key
    cdef public long long order
    cdef public Py_ssize_t spot


@cython.final
cdef class Heap:
    cdef list _nodes
    cdef public Py_ssize_t count
    cdef long long _ordered
    cdef public long long steps

    cpdef Node first(self)
    cpdef list among_first(self, Py_ssize_t count)
    cpdef list members(self)
    @cython.locals(spot=Py_ssize_t)
    cpdef push(self, Node node)
    @cython.locals(spot=Py_ssize_t, last_spot=Py_ssize_t, last=Node)
    cpdef remove(self, Node node)
    cpdef moved(self, Node node)
    cpdef served(self, Node node)
    cdef _settle(self, Node node, Py_ssize_t spot)
    @cython.locals(nodes=list, above=Py_ssize_t, other=Node)
    cdef _rise(self, Node node, Py_ssize_t spot)
    @cython.locals(nodes=list, size=Py_ssize_t, below=Py_ssize_t, other=Node, right=Node)
    cdef _sink(self, Node node, Py_ssize_t spot)
