cimport cython

from pglane.pool.ledger cimport Slot
from pglane.scheduler.request cimport Request


@cython.final
cdef class Grant:
    cdef public Request request
    cdef public Slot slot
