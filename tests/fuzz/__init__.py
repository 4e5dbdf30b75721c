"""Random input for everything in `pglane.wire` that reads what a stranger sends.

`target` says what must hold for any input, `run` feeds it (`python -m tests.fuzz.run --seconds
60`), `corpus/` has inputs to begin with, cut from real sessions: `sessions` lists them, and
`make_corpus` cuts what `tools/record_session.py` recorded of them.
"""
