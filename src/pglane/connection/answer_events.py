"""What an `Exchange` tells of a chunk of answers: bits, for several may happen in one."""

READY = 1
INTERNAL_DONE = 2
PARAMETERS = 4
ENDING = 8
BROKEN = 16
TO_SERVER = 32
DISCARDED = 64
RELEASED_HOLD = 128
ROLELESS = 256
