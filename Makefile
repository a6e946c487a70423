# `make run` and `make test` set up all they need: a Python of their own in .venv, from the locked requirements.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
LOCK := uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-header

# Most tests wait for a fault to be noticed, so several run at a time, even on two cores; those of a file share their servers.
# Each has a part of the machine only, and so as many times the time for what must not take long.
at_a_time = SSE_HUB_TEST_PATIENCE=$(1) $(BIN)/python -m pytest --dist loadfile -n $(1)

# Three minutes of requests that nobody has thought of, with what the other tests leave of the CPU.
FUZZ_ROUTES := SSE_HUB_TEST_PATIENCE=4 SSE_HUB_TEST_FUZZ_SECONDS=180 nice $(BIN)/python -m pytest --log-cli-level=INFO \
	tests/integration/test_fuzz.py

FAULTS := $(addprefix tests/integration/test_,recorder.py takeover.py nobody_records.py log_lost.py log_changes.py frozen_redis.py \
	clocks.py retention.py redis_refuses.py unknown_ids.py lease.py cuts.py resume_log.py mend.py killed_hubs.py \
	paused.py vanished.py herd.py crowds.py hostile.py limits.py lines_log.py drain.py workers.py flood.py \
	logging_durable.py ship_exactly.py ship_histories.py docker.py) tests/unit/test_hub_model.py

.PHONY: help run test soak fuzz audit screenshots bench bench-quick check format lock clean

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

run: .venv/run-ready ## Run the hub with an embedded Redis and demo publishers (ARGS="--port 8092" for more)
	@exec $(BIN)/python run.py --demo $(ARGS)

test: check ## Check the code, then run the unit, integration and browser tests
	@tests/install-tools.sh
	@mkdir -p .fuzz; $(FUZZ_ROUTES) >.fuzz/routes.log 2>&1 & \
		$(call at_a_time,3) --ignore tests/integration/test_fuzz.py tests/unit tests/integration bench/tests; tested=$$?; \
		wait $$!; fuzzed=$$?; cat .fuzz/routes.log; exit $$((tested | fuzzed))
	$(call at_a_time,2) tests/browser

soak: .venv/test-ready ## Run the fault tests at full scale (docs/reliability.md)
	@tests/install-tools.sh
	SSE_HUB_TEST_FULL=1 $(BIN)/python -m pytest $(FAULTS)

fuzz: .venv/fuzz-ready ## An hour of requests nobody has thought of, then 15 minutes of bytes, chosen by the code they reach
	@tests/install-tools.sh
	SSE_HUB_TEST_FULL=1 $(BIN)/python -m pytest --log-cli-level=INFO tests/unit/test_whatever_comes.py tests/integration/test_fuzz.py
	$(BIN)/python -m tests.guided --seconds 900 $(ARGS)

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
