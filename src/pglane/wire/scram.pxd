cimport cython


cdef bytes _hmac(bytes key, bytes data)
cdef bytes _hash(bytes data)
cdef bytes _xor(bytes left, bytes right)
cdef bytes _printable(bytes nonce)
cdef bytes _checked_nonce(bytes nonce)
cdef bytes _sized(bytes message)
cdef tuple _split_gs2(bytes client_first)
cdef list _attributes(bytes message)
cdef bytes _attribute(list attributes, Py_ssize_t index, str name)
cdef bytes _base64(bytes text)


cdef class ScramServer:
    cdef object _verifier
    cdef bytes _nonce
    cdef bytes _client_first_bare
    cdef bytes _gs2_header
    cdef bytes _server_first
    cdef public bytes client_key

    @cython.locals(attributes=list)
    cpdef bytes first(self, bytes client_first)
    @cython.locals(attributes=list, proof=bytes)
    cpdef bytes final(self, bytes client_final)
    @cython.locals(signed=bytes, client_key=bytes)
    cdef bytes _verify(self, bytes without_proof, bytes proof)
