# Streamgauge. `make help` lists what there is; every target does its own set-up.

PYTHON ?= python3
BIN := .venv/bin
PACE ?= 400
KAFKA ?=
KILLS ?= 25
SEED ?= 1
CONFIG ?= deploy/examples/demo.toml

.DEFAULT_GOAL := help
.PHONY: help run test check kafka bench chaos format clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 14

# The stamp is newer than what it was made from, or pip is asked again.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Streamgauge needs Python 3.11 or later; name it with PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: .venv/installed ## A live monitor on a local Kafka: PACE=400 records a second, KAFKA=host:port for yours
	@$(BIN)/python -m deploy.demo --config $(CONFIG) --pace $(PACE) $(if $(KAFKA),--kafka $(KAFKA))

test: check ## Everything: lint, types, all tests, the real broker included
	$(BIN)/pytest --quiet -m 'kafka or slow'

check: .venv/installed ## Lint, types and the quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --quiet -m 'not kafka and not slow'

kafka: .venv/installed ## A local Kafka in the foreground, on 127.0.0.1:9092
	@$(BIN)/python -m deploy.kafka.broker --port 9092

.venv/bench: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@touch $@

bench: .venv/bench ## Accuracy and speed beside River by hand, bogofilter and Vowpal Wabbit, as ratios
	@$(BIN)/python -m benchmarks.replay
	@$(BIN)/python -m benchmarks.mail
	@$(BIN)/python -m benchmarks.model
	@$(BIN)/python -m benchmarks.delivery

chaos: .venv/installed ## Kill workers and broker while they score: KILLS=25 SEED=1
	@$(BIN)/python -m benchmarks.chaos --kills $(KILLS) --seed $(SEED)

format: .venv/installed ## Put the code into its one form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

clean: ## Remove what was built, the virtual environment included
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
