from pglane.pool.ledger cimport Slot
from pglane.scheduler.request cimport Request


cdef class Grant:
    cdef public Request request
    cdef public Slot slot
