cimport cython

from pglane.connection.exchange cimport Exchange
from pglane.connection.expectations cimport PendingParse, pending_parse
from pglane.connection.extended_requests cimport ExtendedRequests
from pglane.connection.prepared_statements cimport ClientStatement, client_statement
from pglane.connection.request_messages cimport bind_head, zero_in
from pglane.wire.recent_texts cimport is_at
from pglane.wire.statements cimport Verdict
from pglane.wire.tags cimport may_be_tagged, may_begin_block


cdef Py_ssize_t _HEADER_BYTES, _BIND_BYTES, _DESCRIBE_BYTES, _TEXT_AT, _NAME_AT
cdef int _BIND_KIND, _OTHERS_FROM
cdef long long _LOOKED_AT

@cython.locals(kind=int)
cpdef bint is_whole_request(const unsigned char *data, Py_ssize_t size) except -1
@cython.locals(bind=Py_ssize_t, run=Py_ssize_t, begin=Py_ssize_t)
cdef bint _is_whole_unit(const unsigned char *data, Py_ssize_t size) noexcept
@cython.locals(run=Py_ssize_t)
cdef bint _is_bound_unit(const unsigned char *data, Py_ssize_t size) noexcept
@cython.locals(execute=Py_ssize_t, sync=Py_ssize_t)
cdef bint _is_run(const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept
@cython.locals(at=Py_ssize_t)
cdef bint _are_built_in(bytes types) except -1
@cython.locals(high=Py_ssize_t, length=Py_ssize_t, end=Py_ssize_t)
cdef Py_ssize_t _behind(
    const unsigned char *data, Py_ssize_t at, Py_ssize_t size, int kind
) noexcept


cdef class WholeRequests(ExtendedRequests):
    cdef PendingParse _again
    cdef public bint repeatable

    cdef _nothing_again(self)
    @cython.locals(kind=int, last=Py_ssize_t, end=Py_ssize_t, statement=ClientStatement)
    cpdef bint may_say_a_lane(self, const unsigned char *data, Py_ssize_t size) except -1
    @cython.locals(
        bind=Py_ssize_t, end=Py_ssize_t, verdict=Verdict, text=bytes, types=bytes,
        statement=ClientStatement, parse=PendingParse
    )
    cdef bint _asks_unit(
        self, const unsigned char *data, Py_ssize_t size, Exchange exchange
    ) except -1
    @cython.locals(
        statement=ClientStatement, text=bytes, types=bytes, size=Py_ssize_t, rest=Py_ssize_t,
        parse=PendingParse
    )
    cdef PendingParse _parse_again(
        self, const unsigned char *data, Py_ssize_t end, Py_ssize_t bind, Verdict verdict,
        Exchange exchange
    )
    @cython.locals(
        run=Py_ssize_t, end=Py_ssize_t, statement=ClientStatement, verdict=Verdict, name=bytes
    )
    cpdef bytes rebinds(self, const unsigned char *data, Py_ssize_t size, Exchange exchange)
    @cython.locals(begin=Py_ssize_t, end=Py_ssize_t, verdict=Verdict)
    cpdef bytes following(self, const unsigned char *data, Py_ssize_t size, Exchange exchange)
    @cython.locals(
        run=Py_ssize_t, end=Py_ssize_t, statement=ClientStatement, verdict=Verdict, name=bytes
    )
    cdef bytes _following_bound(
        self, const unsigned char *data, Py_ssize_t size, Exchange exchange
    )
    cdef bint _may_go_on(self, Exchange exchange) except -1
