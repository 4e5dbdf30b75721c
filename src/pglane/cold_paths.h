/* Included before each compiled module: what is called only when something went wrong.
 *
 * The compiler then lays each path that ends there apart from the usual one. Generated C has such
 * a path behind nearly every statement, and lying between the others they doubled the cache lines
 * and pages that serving a client touches. Found by name alone: a function that a module does not
 * have is a declaration without use. */

#include <Python.h>

#if defined(__GNUC__) || defined(__clang__)
#define PGLANE_COLD __attribute__((cold))
#else
#define PGLANE_COLD
#endif

PGLANE_COLD PyAPI_FUNC(void) PyErr_SetString(PyObject *, const char *);
PGLANE_COLD PyAPI_FUNC(void) PyErr_SetObject(PyObject *, PyObject *);
PGLANE_COLD PyAPI_FUNC(void) PyErr_SetNone(PyObject *);
PGLANE_COLD PyAPI_FUNC(PyObject *) PyErr_Format(PyObject *, const char *, ...);
PGLANE_COLD PyAPI_FUNC(PyObject *) PyErr_NoMemory(void);
PGLANE_COLD PyAPI_FUNC(void) PyErr_WriteUnraisable(PyObject *);
PGLANE_COLD static void __Pyx_AddTraceback(const char *, int, int, const char *);
