# `make run` and `make test` set up all they need: a Python of their own in .venv, from the locked requirements.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
LOCK := uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-header

# Most tests wait for a fault to be noticed or for a browser, so several files run in parallel, even on two cores. Tests of a
# file share servers. Each process gets only a part of the machine, so deadlines are longer by the number of processes, and one
# for what runs beside them.
at_a_time = SSE_HUB_TEST_PATIENCE=$(2) $(BIN)/python -m pytest --dist loadfile -n $(1)

# A minute of generated requests, with the CPU time that the other tests leave. Until it ends, none of the tests begins that
# take a busy machine for broken servers.
FUZZ_ROUTES := SSE_HUB_TEST_PATIENCE=5 SSE_HUB_TEST_FUZZ_SECONDS=60 nice -n 5 $(BIN)/python -m pytest --log-cli-level=INFO \
	tests/integration/http/test_fuzz_routes.py
BUSY := .fuzz/busy

FAULTS := $(addprefix tests/integration/,recording redis_faults alerts overload sentinel cluster failover delivery/test_ids_and_fences.py history/test_retention.py \
	history/test_recorded_lines.py resume/test_unknown_ids.py resume/test_resume_from_log.py server/test_drain.py \
	server/test_workers.py server/test_killed_while_starting.py logging/test_durable_handler.py commands/test_ship_exactly_once.py \
	commands/test_ship_random_histories.py commands/test_docker.py) tests/unit/hub/test_hub_model.py

# Compile each module once, also where a container image says otherwise: programs start in two thirds of the CPU time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test soak fuzz audit screenshots demo-cluster bench bench-quick check format lock clean

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

run: .venv/run-ready ## Run the hub with an embedded Redis and demo publishers (ARGS="--port 8092" for more)
	@exec $(BIN)/python run.py --demo $(ARGS)

test: .venv/test-ready ## Check the code, then run the unit, integration and browser tests
	@tests/install-tools.sh
	@# The tests that need these programs build them again if that fails, and say why.
	@tests/clients/install.sh >/dev/null 2>&1 & $(MAKE) --no-print-directory check && wait
	@mkdir -p .fuzz; touch $(BUSY); \
		{ $(FUZZ_ROUTES); fuzzed=$$?; rm -f $(BUSY); exit $$fuzzed; } >.fuzz/routes.log 2>&1 & fuzz=$$!; \
		SSE_HUB_TEST_BUSY=$(BUSY) $(call at_a_time,3,4) --ignore tests/integration/http/test_fuzz_routes.py \
			tests/unit tests/integration bench/tests || failed=1; \
		wait $$fuzz || failed=1; \
		cat .fuzz/routes.log; exit $${failed:-0}
	$(call at_a_time,2,3) -m "not speed" tests/browser
	SSE_HUB_TEST_PATIENCE=2 $(BIN)/python -m pytest -m speed tests/browser

soak: .venv/test-ready ## Run the fault tests at full scale (docs/reliability.md)
	@tests/install-tools.sh
	SSE_HUB_TEST_FULL=1 $(BIN)/python -m pytest --log-cli-level=INFO $(FAULTS)

fuzz: .venv/fuzz-ready ## Fuzz: an hour of generated requests, then 15 minutes of coverage-guided input
	@tests/install-tools.sh
	SSE_HUB_TEST_FULL=1 $(BIN)/python -m pytest --log-cli-level=INFO tests/unit/project/test_fuzz_properties.py tests/integration/http/test_fuzz_routes.py
	$(BIN)/python -m tests.support.coverage_fuzz --seconds 900 $(ARGS)

demo-cluster: .venv/test-ready ## Run two hubs on a Redis Cluster, to be broken (ARGS=sentinel: on a primary with Sentinels)
	@exec $(BIN)/python -m tests.support.demo_cluster $(ARGS)

audit: ## Ask PyPI for known faults of what the hub is installed with (needs uv)
	uvx pip-audit --disable-pip -r requirements/run.lock

screenshots: .venv/test-ready ## Make pictures of every state of the page in .screenshots, to be looked at (ARGS="paused" for some)
	@tests/install-tools.sh
	@$(BIN)/python -m tests.browser.screenshots .screenshots $(ARGS)

check: .venv/test-ready ## Lint and type-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/test-ready ## Measure the hub beside its peers (installed into .bench), and write docs/benchmarks.md
	@$(BIN)/python -m bench $(ARGS)

bench-quick: .venv/test-ready ## Measure the hub and the C floor: two minutes, installs and writes nothing
	@$(BIN)/python -m bench --quick $(ARGS)

format: .venv/test-ready ## Lay the code out
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## Renew the locked requirements (needs uv)
	$(LOCK) pyproject.toml -o requirements/run.lock
	$(LOCK) pyproject.toml --group dev -o requirements/test.lock
	$(LOCK) --group fuzz -o requirements/fuzz.lock
	$(LOCK) --group build -o requirements/build.lock

clean: ## Remove what the commands above have made
	rm -rf .venv .bench .fuzz .screenshots .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results

# Its lock has only what fuzzing needs more than the tests.
.venv/fuzz-ready: .venv/test-ready

# The venv is made without pip, which works on Debian too, where ensurepip is missing; the outer pip installs into it.
.venv/%-ready: requirements/%.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, this is: $$($(PYTHON) --version 2>&1). Say which: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || \
		{ echo "pip is missing for $(PYTHON) (Debian: apt-get install python3-pip)."; exit 1; }
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes --disable-pip-version-check -r $<
	@touch $@
