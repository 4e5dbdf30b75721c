"""Plays of many clients at one worker and a scripted server, chosen by a seed.

`play` draws what happens and looks at everything after each step; `habits` are what is usual in
it. `client` sends and knows what it is owed (`owed`); `server` behaves as PostgreSQL does towards
its socket (`server_socket`); `session` says what statements mean, for both sides, and
`own_questions` what the worker asks for itself; `worker_books` says what must hold inside it.
"""
