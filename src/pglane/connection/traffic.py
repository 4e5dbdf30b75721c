"""How much passed through one database: plain counters that the data path adds to.

An addition costs a machine instruction or two where this module is compiled. Nothing is computed
here or in the worker at all: averages and rates are made by whoever reads two snapshots.

What is not exact, and why: a client's time in queries runs while anything it asked for is
unanswered, so requests sent back to back share their time; a transaction whose client leaves in
the middle has no time; what the direct door carries passes unread, so only its bytes are counted.
"""


class Traffic:
    """Counts since the worker started; times in seconds.

    Attributes:
        transactions: units that ended outside a transaction block.
        queries: units that were answered: simple queries, function calls, all up to a Sync.
        received_bytes: from clients that are logged in.
        sent_bytes: from server connections; nearly all of it goes to clients.
        transaction_s: between the first request of a transaction and the answer to its last.
        query_s: while something a client asked for was unanswered by the server.
        wait_s: that clients waited for a server connection, counted when they get it.
        leases: how often a server connection was given to a client.
        logins: clients that came in.
        parses: statements that clients prepared by the protocol.
        server_parses: statements that were prepared on server connections for that.
        binds: prepared statements that were bound.
        pipelined: reads that were sent on behind another client's, in a shared pipeline.
        fell_back: of these, how many had to wait anew.
    """

    __slots__ = (
        "binds",
        "fell_back",
        "leases",
        "logins",
        "parses",
        "pipelined",
        "queries",
        "query_s",
        "received_bytes",
        "sent_bytes",
        "server_parses",
        "transaction_s",
        "transactions",
        "wait_s",
    )

    def __init__(self) -> None:
        self.transactions = 0
        self.queries = 0
        self.received_bytes = 0
        self.sent_bytes = 0
        self.transaction_s = 0.0
        self.query_s = 0.0
        self.wait_s = 0.0
        self.leases = 0
        self.logins = 0
        self.parses = 0
        self.server_parses = 0
        self.binds = 0
        self.pipelined = 0
        self.fell_back = 0
