# Two commands do everything on a fresh machine: `make app` and `make test`.
# Override PYTHON (the interpreter to build with) or VENV (where the environment goes).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PORT ?= 8501
# Who may visit: this machine, or with 0.0.0.0 any that reaches it.
ADDRESS ?= 127.0.0.1
JOBS ?= auto
# Where `make bench` writes its numbers.
BENCH_JSON ?= build/bench-cpu.json

# Where `make site` keeps the documentation of every version.
SITE ?= site

.DEFAULT_GOAL := help
.PHONY: help app test slow lint coverage mutation hostile bench audit sbom docs site clean

help:
	@echo "make app    open the explorer in a browser"
	@echo "make test   run the tests"
	@echo "make slow   run the longer tests too"
	@echo "make lint   ruff, mypy, import contracts"
	@echo "make coverage   which lines the tests reach, with a floor"
	@echo "make mutation   which small changes of the code the tests notice"
	@echo "make hostile    hand it files that are meant to do harm, and count what they do"
	@echo "make audit      look every installed package up in the lists of known vulnerabilities"
	@echo "make sbom       list them in CycloneDX's form, in build/sbom.json"
	@echo "make bench      every target of speed, met or missed, in five minutes"
	@echo "make docs   build the documentation into build/site"
	@echo "make site VERSION=0.2   put it beside that of earlier versions, on the branch $(SITE)"
	@echo "make clean  remove $(VENV)"

app: $(VENV)/.app
	$(BIN)/streamlit run app/main.py --server.port $(PORT) --server.address $(ADDRESS)

# One thread a worker: two workers with two threads each fight over two cores. Where an environment forbids
# Python to keep what it compiled, each of the programs that tests start would compile the package anew.
test: $(VENV)/.test
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not slow and not gpu"

slow: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not gpu"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# With one worker a core; the floor stands in pyproject.toml.
coverage: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not slow and not gpu" --cov --cov-report=term:skip-covered

# All of it takes about ten minutes on two idle cores; `--sample 40` takes 40 changes of each module.
mutation: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.mutation --jobs 2 --json benchmarks/results/mutation.json

# Goes on where it was cut off; the table is in docs/security.md.
hostile: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.hostile

# Both tools in an environment of their own: what they need is none of ours.
audit: $(VENV)/.app build/audit/.done
	$(BIN)/python -m tests.audit build/audit/bin/pip-audit

sbom: $(VENV)/.app build/audit/.done
	build/audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o build/sbom.json

build/audit/.done: pyproject.toml
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --disable-pip-version-check --quiet 'cyclonedx-bom>=7.0' 'pip-audit>=2.9'
	@touch $@

# On an idle machine. Where others work on it too: BENCH="--threads 1 --shared". What is published is held by
# tests to the tables in docs/, so it is written only where asked: BENCH_JSON=benchmarks/results/bench-cpu.json.
bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.bench --json $(BENCH_JSON) $(BENCH)

docs: $(VENV)/.test
	$(BIN)/mkdocs build --strict

# mike finds mkdocs on the path. Each version has a folder of its own there, and every page a choice between them.
site: $(VENV)/.test
	@test -n "$(VERSION)" || { echo "make site: expected VERSION=0.2 or the like; found none"; exit 2; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet 'mike>=2.1,<3'
	PATH="$(abspath $(BIN)):$$PATH" mike deploy --branch $(SITE) --update-aliases "$(VERSION)" latest

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else "gst-analysis needs Python 3.11 or newer; found %d.%d. Run: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV); the first time takes some minutes."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) with what the tests need; the first time takes some minutes."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[test]'
	@touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV)
