cpdef bytes message(bytes kind, bytes body)
cpdef bytes error(bytes sqlstate, bytes text, bytes routine=*)
