# `make` alone lists the targets. Only Python 3.11, make and a package registry are needed.

PYTHON ?= python3.11
PROFILE ?= cpu
JOBS ?= 1
FIGURE ?= all
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
NOTEBOOKS := $(wildcard notebooks/*.py)

.DEFAULT_GOAL := help
.PHONY: help install book pdf lab reproduce bench faults fuzz test test-fast lint format sync references lock clean distclean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## the environment in .venv, exactly as locked

$(INSTALLED): requirements.lock requirements-nodeps.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3] < (3, 12))' 2>/dev/null || \
	  { echo "Python 3.11.5 or a later 3.11 is needed; name yours: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-nodeps.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

book: $(INSTALLED) ## run the notebooks that changed and build the book: _build/html/index.html (PROFILE=cpu)
	$(BIN)/python -m bookkit --profile $(PROFILE)

pdf: $(INSTALLED) ## the same, and the whole book as one PDF: _build/book.pdf (Chromium must be there)
	$(BIN)/python -m bookkit --profile $(PROFILE) --pdf

lab: $(INSTALLED) ## JupyterLab with every notebook ready (LAB="--port 8899" passes options on)
	$(BIN)/python tools/lab.py $(LAB)

reproduce: $(INSTALLED) ## plan, then run what has no stored result: all, or a figure (FIGURE=5 PROFILE=cpu JOBS=2)
	$(BIN)/repro reproduce --figure $(FIGURE) --profile $(PROFILE) --jobs $(JOBS)

bench: $(INSTALLED) ## measure speed against the plain step and other encoders: data/results/bench.json (half an hour)
	$(BIN)/python benchmarks/bench.py

fuzz: $(INSTALLED) ## 20,000 damaged pictures, then an hour of our parsers under a fuzzer: data/results/fuzz.json
	$(BIN)/python tools/fuzz.py
	$(BIN)/python tools/fuzz_parsers.py

faults: $(INSTALLED) ## kill the commands, fill their disks, overload them: data/results/faults.json (an hour)
	$(BIN)/python tools/faults.py

test: lint ## everything that must hold: style, types, tests, notebooks, the built book in a browser (WORKERS=2)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-sanitize-with tests/nbval/sanitize.cfg

test-fast: $(INSTALLED) ## the tests that take seconds
	$(BIN)/python -m pytest -q -m "not slow" --ignore tests/nbval

lint: $(INSTALLED) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sync: $(INSTALLED) ## bring notebooks/*.ipynb in line with notebooks/*.py, and the book's page on the command line
	$(BIN)/jupytext --quiet --update --to ipynb $(NOTEBOOKS)
	$(BIN)/python tools/command_line.py

references: $(INSTALLED) ## renew tests/nbval from runs at profile smoke, after a notebook's checked cells changed
	$(BIN)/python tools/nbval_references.py

lock: $(INSTALLED) ## renew requirements.lock from pyproject.toml
	$(PYTHON) -m venv _build/uv && _build/uv/bin/pip install --quiet uv
	(sed '/^[^#]/,$$d' requirements.lock; _build/uv/bin/uv pip compile pyproject.toml --all-extras --universal \
	  --python-version 3.11.5 --no-header --no-annotate --quiet) > _build/requirements.lock
	mv _build/requirements.lock requirements.lock

clean: ## remove what was built; the environment stays
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis build
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove the environment too
	rm -rf $(VENV) src/*.egg-info
