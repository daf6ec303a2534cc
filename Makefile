# Streamgauge. `make help` lists what there is; every target does its own set-up.

PYTHON ?= python3
BIN := .venv/bin
PACE ?= 400
KAFKA ?=
KILLS ?= 25
SEED ?= 1
RUNS ?= 10000
PARTS ?=
JSON ?=
CONFIG ?= deploy/examples/demo.toml
# Programs that tests need, and the Debian packages that have them.
DEBIAN := promtool=prometheus prometheus=prometheus prometheus-alertmanager=prometheus-alertmanager chromium=chromium

.DEFAULT_GOAL := help
.PHONY: help run test check lint warm kafka image-test bench accuracy scaling chaos fuzz audit pages dashboards format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 19

# The stamp is newer than what it was made from, or pip is asked again.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Streamgauge needs Python 3.11 or later; name it with PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: .venv/installed ## A live monitor on a local Kafka: PACE=400 records a second, KAFKA=host:port for yours
	@$(BIN)/python -m deploy.demo --config $(CONFIG) --pace $(PACE) $(if $(KAFKA),--kafka $(KAFKA))

# Tests run side by side, a file to a process; those that wait for a broker, each process with one of
# its own, go to whichever is free.
PYTEST := $(BIN)/pytest --quiet
BESIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
WAITING := --numprocesses 3 --dist worksteal

test: .venv/installed ## Everything: lint, types, all tests, the real broker included
	@$(MAKE) --no-print-directory --jobs 2 lint warm
	$(PYTEST) $(BESIDE) -m 'not (kafka or image)'
	$(PYTEST) $(WAITING) -m kafka

# What most tests need, compiled once and not by each process for itself.
warm: .venv/installed
	@$(BIN)/python -m deploy.image.warm deploy/examples

check: lint ## Lint, types and the quick tests
	$(PYTEST) $(BESIDE) -m 'not (kafka or slow or image)'

lint: .venv/installed
	@deploy/packages.sh $(DEBIAN)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

image-test: .venv/installed ## Build the Dockerfile without an engine, and try the container on a real Kafka
	@deploy/packages.sh buildah=buildah mmdebstrap=mmdebstrap
	@$(BIN)/python -m deploy.image.build
	$(PYTEST) --capture=no -m image

kafka: .venv/installed ## A local Kafka in the foreground, on 127.0.0.1:9092
	@$(BIN)/python -m deploy.kafka.broker --port 9092

.venv/bench: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@touch $@

bench: .venv/bench ## Speed beside River, Quix Streams, Faust, Vowpal Wabbit and others: one table; PARTS='mail model'
	@$(BIN)/python -m benchmarks.table $(PARTS) $(if $(JSON),--json $(JSON))

accuracy: .venv/bench ## What each filter gets right, beside its peers, in detail
	@$(BIN)/python -m benchmarks.replay
	@$(BIN)/python -m benchmarks.mail
	@$(BIN)/python -m benchmarks.model
	@$(BIN)/python -m benchmarks.delivery
	@$(BIN)/python -m benchmarks.label_free
	@$(BIN)/python -m benchmarks.no_labels
	@$(BIN)/python -m benchmarks.nab
	@$(BIN)/python -m benchmarks.scrape
	@$(BIN)/python -m benchmarks.open_pages

scaling: .venv/installed ## Many workers: throughput of 1, 2 and 4, kills, and what partitions cost in accuracy
	@$(BIN)/python -m benchmarks.scaling

chaos: .venv/installed ## Kill workers and broker while they score: KILLS=25 SEED=1
	@$(BIN)/python -m benchmarks.chaos --kills $(KILLS) --seed $(SEED)

.venv/fuzz: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fuzz]'
	@touch $@

fuzz: .venv/fuzz ## Foreign bytes to every reader: RUNS=10000 inputs each, SEED=1
	@$(BIN)/python -m tests.fuzz --runs $(RUNS) --seed $(SEED)

audit: .venv/installed ## Known holes in what is installed, as far as they can be asked for from here
	@$(BIN)/python -m deploy.audit

pages: .venv/installed ## docs/configuration.md and docs/metrics.md anew, from the code
	@$(BIN)/python -m deploy.config_page
	@$(BIN)/python -m deploy.prometheus.metrics_page

dashboards: .venv/installed pages ## Grafana's dashboards and Kubernetes' PrometheusRule anew, and `make pages`
	@$(BIN)/python -m deploy.grafana.dashboards
	@$(BIN)/python -m deploy.kubernetes.prometheus_rule

format: .venv/installed ## Put the code into its one form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

clean: ## Remove what was built, the virtual environment included
	rm -rf .venv .venv-audit build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
