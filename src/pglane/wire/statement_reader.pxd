cimport cython
from pglane.wire.lexemes cimport Lexer

cdef int END, WORD, QUOTED, QUOTED_UNICODE, STRING, NUMBER, SYMBOL, BROKEN
cdef int _AS, _ATOMIC, _BEGIN, _END_WORD, _EXECUTE, _HOLD, _TEMP_WORD, _UPDATE, _WITH
cdef int _INSERTS, _SELECTS, _OPENED, _CLOSED
cdef int _PG_SETTINGS, _SET_CONFIG, _KEYWORDS
cdef int _CREATE, _REPLACE, _LOCAL, _GLOBAL, _INTO
cdef int _NOTHING, _FIRST, _BODY_SEMICOLON, _TEMP_NAME, _DOT
cdef int _NAME_BYTES_MAX, _HIGH_NAME_BYTES_MAX
cdef int _KIND_IMPORT, _KIND_INSERT, _KIND_MERGE, _KIND_CREATE, _KIND_EXPLAIN, _KIND_UNKNOWN
cdef long long _EFFECT_CATALOG, _EFFECT_TEMP, _EFFECT_UNKNOWN, _EFFECT_MALFORMED, _EFFECT_EXECUTES
cdef long long _EFFECT_SEQUENCE, _EFFECT_SEQUENCE_READ, _EFFECT_SEQUENCE_TOLD
cdef object _DRAWING, _CREATE_NOTHING
cdef dict _WORDS, _HEADS
cdef bytes _MAYBE, _TEMP_SCHEMA


@cython.final
cdef class Reader:
    cdef Lexer lexer
    cdef readonly list kinds
    cdef readonly list settings
    cdef readonly list calls
    cdef list head
    cdef list binding
    cdef readonly long long effects
    cdef long long own
    cdef long long pending
    cdef Py_ssize_t depth
    cdef Py_ssize_t begin
    cdef int kind
    cdef int wanted
    cdef int previous
    cdef bint started
    cdef bint atomic
    cdef bint held
    cdef bint selects
    cdef bint updates
    cdef bint names_settings
    cdef bint assigns_path
    cdef bint computed_path
    cdef bint draws
    cdef bint odd_string
    cdef readonly bint rereads

    cdef _reset(self)

    @cython.locals(lexer=Lexer, token=int)
    cpdef bint read(self) except -1
    cdef bint _symbol(self, int symbol) except -1
    cdef _call(self, long long effect)
    cdef bint _semicolon(self) except -1

    @cython.locals(lexer=Lexer)
    cdef _operand(self, int token)
    cdef _collect(self, bytes token)

    @cython.locals(piece=bytes)
    cdef _collect_operand(self, int token)
    cdef _unknown(self)

    @cython.locals(word=bytes, rule=tuple)
    cdef _open(self)

    @cython.locals(lexer=Lexer, length=Py_ssize_t)
    cdef _word(self)
    cdef _open_in_body(self)

    @cython.locals(lexer=Lexer, length=Py_ssize_t)
    cdef _quoted(self)

    @cython.locals(code=cython.longlong, previous=int)
    cdef _name(self, bytes word, bint keyword)

    @cython.locals(previous=int)
    cdef _keyword(self, int code)
    cdef _into(self, int previous)
    cdef bint _begins(self, int previous) except -1
    cdef _body(self, int code, int previous)
    cdef _config_call(self)

    @cython.locals(lexer=Lexer, back=Py_ssize_t, depth=int, token=int, symbol=int)
    cdef _arguments(self)
    cdef _setting(self, bytes written, bint local)

    @cython.locals(lexer=Lexer)
    cdef _bound_settings(self, list calls)

    @cython.locals(lexer=Lexer)
    cdef _finish(self)
    cdef _judge(self, list head)

    @cython.locals(lexer=Lexer)
    cdef bint _names_temp_schema(self) except -1
