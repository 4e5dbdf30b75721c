"""Benchmarks of one module each, in both of its forms; the figures that justify a `.pxd`.

The pattern, in three steps (`framing.py` is the model):

1. write the cases: functions that take the *module* and do a known number of things with it, so
   that the same lines run on the compiled and on the pure form;
2. name them in a list of `Case`, with what one thing is called and how many there are;
3. end with `main(MODULE, CASES)` from `bench.micro.forms`.

Run one with `python -m bench.micro.framing`. Times are the least of several repeats: noise of the
machine only ever adds. The cases are Python and call the compiled form from Python: a compiled
caller pays less.
"""
