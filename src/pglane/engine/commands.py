"""Words of the commands that pass from the supervisor to a worker, and of their answers.

A command is {type: "command", id, verb, database}. It is answered by `command_held` at once (what
is paused and disabled from now on) and by `command_done` {id, problem, left} when what it waits
for is true.
"""

ALL = ""
"""Told instead of a database: all of them, those to come too."""
UNKNOWN = "unknown"
"""The problem of a command: there is no such database."""
UNFINISHED = "unfinished"
"""The problem of a command: what it waits for has not happened; `left` tells what that is."""
RESUMED = "resumed"
"""The problem of a PAUSE: somebody has said RESUME since."""
WAIT_S_MAX = 600.0
"""How long a worker waits for that."""
