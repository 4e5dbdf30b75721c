cimport cython

from pglane.connection.client_login cimport ClientLogin
from pglane.engine.loop cimport Timer
from pglane.engine.transport cimport Owner, Transport


cdef class LoginLink(Owner):
    cdef double _connected
    cdef object _door
    cdef ClientLogin _login
    cdef bint _over
    cdef Timer _timer
    cdef object _worker
    cdef public str address
    cdef public Transport transport

    @cython.locals(login=ClientLogin)
    cpdef on_data(self, bytes data)
    cdef _finish(self)
    @cython.locals(login=ClientLogin)
    cdef _enter(self)
