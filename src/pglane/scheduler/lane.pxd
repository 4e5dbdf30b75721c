cimport cython

from pglane.scheduler.counters cimport Counters
from pglane.scheduler.group cimport Group
from pglane.scheduler.heap cimport Heap, Node
from pglane.scheduler.request cimport Arrivals, Lease, Line, Request
from pglane.scheduler.tenant cimport Tenant


cdef double _EXPIRY_SHARE
cdef double _HALF_LIFE_S
cdef double _HOLD_S_MIN
cdef int _LEARNED_MIN
cdef int _CONTINUED_MAX
cdef double _LEARNING
cdef double _STEP_UP
cdef double _STEP_DOWN
cdef double _STRIDE_UP
cdef double _STRIDE_DOWN


@cython.final
cdef class Lane(Node):
    cdef public Group group
    cdef public Counters counters
    cdef public Line holders
    cdef public Py_ssize_t reserve
    cdef public Py_ssize_t limit
    cdef public Py_ssize_t busy
    cdef public Py_ssize_t golden
    cdef public Py_ssize_t waiting
    cdef public bint borrows
    cdef public double hold_s_max
    cdef public double touched
    cdef public double mean_s
    cdef public double usual_s
    cdef public long long learned
    cdef public str name
    cdef public object policy
    cdef public object overload
    cdef public object tenants
    cdef public Arrivals arrivals
    cdef public Line front
    cdef public Heap fair
    cdef public Py_ssize_t kept_free
    cdef public bint suspended
    cdef public bint is_promised
    cdef public bint takes_back
    cdef public double weight
    cdef public int rank
    cdef public double wait_s_max
    cdef public double lease_s_max
    cdef public bint newest_first
    cdef public double loan_s_max
    cdef public Py_ssize_t golden_max
    cdef public object golden_work
    cdef public Py_ssize_t continued
    cdef public Py_ssize_t lent
    cdef public int place
    cdef public double tag
    cdef public double turn
    cdef public double left
    cdef public Py_ssize_t active_max
    cdef public bint overtaken
    cdef public bint mixed
    cdef public bint wait_is_default

    @cython.locals(passed_s=double, busy=Py_ssize_t)
    cpdef touch(self, double now)
    cpdef int hold(self, Lease lease, double now) except -1
    cpdef int let_go(self, Lease lease) except -1
    cpdef learn(self, double held_s, bint followed=*)
    cpdef adopt(self, object policy, Group group, Py_ssize_t reserve, Py_ssize_t golden_max)
    @cython.locals(tenant=Tenant, last=Request)
    cpdef enqueue(self, Request request)
    @cython.locals(tenant=Tenant)
    cpdef requeue(self, Request request)
    cpdef put_back(self, Request request)
    @cython.locals(tenant=Tenant)
    cpdef promote(self, Request request)
    @cython.locals(tenant=Tenant)
    cpdef demote(self, Request request)
    @cython.locals(tenant=Tenant, first=Lease)
    cpdef Request next(self, double now)
    @cython.locals(oldest=Request)
    cpdef bint is_late(self, double now) except -1
    @cython.locals(tenant=Tenant)
    cpdef dequeue(self, Request request, bint served)
    @cython.locals(debt=double)
    cpdef return_to(self, double virtual, double debt_max, double now)
    @cython.locals(lag=double)
    cpdef charge(self, double seconds, double virtual, double lag_max)
    @cython.locals(active=Py_ssize_t, ahead=Py_ssize_t, places=double)
    cpdef double estimate_s(self, Tenant tenant, double share) except? -1
    @cython.locals(wait_s=double)
    cpdef set_deadline(self, Request request)
    @cython.locals(tenant=Tenant, later=double, active=Py_ssize_t)
    cpdef note_ahead(self, Request request)
    cpdef double bound_s(self, Request request) except? -2
