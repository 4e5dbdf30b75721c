cimport cython

ctypedef unsigned char* p_uchar

cdef bytes _CLASSES
cdef unsigned char[4096] _scratch
cdef int _NUMBER_MARK
cdef int _OTHER, _NAME, _DIGIT, _STOP, _DASH, _NUMBER


@cython.locals(
    size=Py_ssize_t, result=p_uchar, classes=bytes, kept=Py_ssize_t, before=int,
    at=Py_ssize_t, byte=int, kind=int
)
cpdef bytes numberless(bytes text)
