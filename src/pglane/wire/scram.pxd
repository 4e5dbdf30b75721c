cimport cython

from pglane.wire.joining cimport joined
from pglane.wire.scram_keys cimport (
    KeyedHash,
    from_base64,
    hash_of,
    mix,
    proven_key,
    to_base64,
)


cdef bytes _hmac(bytes key, bytes data)
cdef bytes _BINDING, _NAMELESS, _PROOF, _UNABLE, _UNOFFERED
cdef Py_ssize_t _KEY_BYTES, _MESSAGE_BYTES_MAX, _PROOF_BYTES

@cython.locals(byte=cython.uchar)
cdef bytes _printable(bytes nonce)
cdef bytes _checked_nonce(bytes nonce)
@cython.locals(text=cython.p_char, attribute=bytes, attributes=list)
cdef bytes _nonce_attribute(bytes bare)
cdef bytes _sized(bytes message)
@cython.locals(attributes=list, part=bytes)
cdef list _attributes(bytes message)
@cython.locals(part=bytes, text=cython.p_char)
cdef bytes _attribute(list attributes, Py_ssize_t index, bytes name)
@cython.locals(data=bytes)
cdef bytes _base64(bytes text, Py_ssize_t begin=*)


@cython.final
cdef class PreparedVerifier:
    cdef public object verifier
    cdef public bytes challenge
    cdef public bytes stored_key_bytes
    cdef public KeyedHash stored_key
    cdef public KeyedHash server_key


@cython.final
cdef class ScramServer:
    cdef PreparedVerifier _prepared
    cdef bytes _binding
    cdef bint _bound
    cdef bytes _nonce
    cdef bytes _client_first_bare
    cdef bytes _gs2_header
    cdef bytes _server_first
    cdef public bytes client_key

    cdef _set_up(self, PreparedVerifier prepared, bytes nonce, bytes binding, bint bound)
    @cython.locals(text=cython.p_char, header=bytes)
    cpdef bytes first(self, bytes client_first)
    cdef bytes _header_of(self, bytes client_first)
    @cython.locals(
        size=Py_ssize_t, begin=Py_ssize_t, text=cython.p_char, proof=bytes, without_proof=bytes
    )
    cpdef bytes final(self, bytes client_final)
    cdef bytes _prefix(self)
    @cython.locals(attributes=list, seen=bytes)
    cdef _check(self, bytes without_proof)
    @cython.locals(prepared=PreparedVerifier, signed=bytes, client_key=bytes)
    cdef bytes _verify(self, bytes without_proof, bytes proof)


@cython.locals(made=ScramServer)
cpdef ScramServer scram_server(
    PreparedVerifier prepared, bytes nonce, bytes binding, bint bound
)
