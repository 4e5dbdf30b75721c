"""Mixed load and faults for a long time: what nobody sees in a test of seconds.

`python -m tests.soak 60` runs a gateway with its three doors and a PostgreSQL 18 for an hour.
Client processes with five drivers do checked work, pgbench runs beside them, and backends,
clients, workers, the network and PostgreSQL itself break meanwhile. Three questions are asked:

* Was anything told that is not so? Rows are numbered; what each client was told about each of them
  goes to a file, line by line, so that a killed client has told what it knew. The files are
  compared with the table around the gateway, all the time and at the end.
* Did anybody see what was not theirs: an answer, a setting, a temporary table, a notification, a
  cancellation? Each client knows what it must see.
* Does anything grow? Memory and descriptors of each process are curves, judged by their slopes.

It is gentle: paced to a fraction of a core, so that it can run beside other work.
"""
