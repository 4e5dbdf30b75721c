cimport cython

from pglane.connection.client_names cimport ClientNames
from pglane.connection.exchange cimport Exchange
from pglane.connection.expectations cimport PendingSteps
from pglane.connection.prepared_statements cimport ClientStatement
from pglane.wire.statements cimport Verdict


cdef class ClientChannels(ClientNames):
    cdef public object subscriptions
    cdef public list channels_wanted
    cdef public bint channels_heard
    cdef public bytes channels_refused

    cdef _hear_nothing(self)
    @cython.locals(refused=bytes)
    cdef bytes _objection(self, Verdict verdict, bytes text, Exchange exchange)
    cdef bint _needs_hearing(self, Verdict verdict) except -1
    cdef PendingSteps _steps(self, Verdict verdict, bytes text, ClientStatement before)
