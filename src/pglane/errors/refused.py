"""What unwinds the command line when pglane cannot start: an exception that carries refusals.

On the wire a refusal is a value. Before the doors are open there is nobody to answer but the
person at the terminal, and every function between the finding and `main` can only give up: that is
what an exception is for. It carries all that was found, so a file with five mistakes is told once.
"""

from pglane.errors.catalogue import Refusal


class RefusedError(Exception):
    """pglane does not start.

    Attributes:
        refusals: everything that was found, in the order of finding; at least one.
    """

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("\n".join(str(refusal) for refusal in refusals))
        self.refusals = refusals
