cimport cython


cdef extern from *:
    """
    #include <dlfcn.h>

    typedef struct { unsigned long long words[16]; } pglane_sha;  /* SHA256_CTX: 112 bytes */

    static int (*pglane_begin)(void *);
    static int (*pglane_add)(void *, const void *, size_t);
    static int (*pglane_end)(unsigned char *, void *);

    static int pglane_find_sha(void)
    {
        static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1"};
        for (size_t at = 0; at < sizeof(names) / sizeof(*names); at++) {
            void *library = dlopen(names[at], RTLD_LAZY | RTLD_NOLOAD);
            if (!library)
                continue;
            *(void **) &pglane_begin = dlsym(library, "SHA256_Init");
            *(void **) &pglane_add = dlsym(library, "SHA256_Update");
            *(void **) &pglane_end = dlsym(library, "SHA256_Final");
            if (pglane_begin && pglane_add && pglane_end)
                return 1;
            dlclose(library);
        }
        return 0;
    }

    static PyObject *pglane_state(const char *data, Py_ssize_t size)
    {
        pglane_sha state = {{0}};
        pglane_begin(&state);
        pglane_add(&state, data, (size_t) size);
        return PyBytes_FromStringAndSize((const char *) &state, sizeof(state));
    }

    static PyObject *pglane_hash(const char *data, Py_ssize_t size)
    {
        pglane_sha state;
        unsigned char hash[32];
        pglane_begin(&state);
        pglane_add(&state, data, (size_t) size);
        pglane_end(hash, &state);
        return PyBytes_FromStringAndSize((const char *) hash, sizeof(hash));
    }

    static void pglane_key(unsigned char *hash, const char *inner, const char *outer,
                           const char *data, Py_ssize_t size)
    {
        pglane_sha state;
        memcpy(&state, inner, sizeof(state));
        pglane_add(&state, data, (size_t) size);
        pglane_end(hash, &state);
        memcpy(&state, outer, sizeof(state));
        pglane_add(&state, hash, 32);
        pglane_end(hash, &state);
    }

    static PyObject *pglane_keyed(const char *inner, const char *outer, const char *data,
                                  Py_ssize_t size)
    {
        unsigned char hash[32];
        pglane_key(hash, inner, outer, data, size);
        return PyBytes_FromStringAndSize((const char *) hash, sizeof(hash));
    }

    static PyObject *pglane_proven(const char *inner, const char *outer,
                                   const unsigned char *stored, const char *data,
                                   Py_ssize_t size, const unsigned char *proof)
    {
        pglane_sha state;
        unsigned char key[32], hash[32], unlike = 0;
        pglane_key(key, inner, outer, data, size);
        for (int at = 0; at < 32; at++)
            key[at] ^= proof[at];
        pglane_begin(&state);
        pglane_add(&state, key, sizeof(key));
        pglane_end(hash, &state);
        for (int at = 0; at < 32; at++)
            unlike |= hash[at] ^ stored[at];
        return PyBytes_FromStringAndSize((const char *) key, unlike ? 0 : 32);
    }
    """
    bint c_find "pglane_find_sha"()
    bytes c_state "pglane_state"(const char *data, Py_ssize_t size)
    bytes c_hash "pglane_hash"(const char *data, Py_ssize_t size)
    bytes c_keyed "pglane_keyed"(
        const char *inner, const char *outer, const char *data, Py_ssize_t size
    )
    bytes c_proven "pglane_proven"(
        const char *inner, const char *outer, const unsigned char *stored, const char *data,
        Py_ssize_t size, const unsigned char *proof
    )


cdef bint _direct
cdef bytes _DIGITS
cdef unsigned int _NO_DIGIT
cdef unsigned char[64] _digits
cdef unsigned char[256] _values
cdef unsigned char[32] _key
cdef unsigned char[44] _text

@cython.final
cdef class KeyedHash:
    cdef object _inner
    cdef object _outer
    cdef bytes _inner_state
    cdef bytes _outer_state

    cpdef bytes of(self, bytes message)


cpdef bint hash_directly(bint wanted) except -1
cpdef bytes hash_of(bytes data)
cpdef bytes mix(bytes left, bytes right)
cpdef bytes proven_key(KeyedHash stored_key, bytes stored, bytes signed, bytes proof)
@cython.locals(
    at=int, of_four=int, seen=cython.uint, word=cython.uint, value=cython.uint
)
cpdef bytes from_base64(bytes text, Py_ssize_t begin=*)
@cython.locals(at=int, first=int, pair=cython.uint)
cpdef bytes to_base64(bytes key)
