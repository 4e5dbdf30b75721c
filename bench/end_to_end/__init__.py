"""A side-by-side benchmark: direct connections, PgBouncer and pglane on one PostgreSQL.

Method. Every contender stays up for the whole run and serves the same database to the same role
over loopback TCP with SCRAM on both sides. A round visits every workload; within a workload the
contenders follow each other in random order, those with the same number of server connections side
by side, so that whatever else the machine does hits all of them alike. A ratio is taken within a
round; its median over the rounds is what counts, its minimum and maximum are printed beside it.

Counted is the CPU time of *all* processes of a contender (utime and stime, reaped children
included), divided by the transactions pgbench finished in that time. The time the hypervisor stole
and the CPU time that belongs to none of ours are kept with each run: a noisy run is visible.

`connect` rows are bound by pgbench: a SCRAM login costs a client milliseconds of key derivation.
Their CPU time a transaction compares, their throughput hardly does.

PgBouncer and pglane both run with several numbers of server connections and the best one of each
counts: the highest throughput (foreign load taken out) and, among those within five per cent of
it, the least CPU time.

Nothing here is a claim about absolute speed: only contenders of the same run are comparable.
Linux only (`/proc`).
"""
