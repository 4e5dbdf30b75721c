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

    static PyObject *pglane_keyed(const char *inner, const char *outer, const char *data,
                                  Py_ssize_t size)
    {
        pglane_sha state;
        unsigned char hash[32];
        memcpy(&state, inner, sizeof(state));
        pglane_add(&state, data, (size_t) size);
        pglane_end(hash, &state);
        memcpy(&state, outer, sizeof(state));
        pglane_add(&state, hash, sizeof(hash));
        pglane_end(hash, &state);
        return PyBytes_FromStringAndSize((const char *) hash, sizeof(hash));
    }
    """
    bint c_find "pglane_find_sha"()
    bytes c_state "pglane_state"(const char *data, Py_ssize_t size)
    bytes c_hash "pglane_hash"(const char *data, Py_ssize_t size)
    bytes c_keyed "pglane_keyed"(
        const char *inner, const char *outer, const char *data, Py_ssize_t size
    )


cdef bint _direct
cdef bytes _DIGITS
cdef unsigned int _NO_DIGIT
cdef unsigned char[64] _digits
cdef unsigned char[256] _values
cdef unsigned char[32] _key
cdef unsigned char[44] _text

cpdef bint hash_directly(bint wanted) except -1
cpdef bytes hash_of(bytes data)
@cython.locals(at=int)
cpdef bytes mix(bytes left, bytes right)
@cython.locals(at=int, unlike=int)
cpdef bint is_same(bytes left, bytes right) except -1
@cython.locals(
    at=int, of_four=int, seen=cython.uint, word=cython.uint, value=cython.uint
)
cpdef bytes from_base64(bytes text)
@cython.locals(at=int, first=int, pair=cython.uint)
cpdef bytes to_base64(bytes key)


@cython.final
cdef class KeyedHash:
    cdef object _inner
    cdef object _outer
    cdef bytes _inner_state
    cdef bytes _outer_state

    cpdef bytes of(self, bytes message)
