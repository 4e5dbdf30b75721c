cimport cython

from pglane.engine.server_link cimport ServerLink


@cython.locals(wanted=dict)
cpdef prepare_lease(object client, ServerLink server)
cpdef read_back(object client, ServerLink server)
cpdef clean_for(object client, ServerLink server)
cpdef abandoned(ServerLink server)
