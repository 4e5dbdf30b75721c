cimport cython

from pglane.doors.lease cimport LeaseDesk
from pglane.doors.need cimport Need
from pglane.pool.ledger cimport Ledger, Slot
from pglane.scheduler.lane cimport Lane
from pglane.scheduler.lanes cimport LaneQueue
from pglane.scheduler.request cimport Lease, Request


cdef int _IDLE, _LEASED

@cython.locals(lease=Lease, lane=Lane, request=Request, need=Need)
cpdef Request next_follower(LeaseDesk desk, Slot slot, double now)
@cython.locals(queue=LaneQueue, ledger=Ledger, lane=Lane)
cdef bint _may_share(LeaseDesk desk, Lease lease) except -1
cpdef follow(LeaseDesk desk, Slot slot, Request request, double now)
