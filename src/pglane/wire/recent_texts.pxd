cimport cython

ctypedef const unsigned char* p_uchar


cdef extern from "string.h":
    int c_compare "memcmp"(const void *left, const void *right, size_t count) nogil


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    #define PGLANE_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

    static inline uint64_t text_word(const unsigned char *at)
    {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        return word;
    }
    /* whether a byte of it is a digit or 0, the mark of a number */
    static inline int has_number(uint64_t word)
    {
        uint64_t low = word & PGLANE_EACH(0x7f);
        uint64_t digits = (PGLANE_EACH(0x7f + 0x3a) - low) & ~word & (low + PGLANE_EACH(0x50));
        uint64_t marks = (word - PGLANE_EACH(1)) & ~word;
        return ((digits | marks) & PGLANE_EACH(0x80)) != 0;
    }
    static inline uint64_t mixed_word(uint64_t word)
    {
        word *= UINT64_C(0x9E3779B97F4A7C15);
        return word ^ (word >> 32);
    }
    """
    unsigned long long c_word "text_word"(const unsigned char *at) nogil
    bint c_has_number "has_number"(unsigned long long word) nogil
    unsigned long long c_mix "mixed_word"(unsigned long long word) nogil


cdef extern from "Python.h":
    const unsigned char *c_bytes "(const unsigned char *) PyBytes_AS_STRING"(bytes data)


cdef int _PLACES, _KEPT_BYTES_MAX, _PREFIX_BYTES, _NUMBER_MARK


@cython.final
cdef class RecentTexts:
    cdef list _kept
    cdef list _found

    @cython.locals(
        at=Py_ssize_t, pattern_at=Py_ssize_t, size=Py_ssize_t, text=bytes, pieces=bytes
    )
    cpdef object find(self, const unsigned char *data, Py_ssize_t begin, Py_ssize_t end)
    @cython.locals(at=Py_ssize_t)
    cpdef keep_text(self, bytes text, object found)
    @cython.locals(at=Py_ssize_t)
    cpdef keep_pattern(self, bytes pattern, object found)
    @cython.locals(at=Py_ssize_t)
    cpdef clear(self)


@cython.locals(
    at=Py_ssize_t, mixed=cython.ulonglong, word=cython.ulonglong, byte=int, there=p_uchar
)
cdef Py_ssize_t _place(const unsigned char *data, Py_ssize_t begin, Py_ssize_t end) noexcept
@cython.locals(
    at=Py_ssize_t, first=Py_ssize_t, place=Py_ssize_t, size=Py_ssize_t, count=Py_ssize_t,
    there=p_uchar
)
cdef bint _matches(
    bytes pieces, const unsigned char *data, Py_ssize_t begin, Py_ssize_t end
) noexcept
@cython.locals(start=p_uchar)
cpdef bint is_at(
    bytes kept, Py_ssize_t place, Py_ssize_t count, const unsigned char *data, Py_ssize_t at
) noexcept
