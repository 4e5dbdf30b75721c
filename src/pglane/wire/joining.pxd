cdef extern from *:
    """
    static PyObject *pglane_joined(PyObject *first, PyObject *second, PyObject *third,
                                   PyObject *fourth, PyObject *fifth)
    {
        PyObject *parts[] = {first, second, third, fourth, fifth}, *whole;
        Py_ssize_t size = 0;
        char *end;
        for (int at = 0; at < 5; at++) {
            if (!PyBytes_Check(parts[at])) {
                PyErr_SetString(PyExc_TypeError, "only bytes are put together");
                return NULL;
            }
            size += PyBytes_GET_SIZE(parts[at]);
        }
        whole = PyBytes_FromStringAndSize(NULL, size);
        if (!whole)
            return NULL;
        end = PyBytes_AS_STRING(whole);
        for (int at = 0; at < 5; at++) {
            if (PyBytes_GET_SIZE(parts[at]))
                memcpy(end, PyBytes_AS_STRING(parts[at]), (size_t) PyBytes_GET_SIZE(parts[at]));
            end += PyBytes_GET_SIZE(parts[at]);
        }
        return whole;
    }
    """
    bytes c_joined "pglane_joined"(
        bytes first, bytes second, bytes third, bytes fourth, bytes fifth
    )


cpdef bytes joined(bytes first, bytes second, bytes third=*, bytes fourth=*, bytes fifth=*)
