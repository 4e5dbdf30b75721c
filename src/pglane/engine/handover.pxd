cimport cython

from pglane.engine.server_link cimport ServerLink
