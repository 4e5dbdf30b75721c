# One runner. `make` prints the targets; what needs more than a line lies in tools/.
# .venv/.up and .venv/.test say that the environment is installed, .venv/.built that no extension is
# older than its source. `make PYTHON=python3.13 setup` chooses the interpreter.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup up demo test quick lint types integration late differential sessions faults soak bleed bench fast order lab compat docs check again clean servers

FITTING := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c "$(FITTING)" 2>/dev/null && echo $$p && break; done),python3)
RUN := .venv/bin/python
TYPED := $(shell find src -name '*.pxd')
HALVES := $(TYPED) $(TYPED:.pxd=.py)
LAYOUT := src/pglane/cold_paths.h src/pglane/hot_functions.txt
# Without bytecode on the disk every gateway that starts would translate its sources, which takes
# it a third of a second. Containers often forbid to write it.
unexport PYTHONDONTWRITEBYTECODE
# Through the environment and unexpanded: a password may hold any character and stays out of argv.
ifneq ($(value URI),)
export DATABASE_URL := $(value URI)
unexport URI
MAKEOVERRIDES :=
endif

help:  ## print this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/.built  ## the environment in .venv: package, compiled modules, embedded PostgreSQL

up: .venv/.built  ## three doors in front of an embedded PostgreSQL, or of URI=postgresql://...; OPTIONS=...
	@exec .venv/bin/pglane up $(OPTIONS)

demo: .venv/.built  ## half a minute of a marketplace: pools for each user beside lanes; OPTIONS=...
	@exec .venv/bin/pglane demo $(OPTIONS)

test: check  ## everything, real PostgreSQL included (under 25 minutes on two cores)

quick: .venv/.test  ## unit tests and house rules in pure Python: nothing is compiled
	@$(RUN) -m pytest -q --form=pure tests/unit tests/test_house.py -k "not extensions_are_fresh"

lint: .venv/.test  ## ruff, format, cython-lint, import contracts
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet
	@PATH=.venv/bin:$$PATH cython-lint $(TYPED)
	@.venv/bin/lint-imports | tail -n 20

types: .venv/.test  ## mypy, strict
	@$(RUN) -m mypy

docs: .venv/.test .venv/.built  ## generated pages are fresh, links and examples hold
	@$(RUN) -m pytest -q tests/test_house.py $(wildcard tests/docs)

integration: .venv/.test .venv/.built servers  ## with real PostgreSQL servers and drivers
	@$(RUN) -m pytest tests/integration

late: .venv/.test .venv/.built servers  ## the same, where the catalogs are read 1.5 s late: SECONDS=...
	@PGLANE_TEST_MONITOR_LATE_S='$(or $(SECONDS),1.5)' $(RUN) -m pytest tests/integration

differential: .venv/.test .venv/.built servers  ## random sequences on moving and on private connections; N=5000, SEED=...
	@PGLANE_DIFFERENTIAL_EXAMPLES='$(or $(N),5000)' PGLANE_DIFFERENTIAL_SEED='$(or $(SEED),0)' \
		$(RUN) -m pytest tests/integration/test_differential.py tests/integration/test_differential_topics.py

sessions: .venv/.test .venv/.built  ## random sessions against a scripted server, any seed again; N=5000, SEED=...
	@PGLANE_SESSIONS_EXAMPLES='$(or $(N),5000)' PGLANE_SESSIONS_SEED='$(or $(SEED),500)' \
		$(RUN) -m pytest -q tests/simulation/test_random_sessions.py $(OPTIONS)

faults: .venv/.test .venv/.built servers  ## break the network at every message of every way to write: nobody is told a lie
	@PGLANE_FAULTS=0 $(RUN) -m pytest -s -o faulthandler_timeout=3600 tests/integration/test_faults.py

soak: .venv/.test .venv/.built servers  ## mixed load and faults for MINUTES=60: no lies, no leaks; kept in bench/results
	@$(RUN) -m tests.soak '$(or $(MINUTES),60)' $(OPTIONS)

bleed: .venv/.test .venv/.built servers  ## measure docs/reference/bleed-matrix.md anew; PGLANE_BENCH_PGBOUNCER=a newer one
	@PGLANE_WRITE_MATRIX=1 $(RUN) -m pytest -q tests/integration/test_bleed_matrix.py

fast: .venv/.test servers  ## lay the compiled code out as the benchmark's workloads run it: GCC, some minutes
	@$(RUN) -m tools.build_fast

order: .venv/.test servers  ## measure anew which functions serve, for the linker: GCC, some minutes
	@$(RUN) -m tools.measure_order

bench: .venv/.test .venv/.built servers  ## gateway, PgBouncer and direct connections side by side
	@$(RUN) -m bench

lab: .venv/.test .venv/.built servers  ## scenarios on a real PostgreSQL: who waits, here and elsewhere; NAMES=... OPTIONS=...
	@.venv/bin/pglane lab run $(NAMES) $(OPTIONS)

compat: .venv/.test .venv/.built servers  ## drivers' own test suites through the doors; SOURCES=folder of their checkouts
	@PGLANE_COMPAT_SOURCES='$(SOURCES)' $(RUN) -m tests.compat $(OPTIONS)

check: .venv/.test .venv/.built servers lint types  ## what CI runs: the same as test
	@$(RUN) -m tools.check

again: .venv/.test .venv/.built  ## what failed in the last run of the tests, once more
	@$(RUN) -m tools.check again

clean:  ## remove what make made
	rm -rf .venv build dist src/*.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -path ./.git -prune -o -name __pycache__ -prune -exec rm -rf {} +
	find src \( -name '*.so' -o -name '*.c' \) -delete

servers: .venv/.test
	@$(RUN) -m tools.install_test_servers

.venv/.up: pyproject.toml setup.py tools/set_up.py
	@$(PYTHON) tools/set_up.py embedded

.venv/.test: pyproject.toml setup.py tools/set_up.py
	@$(PYTHON) tools/set_up.py embedded test

.venv/.built: .venv/.up $(HALVES) $(LAYOUT) tools/build_extensions.py
	@$(RUN) -m tools.build_extensions
