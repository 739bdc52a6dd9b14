# One page of doors into the house. `make help` lists them.
# Needs python3 (3.11 or newer), pip and make; everything else goes into .venv, at the versions of constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TESTS ?= -n 2 --dist loadfile

# One thread a process: two test processes on two cores, and the same bits on every machine.
export OMP_NUM_THREADS := 1
# Unset, the tests on real data look for them here, and are skipped where there are none.
export VITALS_DATA ?= $(abspath ../shared/data)

.DEFAULT_GOAL := help
export SEED BEDS DAYS CADENCE ALONE NUMBERED STANDING

.PHONY: help demo test check static format bench faults soak models spark clean

# The shipped models; each has a target of its own, such as `make models/sepsis-vitals`.
MODELS := sepsis-icu sepsis-vitals mortality-2012
SHELF := $(MODELS:%=models/%)
# Hospitals of the 2019 challenge, as Parquet or as the folders of .psv files that PhysioNet gives.
HOSPITALS ?= $(wildcard $(VITALS_DATA)/challenge2019/hospital_[AB].parquet $(VITALS_DATA)/challenge2019/training_set[AB])
.PHONY: $(SHELF)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## the main job on a simulated ward, in minutes, without any download of data
	@$(BIN)/vitals demo

test: $(READY) ## all tests
	@$(BIN)/python -m pytest $(TESTS)

check: static test ## exactly what CI does: ruff, mypy, import contracts, tests

static: $(READY) ## ruff, mypy and import contracts, without the tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

spark: $(READY) ## the extra for scoring on Spark (500 MB, and Java 17 or newer beside it); then its tests run, too
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	 PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	 $$pip install --quiet --progress-bar off -c constraints.txt -e '.[spark]'

bench: $(READY) ## the benchmark figures, as ratios inside one run
	@for file in benchmarks/[!_]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

faults: $(READY) ## docs/faults.md from the tests that say which fault they cover (minutes)
	@$(BIN)/python -m tests.faults.page

soak: $(READY) ## a ward lives through faults of every kind in virtual time: SEED=1 BEDS=1000 DAYS=7
	@$(BIN)/python -m tests.faults.soak

models: $(SHELF) ## train, tune and judge the shipped models again, from VITALS_DATA (hours)

# Recipes and budgets are told in models/README.md.
models/sepsis-%: COHORT := cohorts/icu
models/sepsis-%: BUDGET := 30/100pd
models/mortality-%: COHORT := cohorts/mortality
models/mortality-%: BUDGET := 20/100pd
models/sepsis-icu models/sepsis-vitals: cohorts/icu
models/mortality-2012: cohorts/mortality

$(SHELF): $(READY)
	$(BIN)/vitals train settings/$(@F).toml --data $(COHORT) --out $@
	$(BIN)/vitals tune $@ --data $(COHORT) --max-alerts $(BUDGET)
	$(BIN)/vitals evaluate $@ --data $(COHORT) --part held_out

# Imported once; remove the folder to import again.
cohorts/icu: | $(READY)
	$(BIN)/vitals import challenge2019 $(HOSPITALS) $@

cohorts/mortality: | $(READY)
	$(BIN)/vitals import challenge2012 $(VITALS_DATA)/challenge2012 $@

clean: ## remove the environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis vitals-demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A venv without its own pip is fine (Debian without python3-venv makes no other): the pip outside then serves it.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vitals needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) (once; a few minutes)"
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	 PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	 $$pip install --quiet --progress-bar off -c constraints.txt -e '.[dev]'
	@touch $@
